// What a front end is written against is the same in SQLite and in MySQL: tables, columns, keys, comments.

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import { parseDatabaseUrl } from '../../src/config.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { MariaDb } from '../support/mariadb.ts'

const START_MS = 120_000

let folder: string
let server: MariaDb
let sqlite: Database

beforeAll(async () => {
  folder = makeFolder('parity')
  server = await MariaDb.start()
  const path = join(folder, 'sipwitches.db')
  const clock = new SystemClock((error) => {
    throw error
  })
  for (const url of [`sqlite:${path}`, server.url]) {
    await (await openDriver(parseDatabaseUrl(url), { node: 'main', clock })).close()
  }
  clock.close()
  sqlite = new Database(path, { create: false, readwrite: true })
}, START_MS)
afterAll(async () => {
  sqlite.close()
  removeFolder(folder)
  await server.close()
}, START_MS)

/** As lines of values with tabs, which is how the `mariadb` program prints them. */
function inSqlite(sql: string): string[] {
  return sqlite
    .query(sql)
    .values()
    .map((row) => row.join('\t'))
}

const inMysql = (sql: string) => server.admin(sql, 'sipwitches')

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`

/** The comments of each table as its statement holds them: the table's own first, then above each column. */
function commentsInSqlite(): string[] {
  const tables = sqlite
    .query<{ name: string; sql: string }, []>(
      `SELECT name, sql FROM sqlite_schema WHERE name IN (${TABLES}) ORDER BY name`,
    )
    .all()
  return tables.flatMap(({ name, sql }) => {
    const [first = '', ...lines] = sql
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
    const comments = [`${name}\t\t${first.slice(3)}`]
    let above: string[] = []
    for (const line of lines) {
      if (line.startsWith('-- ')) above.push(line.slice(3))
      else if (above.length > 0) {
        comments.push(`${name}\t${line.split(' ')[0]}\t${above.join(' ')}`)
        above = []
      }
    }
    return comments
  })
}

describe('SQLite and MySQL have the same', () => {
  test('tables and views', async () => {
    expect(
      await inMysql('SELECT table_name FROM information_schema.tables WHERE table_schema = database()'),
    ).toEqual(
      expect.arrayContaining(
        inSqlite(`${TABLES} UNION ALL SELECT name FROM sqlite_schema WHERE type = 'view'`),
      ),
    )
    expect(
      await inMysql('SELECT count(*) FROM information_schema.tables WHERE table_schema = database()'),
    ).toEqual(inSqlite(`SELECT count(*) FROM sqlite_schema WHERE type = 'view' OR name IN (${TABLES})`))
  })

  test('columns in the same order, with NULL allowed in the same ones', async () => {
    const columns = await inMysql(
      `SELECT c.table_name, c.column_name, CASE c.is_nullable WHEN 'NO' THEN 1 ELSE 0 END
        FROM information_schema.columns c JOIN information_schema.tables t
          ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' AND c.generation_expression IS NULL
        ORDER BY binary c.table_name, c.ordinal_position`,
    )
    expect(columns.length).toBeGreaterThan(50)
    expect(columns).toEqual(
      inSqlite(`SELECT t.name, c.name, max(c."notnull", c.pk > 0) FROM sqlite_schema t
        JOIN pragma_table_info(t.name) c WHERE t.name IN (${TABLES}) ORDER BY t.name, c.cid`),
    )
  })

  test('columns of views', async () => {
    const columns = await inMysql(
      `SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.views v
          ON v.table_schema = c.table_schema AND v.table_name = c.table_name
        WHERE c.table_schema = database() ORDER BY binary c.table_name, c.ordinal_position`,
    )
    expect(columns).toEqual(
      inSqlite(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'view' ORDER BY t.name, c.cid`),
    )
  })

  test('unique keys', async () => {
    const keys = await inMysql(
      `SELECT table_name, group_concat(column_name ORDER BY seq_in_index) AS columns
        FROM information_schema.statistics WHERE table_schema = database() AND non_unique = 0
        GROUP BY table_name, index_name HAVING columns <> 'default_mark' ORDER BY binary table_name, columns`,
    )
    // An INTEGER PRIMARY KEY is the row's own number and has no index; the one default is a partial index.
    const ids = inSqlite(`SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
      WHERE t.name IN (${TABLES}) AND c.pk = 1 AND c.type = 'INTEGER'
        AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) i WHERE i.origin = 'pk')`)
    const indexes = inSqlite(`SELECT t.name, (SELECT group_concat(c.name) FROM pragma_index_info(i.name) c)
      FROM sqlite_schema t JOIN pragma_index_list(t.name) i
      WHERE t.name IN (${TABLES}) AND i."unique" AND NOT i.partial`)
    expect(keys.toSorted()).toEqual([...ids, ...indexes].toSorted())
  })

  test('foreign keys, and what happens to whom they name', async () => {
    const keys = await inMysql(
      `SELECT k.table_name, k.column_name, k.referenced_table_name, k.referenced_column_name, r.delete_rule
        FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
          ON r.constraint_schema = k.table_schema AND r.constraint_name = k.constraint_name
            AND r.table_name = k.table_name
        WHERE k.table_schema = database() ORDER BY 1, 2`,
    )
    expect(keys.length).toBeGreaterThan(4)
    expect(keys).toEqual(
      inSqlite(`SELECT t.name, f."from", f."table", f."to", f.on_delete
        FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.name IN (${TABLES}) ORDER BY 1, 2`),
    )
  })

  test('comments', async () => {
    const comments = await inMysql(
      `SELECT binary table_name AS t, '' AS c, table_comment, 0 AS n FROM information_schema.tables
          WHERE table_schema = database() AND table_type = 'BASE TABLE'
        UNION ALL
        SELECT binary c.table_name, c.column_name, c.column_comment, c.ordinal_position
          FROM information_schema.columns c JOIN information_schema.tables t
            ON t.table_schema = c.table_schema AND t.table_name = c.table_name
          WHERE c.table_schema = database() AND t.table_type = 'BASE TABLE' AND c.generation_expression IS NULL
        ORDER BY 1, 4`,
    )
    expect(comments.map((line) => line.replace(/\t\d+$/, ''))).toEqual(commentsInSqlite())
  })

  test('settings to begin with', async () => {
    const settings = 'SELECT name, value, comment FROM setting ORDER BY name'
    expect(await inMysql(settings)).toEqual(inSqlite(settings))
  })
})
