import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { computeHa1 } from '../../src/auth/digest.ts'
import { prepareDatabase } from '../../src/cli/first-start.ts'
import { Shell } from './shell.ts'

let shell: Shell
beforeEach(() => {
  shell = new Shell()
})
afterEach(() => shell.remove())

function query(sql: string): unknown[][] {
  const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
  try {
    return database.query(sql).values()
  } finally {
    database.close()
  }
}

const HA1S = 'SELECT username, algorithm, ha1 FROM credential ORDER BY username, algorithm'

function ha1s(usernames: readonly string[], password: string): string[][] {
  const algorithms = ['MD5', 'SHA-256', 'SHA-512-256'] as const
  return usernames.flatMap((username) =>
    algorithms.map((algorithm) => [
      username,
      algorithm,
      computeHa1(algorithm, username, 'example.com', password),
    ]),
  )
}

describe('extension add', () => {
  test('makes a number with a user of the same name and shows the password that it made', async () => {
    const { code, stdout, stderr } = await shell.run(['extension', 'add', '103', '--name', 'Ann Smith'])
    expect([code, stderr]).toEqual([0, ''])
    const password = /password +(\S+)/.exec(stdout)?.[1] ?? ''
    expect(password).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/)
    expect(query(HA1S)).toEqual(ha1s(['103'], password))
    expect(query('SELECT name, realm, is_default FROM domain')).toEqual([['example.com', 'example.com', 1]])
    expect(await shell.ask(['extension', 'list'])).toEqual([
      expect.objectContaining({
        number: '103',
        displayName: 'Ann Smith',
        user: '103',
        status: 'active',
        contacts: 0,
      }),
    ])
  })

  test('makes credentials for the number and for the user, and does not repeat a given password', async () => {
    const add = ['extension', 'add', '103', '--user', 'ann', '--password', 'geheim', '--max-bindings', '3']
    const answer = await shell.ask(add)
    expect(answer).toEqual({ number: '103', domain: 'example.com', user: 'ann', realm: 'example.com' })
    expect(query(HA1S)).toEqual(ha1s(['103', 'ann'], 'geheim'))
    expect(query('SELECT max_bindings FROM extension')).toEqual([[3]])
  })

  test('gives a second number of a user a password of its own', async () => {
    await shell.ask(['extension', 'add', '103', '--user', 'ann', '--password', 'first'])
    await shell.ask(['extension', 'add', '104', '--user', 'ann', '--password', 'second'])
    expect(query(HA1S)).toEqual([
      ...ha1s(['103'], 'first'),
      ...ha1s(['104'], 'second'),
      ...ha1s(['ann'], 'first'),
    ])
  })

  test('reads the password from standard input', async () => {
    await shell.ask(['extension', 'add', '103', '--password', '-'], { input: 'ge heim\n' })
    expect(query(HA1S)).toEqual(ha1s(['103'], 'ge heim'))
  })

  const refused: readonly (readonly [string, readonly string[], number, string])[] = [
    ['a number that exists', ['103'], 65, 'Extension 103 exists already in example.com.'],
    ['a number that cannot be dialled', ['1 2'], 64, '"1 2" may have'],
    ['a user name that is none', ['104', '--user', 'a@b'], 64, '"a@b" may have'],
    ['a login that another user has', ['ann', '--user', 'bob'], 65, 'Another user logs in as "ann" already'],
    ['an empty password', ['104', '--password', ''], 65, 'The password is empty.'],
    ['no number of contacts', ['104', '--max-bindings', '0'], 64, 'from 1 to 100'],
    ['an unknown domain', ['104', '--domain', 'example.org'], 65, 'There is no domain "example.org"'],
    ['no number', [], 64, 'usage: sipwitches extension add NUMBER'],
    ['an unknown option', ['104', '--colour', 'blue'], 64, 'usage: sipwitches extension add NUMBER'],
  ]
  for (const [what, words, code, message] of refused) {
    test(`refuses ${what}, and leaves nothing half done`, async () => {
      await shell.ask(['extension', 'add', '103', '--user', 'ann', '--password', 'geheim'])
      const ended = await shell.run(['extension', 'add', ...words])
      expect(ended.code).toBe(code)
      expect(ended.stderr).toContain(message)
      expect(ended.stdout).toBe('')
      expect(query('SELECT count(*) FROM user')).toEqual([[1]])
      expect(query('SELECT count(*) FROM extension')).toEqual([[1]])
    })
  }
})

describe('extension show', () => {
  test('tells all but the secrets', async () => {
    await shell.ask(['extension', 'add', '103', '--user', 'ann', '--password', 'geheim'])
    query(`INSERT INTO binding SELECT 1, 'k' || value, '<sip:103@192.0.2.7>', 'id', 1, 1, value, value, '', '', '',
      'udp:192.0.2.7:5060', 'udp:192.0.2.1:5060', 0
      FROM json_each('["2001-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"]')`)
    const { stdout, code } = await shell.run(['extension', 'show', '103'])
    expect(code).toBe(0)
    expect(stdout).toContain('login as ann in example.com by SHA-512-256')
    expect(stdout).toContain('registered <sip:103@192.0.2.7> until 2101')
    expect(stdout).not.toContain('2001')
    const json = JSON.stringify(await shell.ask(['extension', 'show', '103']))
    for (const [, , ha1] of ha1s(['103', 'ann'], 'geheim')) {
      expect(stdout).not.toContain(ha1 ?? '')
      expect(json).not.toContain(ha1 ?? '')
    }
    expect(stdout).not.toContain('geheim')
  })

  test('refuses a number that nobody has', async () => {
    await shell.ask(['extension', 'add', '103'])
    const { code, stderr } = await shell.run(['extension', 'show', '104'])
    expect([code, stderr]).toEqual([65, 'sipwitches: There is no extension 104 in example.com.\n'])
  })

  test('makes no database where there is none', async () => {
    const { code, stderr } = await shell.run(['extension', 'show', '103', '--database', 'sqlite:typo.db'])
    expect(code).toBe(69)
    expect(stderr).toContain('There is no database at typo.db.')
    expect(await Bun.file(shell.path('typo.db')).exists()).toBe(false)
  })
})

describe('extension set', () => {
  beforeEach(() =>
    shell.ask(['extension', 'add', '103', '--user', 'ann', '--password', 'geheim', '--name', 'Ann']),
  )

  test('changes what is named and nothing else', async () => {
    expect(await shell.ask(['extension', 'set', '103', '--name', 'Bo', '--max-bindings', '2'])).toMatchObject(
      {
        displayName: 'Bo',
        maxBindings: 2,
        status: 'active',
      },
    )
    expect(
      await shell.ask(['extension', 'set', '103', '--suspend', '--max-bindings', 'default']),
    ).toMatchObject({
      displayName: 'Bo',
      maxBindings: null,
      status: 'suspended',
    })
    expect(await shell.ask(['extension', 'set', '103', '--resume'])).toMatchObject({ status: 'active' })
    expect(query(HA1S)).toEqual(ha1s(['103', 'ann'], 'geheim'))
  })

  test('changes the password of number and user', async () => {
    await shell.ask(['extension', 'set', '103', '--password', '-'], { input: 'neu\n' })
    expect(query(HA1S)).toEqual(ha1s(['103', 'ann'], 'neu'))
  })

  test('refuses nothing to do, and contradictions', async () => {
    expect((await shell.run(['extension', 'set', '103'])).code).toBe(64)
    expect((await shell.run(['extension', 'set', '103', '--suspend', '--resume'])).code).toBe(64)
    expect((await shell.run(['extension', 'set', '999', '--suspend'])).code).toBe(65)
  })
})

describe('extension remove', () => {
  test('takes the user and its logins along only with its last number', async () => {
    await shell.ask(['extension', 'add', '103', '--user', 'ann', '--password', 'first'])
    await shell.ask(['extension', 'add', '104', '--user', 'ann', '--password', 'second'])
    expect(await shell.ask(['extension', 'remove', '103'])).toEqual({ number: '103', userRemoved: null })
    expect(query(HA1S)).toEqual([...ha1s(['104'], 'second'), ...ha1s(['ann'], 'first')])
    expect(await shell.ask(['extension', 'remove', '104'])).toEqual({ number: '104', userRemoved: 'ann' })
    expect(query(HA1S)).toEqual([])
    expect((await shell.run(['extension', 'remove', '104'])).code).toBe(65)
  })
})

describe('the first start', () => {
  test('makes a domain and two numbers, once', async () => {
    const url = `sqlite:${shell.path('first.db')}`
    const first = await prepareDatabase(url, 'example.com')
    expect(first.domain).toMatchObject({ name: 'example.com', realm: 'example.com', isDefault: true })
    expect(first.created.map(({ number }) => number)).toEqual(['101', '102'])
    expect(new Set(first.created.map(({ password }) => password)).size).toBe(2)
    expect(await prepareDatabase(url, 'other.example')).toEqual({ domain: first.domain, created: [] })
  })

  test('makes no numbers where some were added before it', async () => {
    await shell.ask(['extension', 'add', '103'])
    const { domain, created } = await prepareDatabase(
      `sqlite:${shell.path('data/sipwitches.db')}`,
      'other.example',
    )
    expect([domain.name, created]).toEqual(['example.com', []])
  })
})
