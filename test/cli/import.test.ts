import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { computeHa1 } from '../../src/auth/digest.ts'
import { LIMITS } from '../../src/config.ts'
import { Shell } from './shell.ts'

let shell: Shell
beforeEach(() => {
  shell = new Shell()
})
afterEach(() => shell.remove())

async function importText(text: string | Uint8Array, ...options: string[]) {
  await Bun.write(shell.path('numbers.csv'), text)
  return shell.run(['import', 'numbers.csv', ...options])
}

function names(): unknown[][] {
  const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
  const rows = database.query('SELECT number, display_name FROM extension ORDER BY id').values()
  database.close()
  return rows
}

function ha1Of(username: string): unknown {
  const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
  const sql = `SELECT ha1 FROM credential WHERE username = ? AND algorithm = 'SHA-256'`
  const [row] = database.query(sql).values(username)
  database.close()
  return row?.[0]
}

describe('import', () => {
  test('adds every line, with quotes, a byte order mark, either line end and empty lines', async () => {
    const text = '\ufeffnumber,password,name\r\n103,geheim,"Smith, Ann ""A"""\n\n*4, p w ,\r\n9911,x,Jürgen\n'
    const { code, stdout, stderr } = await importText(text)
    expect([code, stdout, stderr]).toEqual([0, '3 added, 0 updated.\n', ''])
    expect(names()).toEqual([
      ['103', 'Smith, Ann "A"'],
      ['*4', ''],
      ['9911', 'Jürgen'],
    ])
    // White space belongs to a password.
    expect(ha1Of('*4')).toBe(computeHa1('SHA-256', '*4', 'example.com', ' p w '))
  })

  test('refuses numbers that exist unless they are to be updated', async () => {
    await importText('number,password,name\n103,old,Ann\n')
    const again = await importText('number,password,name\n103,new,Anna\n104,x,Bob\n')
    expect(again.code).toBe(65)
    expect(again.stderr).toContain('line 2: extension 103 exists already')
    expect(names()).toEqual([['103', 'Ann']])

    const updated = await importText('number,password,name\n103,new,Anna\n104,x,Bob\n', '--update', '--json')
    expect(JSON.parse(updated.stdout)).toEqual({ added: 1, updated: 1 })
    expect(names()).toEqual([
      ['103', 'Anna'],
      ['104', 'Bob'],
    ])
    expect(ha1Of('103')).toBe(computeHa1('SHA-256', '103', 'example.com', 'new'))
  })

  test('updates the login by the user too, and no login of somebody else', async () => {
    await shell.run(['extension', 'add', '103', '--user', 'ann', '--password', 'old'])
    await shell.run(['extension', 'add', '104', '--password', 'old'])
    const updated = await importText('number,password,name\n103,new,Ann\n', '--update')
    expect([updated.code, updated.stdout]).toEqual([0, '0 added, 1 updated.\n'])
    expect(ha1Of('ann')).toBe(computeHa1('SHA-256', 'ann', 'example.com', 'new'))

    const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
    database.run(
      `UPDATE credential SET user_id = (SELECT id FROM user WHERE name = '104') WHERE username = '103'`,
    )
    database.close()
    const refused = await importText('number,password,name\n104,x,Bob\n103,x,Ann\n', '--update')
    expect(refused.code).toBe(65)
    expect(refused.stderr).toContain('line 3: Another user logs in as "103" already')
    expect(refused.stderr).not.toContain('line 2')
    expect(names()).toEqual([
      ['103', 'Ann'],
      ['104', ''],
    ])
  })

  test('names every bad line and imports nothing', async () => {
    const { code, stderr } = await importText(
      'number,password,name\n103,geheim,Ann\n1 2,x,\n104,,Bob\n105,x\n103,again,Ann\n106,x,"two\nlines"\n',
    )
    expect(code).toBe(65)
    expect(stderr.split('\n').map((line) => line.slice(0, 30))).toEqual([
      'sipwitches: line 3: number "1 ',
      'sipwitches: line 4: the passwo',
      'sipwitches: line 5: has 2 fiel',
      'sipwitches: line 6: number 103',
      'sipwitches: line 8: the name h',
      'sipwitches: Nothing was import',
      '',
    ])
    expect(await Bun.file(shell.path('data/sipwitches.db')).exists()).toBe(false)
  })

  test('names the first bad lines when there are very many', async () => {
    const { stderr } = await importText(`number,password,name\n${',,\n'.repeat(1000)}`)
    expect(stderr.split('\n')).toHaveLength(LIMITS.importErrorsListed + 3)
    expect(stderr).toMatch(/and \d+ more/)
  })

  const broken: readonly (readonly [string, string, string])[] = [
    ['no header', '103,geheim,Ann\n', 'it must be number,password,name'],
    ['an empty file', '', 'it must be number,password,name'],
    ['a quote without end', 'number,password,name\n103,"geheim,Ann\n', 'not CSV'],
  ]
  for (const [what, text, message] of broken) {
    test(`refuses ${what}`, async () => {
      const { code, stderr } = await importText(text)
      expect(code).toBe(65)
      expect(stderr).toContain(message)
    })
  }

  test('refuses a file that is not there', async () => {
    const { code, stderr } = await shell.run(['import', 'nothing.csv'])
    expect(code).toBe(65)
    expect(stderr).toContain('nothing.csv cannot be read')
  })

  test('takes a hundred thousand lines in seconds', async () => {
    const lines = Array.from({ length: 100_000 }, (_, n) => `${100_000 + n},password${n},"Number, ${n}"`)
    const text = `number,password,name\n${lines.join('\n')}\n`
    const { code, stdout, stderr } = await importText(text)
    expect([code, stdout]).toEqual([0, '100000 added, 0 updated.\n'])
    expect(stderr).toMatch(/^(?:\d+ of 100000 lines\n)*$/)
    expect(ha1Of('199999')).toBe(computeHa1('SHA-256', '199999', 'example.com', 'password99999'))

    const again = await importText(text, '--json')
    expect([again.code, again.stdout]).toEqual([65, ''])
    expect(again.stderr.split('\n')).toHaveLength(LIMITS.importErrorsListed + 3)
    expect(again.stderr).toContain('and 99980 more')
  }, 30_000)
})
