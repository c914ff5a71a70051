import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { openProvisioning } from '../../src/store/open-provisioning.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { ROWS } from './binding.ts'

let folder: string
let database: Database

beforeEach(async () => {
  folder = makeFolder('schema')
  const path = join(folder, 'sipwitches.db')
  await (await openProvisioning(`sqlite:${path}`, { create: true })).close()
  database = new Database(path, { create: false, readwrite: true })
})
afterEach(() => {
  database.close()
  removeFolder(folder)
})

function journalKeys(): string[] {
  return database.query('SELECT key FROM change_journal').values().flat().map(String)
}

describe('the schema explains itself', () => {
  test('each table has a comment, and each column one above it', () => {
    const tables = database
      .query<{ name: string; sql: string }, []>(
        `SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
      )
      .all()
    expect(tables.length).toBeGreaterThan(9)
    for (const { name, sql } of tables) {
      const lines = sql.split('\n').map((line) => line.trim())
      expect([name, lines[1]?.startsWith('-- ')]).toEqual([name, true])
      for (const column of database.query<{ name: string }, []>(`PRAGMA table_info(${name})`).all()) {
        const at = lines.findIndex((line) => line.startsWith(`${column.name} `))
        expect([name, column.name, lines[at - 1]?.startsWith('-- ')]).toEqual([name, column.name, true])
      }
    }
  })

  test('each table is strict about types', () => {
    const loose = database.query(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0
        AND name NOT LIKE 'sqlite_%'`,
    )
    expect(loose.values()).toEqual([])
  })

  test('times are UTC in a form that every language reads', () => {
    database.run(ROWS)
    const [created] = database.query('SELECT created_at FROM user').values().flat().map(String)
    expect(created).toBe(new Date(Date.parse(created ?? '')).toISOString())
  })
})

describe('the schema refuses', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['a number with a space', `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '10 3', 1)`],
    ['an empty number', `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '', 1)`],
    ['a number of 65 digits', `UPDATE extension SET number = '${'1'.repeat(65)}' WHERE id = 1`],
    ['a number twice', `UPDATE extension SET number = '104' WHERE number = '103'`],
    ['a user name with an @', `UPDATE user SET name = 'ann@example.com' WHERE name = 'ann'`],
    ['an unknown status', `UPDATE user SET status = 'asleep'`],
    ['an unknown algorithm', `UPDATE credential SET algorithm = 'SHA-1'`],
    ['an HA1 of the wrong length', `UPDATE credential SET algorithm = 'SHA-256' WHERE id = 1`],
    ['an HA1 in capitals', `UPDATE credential SET ha1 = upper(ha1)`],
    ['a domain in capitals', `UPDATE domain SET name = 'Example.com'`],
    ['a realm that needs escaping', `UPDATE domain SET realm = 'a"b'`],
    ['two default domains', `INSERT INTO domain (name, realm, is_default) VALUES ('b.org', 'b.org', 1)`],
    ['no binding at all allowed', `UPDATE extension SET max_bindings = 0`],
  ]
  for (const [what, sql] of refused) {
    test(what, () => {
      database.run(ROWS)
      expect(() => database.run(sql)).toThrow(/constraint| must be /)
    })
  }
})

describe('a change', () => {
  beforeEach(() => {
    database.run(ROWS)
    database.run(`UPDATE user SET updated_at = '2000-01-01T00:00:00.000Z'`)
    database.run('DELETE FROM change_journal')
  })

  test('moves updated_at', () => {
    database.run(`UPDATE user SET display_name = 'B' WHERE name = 'bob'`)
    const years = database.query('SELECT substr(updated_at, 1, 4) FROM user ORDER BY id').values().flat()
    expect(years[0]).toBe('2000')
    expect(Number(years[1])).toBeGreaterThan(2000)
  })

  test('is noted once also where triggers may call themselves', () => {
    database.run('PRAGMA recursive_triggers = ON')
    database.run(`UPDATE user SET display_name = 'B' WHERE name = 'bob'`)
    expect(new Set(journalKeys())).toEqual(new Set(['105@example.com', 'bob@example.com']))
  })

  test('by INSERT OR REPLACE notes the row that it replaces', () => {
    database.run(`INSERT OR REPLACE INTO extension (id, domain_id, number, user_id) VALUES (1, 1, '203', 2)`)
    expect(new Set(journalKeys())).toEqual(
      new Set(['103@example.com', 'ann@example.com', '203@example.com', 'bob@example.com']),
    )
  })

  test('that is rolled back leaves no note', () => {
    database.run(`BEGIN; DELETE FROM credential; ROLLBACK`)
    expect(journalKeys()).toEqual([])
  })
})

describe('with foreign keys unenforced, as in the sqlite3 shell', () => {
  test('credentials go with their user, those of a device with the device, and devices with their extension', () => {
    database.run(ROWS)
    database.run(`INSERT INTO device (extension_id) VALUES (3);
      INSERT INTO credential (user_id, device_id, username, realm, algorithm, ha1)
        VALUES (2, 1, 'device1', 'example.com', 'MD5', '00000000000000000000000000000000')`)
    const names = () => database.query('SELECT username FROM credential ORDER BY id').values().flat()
    database.run(`DELETE FROM extension WHERE number = '105'`)
    expect(names()).toEqual(['103', 'ann'])
    database.run(`DELETE FROM user WHERE name = 'ann'`)
    expect(names()).toEqual([])
  })
})
