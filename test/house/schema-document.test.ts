// docs/schema.md, beside the schema that it is made of.

import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import { type Relation, readSchema } from '../../scripts/schema/reader.ts'
import { currentSchema, schemaDocument } from '../../scripts/schema-doc.ts'
import { readSource, readSources } from './source.ts'

const schema = currentSchema()

test('docs/schema.md is what `bun run schema-doc` writes', () => {
  expect(readSource('docs/schema.md').text).toBe(schemaDocument(schema))
})

test('every table, every column of one, every view and every column of a stable one says what it is', () => {
  expect(schema.length).toBeGreaterThan(10)
  const silent = schema.flatMap(({ kind, name, comment, columns }) => [
    ...(comment === '' ? [name] : []),
    ...columns
      .filter((column) => column.comment === '' && (kind === 'table' || name.startsWith('v1_')))
      .map((column) => `${name}.${column.name}`),
  ])
  expect(silent).toEqual([])
})

describe('a schema is read', () => {
  const read = (sql: string): Relation => {
    const database = new Database(':memory:')
    database.run(sql)
    const relation = readSchema(database).at(-1)
    database.close()
    if (relation === undefined) throw new Error('nothing was made')
    return relation
  }
  const comments = (sql: string) =>
    Object.fromEntries(read(sql).columns.map(({ name, comment }) => [name, comment]))

  test('with its comments, over lines, after commas in brackets, strings and other comments', () => {
    const { comment, columns } = read(`CREATE TABLE t (
      -- The table.
      -- First,
      -- and more of it.
      a TEXT CHECK (a IN ('x, -- y', ')')),
      /* Second; it's (good). */
      "b c" REAL DEFAULT (round(1.5, 0)) CHECK ("b c" > 0) CHECK ("b c" <
        9),
      -- The key.
      PRIMARY KEY (a, "b c")
    )`)
    expect(comment).toBe('The table.')
    expect(columns).toEqual([
      {
        ...{ name: 'a', type: 'TEXT', nullable: false, initial: null },
        ...{ comment: 'First, and more of it.', checks: [`a IN ('x, -- y', ')')`] },
      },
      {
        ...{ name: 'b c', type: 'REAL', nullable: false, initial: 'round(1.5, 0)' },
        ...{ comment: "Second; it's (good).", checks: ['"b c" > 0', '"b c" < 9'] },
      },
    ])
  })

  test('with columns that ALTER added and renamed', () => {
    const table = `CREATE TABLE t (
      -- The table.
      -- First.
      a TEXT,
      -- Second.
      b TEXT
    ) STRICT;`
    const altered = `${table}
      ALTER TABLE t RENAME COLUMN a TO z;
      ALTER TABLE t ADD COLUMN c -- Third.
        TEXT NOT NULL DEFAULT 'x';
      ALTER TABLE t ADD COLUMN d -- Fourth.
        INTEGER REFERENCES t (b)`
    expect(comments(altered)).toEqual({ z: 'First.', b: 'Second.', c: 'Third.', d: 'Fourth.' })
  })

  test('with its keys', () => {
    const { primaryKey, unique, foreignKeys } = read(`CREATE TABLE o (x INTEGER PRIMARY KEY);
      CREATE TABLE t (a INTEGER REFERENCES o (x) ON DELETE CASCADE, b TEXT, c TEXT, PRIMARY KEY (b, a), UNIQUE (c, b))`)
    expect({ primaryKey, unique }).toEqual({ primaryKey: ['b', 'a'], unique: [['c', 'b']] })
    expect(foreignKeys).toEqual([{ column: 'a', table: 'o', to: 'x', onDelete: 'CASCADE' }])
  })

  test('with what a view says of itself and of its columns', () => {
    const { comment, columns } = read(`CREATE TABLE t (a TEXT, b TEXT);
      CREATE VIEW v AS
        -- The view,
        -- in two lines.
        SELECT
          -- First.
          a,
          -- Both: (a, b).
          coalesce(a, (SELECT b FROM t)) AS both
        FROM t -- the table
        WHERE a <> ''`)
    expect(comment).toBe('The view, in two lines.')
    expect(columns.map((column) => [column.name, column.comment])).toEqual([
      ['a', 'First.'],
      ['both', 'Both: (a, b).'],
    ])
  })
})

test('no migration drops a column: ALTER would leave its comment with the next one', () => {
  const migrations = readSources('src/store/schema/sqlite/*.sql')
  expect(migrations.length).toBeGreaterThan(2)
  expect(migrations.filter(({ text }) => /DROP\s+COLUMN/i.test(text))).toEqual([])
})
