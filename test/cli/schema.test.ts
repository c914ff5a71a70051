import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { readSchema } from '../../scripts/schema/reader.ts'
import { currentSchema } from '../../scripts/schema-doc.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { run } from '../support/program.ts'
import { Shell } from './shell.ts'

const SHELL_MS = 10_000

let shell: Shell
beforeEach(() => {
  shell = new Shell()
})
afterEach(() => shell.remove())

/** All that the migrations left in a file, triggers and indexes too. */
function objects(path: string): unknown[] {
  const database = new Database(path, { create: false, readwrite: true })
  const rows = database.query('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name').all()
  database.close()
  return rows
}

test('sqlite3 makes of it the same database that the server makes', async () => {
  const { stdout, code } = await shell.run(['schema'])
  expect(code).toBe(0)
  expect(stdout).toStartWith(`-- The schema of SipWitchEs, version ${SCHEMA_VERSION}, for sqlite.\n`)
  await Bun.write(shell.path('schema.sql'), stdout)
  const made = await run(['sqlite3', '-bail', 'hand.db', '.read schema.sql'], {
    folder: shell.folder,
    within_ms: SHELL_MS,
  })
  expect(made).toEqual({ code: 0, output: '' })
  await shell.run(['extension', 'add', '103', '--password', 'x'])
  expect(objects(shell.path('hand.db'))).toEqual(objects(shell.path('data/sipwitches.db')))
  const { code: used } = await shell.run(['extension', 'list', '--database', 'sqlite:hand.db'])
  expect(used).toBe(0)
})

test('in JSON has its statements one by one', async () => {
  const { stdout } = await shell.run(['schema', '--json'])
  const { statements, ...rest }: { readonly statements: readonly string[] } = JSON.parse(stdout)
  expect<unknown>(rest).toEqual({ version: SCHEMA_VERSION, dialect: 'sqlite', database: { version: null } })
  const database = new Database(':memory:')
  for (const statement of statements) database.query(statement).run()
  expect(readSchema(database)).toEqual(currentSchema())
  database.close()
})

test('says which version the database has, and changes nothing in it', async () => {
  const said = async () => (await shell.run(['schema'])).stderr
  expect(await said()).toContain('there is no database yet')
  const database = new Database(shell.path('old.db'), { create: true })
  const at = ['schema', '--database', 'sqlite:old.db']
  database.run('VACUUM')
  expect((await shell.run(at)).stderr).toContain('the database is empty')
  database.run(
    'CREATE TABLE schema_migration (version INTEGER PRIMARY KEY); INSERT INTO schema_migration VALUES (2)',
  )
  expect((await shell.run(at)).stderr).toContain(
    'has version 2; the next `sipwitches start` brings it up to date',
  )
  expect(database.query('SELECT count(*) AS n FROM sqlite_schema').get()).toEqual({ n: 1 })
  database.run('INSERT INTO schema_migration VALUES (99)')
  expect((await shell.run(at)).stderr).toContain('has version 99, made by a newer program')
  database.close()
})

test('refuses a dialect that there is not', async () => {
  const { code, stderr } = await shell.run(['schema', '--dialect', 'oracle'])
  expect(code).toBe(64)
  expect(stderr).toContain('there is no dialect oracle; there are: sqlite')
})
