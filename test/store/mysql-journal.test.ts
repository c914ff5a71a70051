// What only a database with many writers at once can do: numbers of the journal that come late, or never.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { LIMITS, parseDatabaseUrl } from '../../src/config.ts'
import type { Driver } from '../../src/store/driver.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import { MariaDb } from '../support/mariadb.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { ROWS } from './binding.ts'

const START_MS = 120_000

let server: MariaDb
let databases = 0
let clock: VirtualClock
let driver: Driver
let connections: Connection[]

beforeAll(async () => {
  server = await MariaDb.start()
}, START_MS)
afterAll(() => server.close(), START_MS)

beforeEach(async () => {
  const name = `journal${databases++}`
  await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
  clock = new VirtualClock()
  connections = []
  driver = await openDriver(parseDatabaseUrl(server.urlOf(name)), { node: 'main', clock })
  await (await client()).query(ROWS)
  await driver.startJournal()
})
afterEach(async () => {
  await driver.close()
  for (const connection of connections) await connection.end()
})

/** Another program. */
async function client(): Promise<Connection> {
  const url = server.urlOf(`journal${databases - 1}`)
  const connection = await createConnection({ uri: url, multipleStatements: true })
  connections.push(connection)
  return connection
}

async function heard(): Promise<readonly string[]> {
  const { rows, whole } = await driver.readJournal()
  return whole ? rows.map(({ table, key }) => `${table} ${key}`) : ['everything']
}

/** The server's clock goes on by the time after which it looks whether a gap is open. */
function aGapGrowsOld(): void {
  clock.advance(LIMITS.storeJournalGap_ms)
}

const SET = (name: string) => `UPDATE setting SET value = '1' WHERE name = '${name}'`

describe('a change', () => {
  test('that is committed after a later one is heard, and each once', async () => {
    const [early, late] = [await client(), await client()]
    await early.query(`BEGIN; ${SET('timer_c_s')}`)
    await late.query(SET('max_bindings'))
    expect(await heard()).toEqual(['setting max_bindings'])
    expect(await heard()).toEqual([])
    await early.query('COMMIT')
    expect(await heard()).toEqual(['setting timer_c_s'])
    expect(await heard()).toEqual([])
  })

  test('is heard also when its transaction was open for very long', async () => {
    const [early, late] = [await client(), await client()]
    await early.query(`BEGIN; ${SET('timer_c_s')}; ${SET('expires_min_s')}`)
    await late.query(SET('max_bindings'))
    for (let n = 0; n < 3; n++) {
      await heard()
      aGapGrowsOld()
    }
    await early.query('COMMIT')
    expect(await heard()).toEqual(['setting timer_c_s', 'setting expires_min_s'])
  })

  test('is heard when its transaction was open already as the journal began to be followed', async () => {
    const [early, late] = [await client(), await client()]
    await early.query(`BEGIN; ${SET('timer_c_s')}`)
    await late.query(SET('max_bindings'))
    await driver.startJournal()
    expect(await heard()).toEqual([])
    await early.query('COMMIT')
    expect(await heard()).toEqual(['setting timer_c_s'])
  })

  test('that was rolled back is not waited for for ever', async () => {
    const [undone, late] = [await client(), await client()]
    await undone.query(`BEGIN; ${SET('timer_c_s')}`)
    await late.query(SET('max_bindings'))
    await undone.query('ROLLBACK')
    expect(await heard()).toEqual(['setting max_bindings'])
    aGapGrowsOld()
    expect(await heard()).toEqual([])
    // Nobody can bring that number any more; a client that does by hand shows that it is not asked for.
    await late.query(
      "INSERT INTO change_journal (seq, table_name, `key`) SELECT max(seq) - 1, 'user', 'x@y' FROM change_journal",
    )
    expect(await heard()).toEqual([])
  })
})

describe('everything may have changed', () => {
  test('when more numbers are left out than are remembered', async () => {
    const other = await client()
    const rows = Array.from(
      { length: LIMITS.storeJournalGaps + 2 },
      (_, n) => `(${1000 + 2 * n}, 'setting', 'x')`,
    )
    await other.query(`INSERT INTO change_journal (seq, table_name, \`key\`) VALUES ${rows.join()}`)
    expect(await heard()).toEqual(['everything'])
    await other.query(SET('max_bindings'))
    expect(await heard()).toEqual(['setting max_bindings'])
  })

  test('when somebody has cut the journal, and after that each change is heard again', async () => {
    const other = await client()
    await other.query('DELETE FROM change_journal')
    expect(await heard()).toEqual(['everything'])
    expect(await heard()).toEqual([])
    await other.query(SET('max_bindings'))
    expect(await heard()).toEqual(['setting max_bindings'])
  })
})

describe('what a foreign key takes along', () => {
  test('is told with its owner: the credential of a device, the phones of an extension', async () => {
    const other = await client()
    await other.query(`INSERT INTO device (extension_id) VALUES (3);
      INSERT INTO credential (user_id, device_id, username, realm, algorithm, ha1)
        VALUES (2, 1, 'device1', 'example.com', 'MD5', '00000000000000000000000000000000')`)
    await heard()
    await other.query('DELETE FROM device')
    expect(await heard()).toEqual(['device 105@example.com', 'device bob@example.com'])
    await other.query(`DELETE FROM extension WHERE number = '105'`)
    expect((await heard()).toSorted()).toEqual(['extension 105@example.com', 'extension bob@example.com'])
  })

  test('by REPLACE marks the row that it replaces', async () => {
    const other = await client()
    await other.query(`REPLACE INTO extension (id, domain_id, number, user_id) VALUES (1, 1, '203', 2)`)
    expect(new Set(await heard())).toEqual(
      new Set(['103', 'ann', '203', 'bob'].map((name) => `extension ${name}@example.com`)),
    )
  })
})

describe('updated_at', () => {
  test('moves with each change, in UTC, whatever the time zone of the client', async () => {
    const other = await client()
    await other.query(`UPDATE user SET updated_at = '2000-01-01'; SET time_zone = '-08:00';
      UPDATE user SET display_name = 'B' WHERE name = 'bob'`)
    const [rows] = await other.query<RowDataPacket[]>(
      'SELECT name, abs(timestampdiff(SECOND, updated_at, UTC_TIMESTAMP())) < 60 AS moved FROM user ORDER BY name',
    )
    expect(rows.map(({ name, moved }) => [name, moved])).toEqual([
      ['ann', 0],
      ['bob', 1],
    ])
  })
})

describe('the schema refuses', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['a number with a space', `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '10 3', 1)`],
    ['an empty number', `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '', 1)`],
    ['a number of 65 digits', `UPDATE extension SET number = '${'1'.repeat(65)}' WHERE id = 1`],
    ['a number twice', `UPDATE extension SET number = '104' WHERE number = '103'`],
    ['a user name with an @', `UPDATE user SET name = 'ann@example.com' WHERE name = 'ann'`],
    ['a user name with a line break behind it', `UPDATE user SET name = 'ann\\n' WHERE name = 'ann'`],
    ['an unknown status', `UPDATE user SET status = 'asleep'`],
    ['an unknown algorithm', `UPDATE credential SET algorithm = 'SHA-1'`],
    ['an HA1 of the wrong length', `UPDATE credential SET algorithm = 'SHA-256' WHERE id = 1`],
    ['an HA1 in capitals', `UPDATE credential SET ha1 = upper(ha1)`],
    ['a domain in capitals', `UPDATE domain SET name = 'Example.com'`],
    ['a realm that needs escaping', `UPDATE domain SET realm = 'a"b'`],
    ['a realm with a backslash', `UPDATE domain SET realm = 'a\\\\b'`],
    ['two default domains', `INSERT INTO domain (name, realm, is_default) VALUES ('b.org', 'b.org', 1)`],
    ['no binding at all allowed', `UPDATE extension SET max_bindings = 0`],
    ['an extension of nobody', `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '106', 77)`],
  ]
  test.each(refused)('%s', async (_what, sql) => {
    const other = await client()
    const error: unknown = await other.query(sql).catch((reason) => reason)
    expect(error).toMatchObject({ sqlState: expect.stringMatching(/^(23000|22001|45000)$/) })
  })

  test('but not a second domain that is no default', async () => {
    await (await client()).query(
      `INSERT INTO domain (name, realm) VALUES ('b.org', 'b.org'), ('c.org', 'c.org')`,
    )
    expect(await driver.domains()).toHaveLength(3)
  })
})
