// The commands on a MariaDB server: one pass through each, and what `check` and `start` say when it will not do.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { computeHa1 } from '../../src/auth/digest.ts'
import { LIMITS } from '../../src/config.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { MariaDb } from '../support/mariadb.ts'
import { freePort } from '../support/port.ts'
import { type Ended, Shell } from './shell.ts'

const START_MS = 120_000
const TEST_MS = 60_000
/** Of the account in every URL here. */
const PASSWORD = 'geheim'

let server: MariaDb
let shell: Shell
let name = ''
let count = 0

beforeAll(async () => {
  server = await MariaDb.start()
}, START_MS)
afterAll(() => server.close(), START_MS)

beforeEach(async () => {
  shell = new Shell()
  name = `phones${++count}`
  await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
})
afterEach(() => shell.remove())

/** Never with the password in what it says. */
async function run(words: readonly string[], url = server.urlOf(name)): Promise<Ended> {
  const ended = await shell.run(words, { environment: { SIPWITCHES_DATABASE: url } })
  expect(ended.stdout + ended.stderr).not.toContain(PASSWORD)
  return ended
}

async function ask(words: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await run([...words, '--json'])
  expect([code, stderr]).toEqual([0, ''])
  return JSON.parse(stdout)
}

const PORTS = ['--listen', 'udp://127.0.0.1:0', '--http', '127.0.0.1:0']

function check(url?: string): Promise<Ended> {
  return run(['check', ...PORTS], url)
}

function start(url?: string): Promise<Ended> {
  return run(['start', ...PORTS], url)
}

describe('an import of very many', () => {
  const marks = async () =>
    server.admin("SELECT `key` FROM change_journal WHERE table_name NOT IN ('domain', 'setting')", name)

  test(
    'leaves one mark in the journal for all of its rows, new or changed',
    async () => {
      const lines = Array.from({ length: LIMITS.storeJournalRead_rows + 1 }, (_, n) => `${100_000 + n},x,`)
      await Bun.write(shell.path('numbers.csv'), `number,password,name\n${lines.join('\n')}\n`)
      expect(await ask(['import', 'numbers.csv'])).toMatchObject({ added: lines.length })
      expect(await marks()).toEqual(['everything'])
      expect(await ask(['import', 'numbers.csv', '--update'])).toMatchObject({ updated: lines.length })
      expect(await marks()).toEqual(['everything', 'everything'])
      await ask(['extension', 'set', '100000', '--name', 'Ann'])
      expect((await marks()).at(-1)).toStartWith('100000@')
    },
    TEST_MS,
  )
})

describe('the commands', () => {
  test(
    'add, list, show, change and remove numbers',
    async () => {
      const added = await ask([
        'extension',
        'add',
        '103',
        '--user',
        'ann',
        '--name',
        'Ann',
        '--password',
        'p w',
      ])
      expect(added).toEqual({ number: '103', domain: 'example.com', user: 'ann', realm: 'example.com' })
      expect((await run(['extension', 'add', '103'])).code).toBe(65)
      expect(
        await server.admin(`SELECT username, ha1 FROM credential WHERE algorithm = 'SHA-256'`, name),
      ).toEqual(['103', 'ann'].map((user) => `${user}\t${computeHa1('SHA-256', user, 'example.com', 'p w')}`))
      expect(await ask(['extension', 'list'])).toMatchObject([
        { number: '103', displayName: 'Ann', user: 'ann', status: 'active', contacts: 0, maxBindings: null },
      ])
      expect(await ask(['extension', 'set', '103', '--max-bindings', '2', '--suspend'])).toMatchObject({
        maxBindings: 2,
        status: 'suspended',
      })
      expect(await ask(['extension', 'set', '103', '--password', 'new'])).toMatchObject({ number: '103' })
      expect(await ask(['extension', 'show', '103'])).toMatchObject({
        realm: 'example.com',
        credentials: expect.arrayContaining([{ username: 'ann', realm: 'example.com', algorithm: 'MD5' }]),
        bindings: [],
      })
      expect(await ask(['extension', 'remove', '103'])).toEqual({ number: '103', userRemoved: 'ann' })
      expect(await server.admin('SELECT count(*) FROM credential', name)).toEqual(['0'])
    },
    TEST_MS,
  )

  test(
    'import numbers, all or none',
    async () => {
      const lines = (count: number) =>
        Array.from({ length: count }, (_, n) => `${1000 + n},pass${n},Number ${n}`)
      await Bun.write(shell.path('more.csv'), `number,password,name\n${lines(1200).join('\n')}\n`)
      await Bun.write(shell.path('bad.csv'), `number,password,name\n9000,x,\n1000,x,\n`)
      expect(await ask(['import', 'more.csv'])).toEqual({ added: 1200, updated: 0 })
      const bad = await run(['import', 'bad.csv'])
      expect([bad.code, bad.stderr]).toEqual([
        65,
        expect.stringContaining('line 3: extension 1000 exists already'),
      ])
      expect(await server.admin('SELECT count(*) FROM extension', name)).toEqual(['1200'])
      expect(await ask(['import', 'bad.csv', '--update'])).toEqual({ added: 1, updated: 1 })
    },
    TEST_MS,
  )

  test(
    'list registered contacts',
    async () => {
      await ask(['extension', 'add', '103'])
      await server.admin(
        `INSERT INTO binding (extension_id, contact_key, contact, call_id, cseq, q, expires_at, registered_at,
          user_agent, instance, path, source, local, natted)
        SELECT id, 'k', 'sip:103@192.0.2.7', 'c', 1, 1, utc_timestamp() + INTERVAL 1 HOUR, utc_timestamp(), 'desk',
          '', '', 'udp:192.0.2.7:5060', 'udp:192.0.2.1:5060', 0 FROM extension`,
        name,
      )
      const [listed] = (await ask(['registrations', '--number', '103'])) as { expiresIn_s: number }[]
      expect(listed).toMatchObject({ number: '103', contact: 'sip:103@192.0.2.7', userAgent: 'desk' })
      expect(listed?.expiresIn_s).toBeWithin(3400, 3601)
      expect(await ask(['registrations', '--number', '104'])).toEqual([])
    },
    TEST_MS,
  )

  test(
    'check it, empty and filled',
    async () => {
      const empty = await check()
      expect(empty.stdout).toContain('none yet; the first `sipwitches start` makes one')
      expect(empty.code).toBe(0)
      await ask(['extension', 'add', '103'])
      const { code, stdout } = await check()
      expect(stdout).toMatch(
        new RegExp(`ok +database: ${name} at 127.0.0.1 .*schema version ${SCHEMA_VERSION}, 10\\..*MariaDB`),
      )
      expect(stdout).toContain('extensions: 1')
      expect(code).toBe(0)
    },
    TEST_MS,
  )
})

describe('check', () => {
  test(
    'names orphans and rows that cannot be used',
    async () => {
      await ask(['extension', 'add', '103'])
      await server.admin('SET foreign_key_checks = 0; DELETE FROM user', name)
      const { code, stdout } = await check()
      expect(stdout).toMatch(/BAD {2}extension 103, id \d+: Its user \d+ is gone/)
      expect(code).toBe(78)
    },
    TEST_MS,
  )

  test(
    'says that there are no triggers, and which right is missing',
    async () => {
      await server.admin(
        `CREATE USER plain@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';
        GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, CREATE VIEW, SHOW VIEW
          ON ${name}.* TO plain@'127.0.0.1'`,
      )
      const { code, stdout } = await check(server.urlOf(name).replace('//sipwitches:', '//plain:'))
      expect(stdout).toMatch(/BAD {2}database: there are no triggers.*GRANT .*TRIGGER.* TO 'plain'/)
      expect(code).toBe(78)
    },
    TEST_MS,
  )
})

/** What is wrong, what the sentence holds, and the code of a start. `check` ends with 78 for all. */
const PROBLEMS: readonly (readonly [string, () => Promise<string>, RegExp, number])[] = [
  [
    'a wrong password',
    async () => server.urlOf(name).replace(`:${PASSWORD}@`, ':falsch@'),
    /does not let sipwitches in .*ALTER USER/,
    78,
  ],
  [
    'a database that is not there',
    async () => {
      await server.admin(`GRANT ALL ON absent.* TO sipwitches@'127.0.0.1'`)
      return server.urlOf('absent')
    },
    /has no database absent\. .*CREATE DATABASE `absent`/,
    69,
  ],
  [
    'a database without any right in it',
    async () => server.urlOf('mysql'),
    /GRANT SELECT, INSERT, .* ON `mysql`\.\* TO 'sipwitches'/,
    78,
  ],
  [
    'missing rights',
    async () => {
      await server.admin(
        `CREATE USER reader@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'; GRANT SELECT ON ${name}.* TO reader@'127.0.0.1'`,
      )
      return server.urlOf(name).replace('//sipwitches:', '//reader:')
    },
    /GRANT SELECT, INSERT, .*TRIGGER.* TO 'reader'/,
    78,
  ],
  ['no TLS where it is asked for', async () => `${server.urlOf(name)}?tls=required`, /offers no TLS/, 78],
  [
    'a newer schema',
    async () => {
      await ask(['extension', 'add', '103'])
      await server.admin(
        `INSERT INTO schema_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'later')`,
        name,
      )
      return server.urlOf(name)
    },
    /made by a newer program/,
    78,
  ],
  [
    'a port that nobody listens at',
    async () => server.urlOf(name).replace(`:${server.port}/`, `:${await freePort()}/`),
    /Nothing listens at 127\.0\.0\.1/,
    69,
  ],
]

describe('check and start say what is wrong, and how to mend it', () => {
  for (const [what, arrange, sentence, exit] of PROBLEMS) {
    test(
      what,
      async () => {
        const url = await arrange()
        const checked = await check(url)
        expect(checked.stdout).toMatch(new RegExp(`BAD  database: .*${sentence.source}`))
        expect(checked.stdout).not.toContain('falsch')
        expect(checked.code).toBe(78)
        const started = await start(url)
        expect(started.stdout).toBe('')
        expect(started.stderr).toMatch(sentence)
        expect(started.stderr.trimEnd().split('\n')).toHaveLength(1)
        expect(started.code).toBe(exit)
      },
      TEST_MS,
    )
  }

  test(
    'a server whose program is too old',
    async () => {
      await server.stop()
      await server.restart('--version=10.4.34-MariaDB')
      try {
        const checked = await check()
        expect(checked.stdout).toMatch(
          /BAD {2}database: .*10\.4\.34-MariaDB.* too old.*MariaDB 10\.5\.0 or newer/,
        )
        expect(checked.code).toBe(78)
        const started = await start()
        expect(started.stderr).toContain('too old')
        expect(started.code).toBe(69)
      } finally {
        await server.stop()
        await server.restart()
      }
    },
    TEST_MS,
  )

  test(
    'a server that does not answer',
    async () => {
      server.freeze()
      try {
        const checked = await check()
        expect(checked.stdout).toMatch(/BAD {2}database: .*does not answer in time/)
        expect(checked.code).toBe(78)
      } finally {
        server.thaw()
      }
    },
    TEST_MS,
  )
})
