import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { closeSync, existsSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import { SqlStore } from '../../src/store/client.ts'
import { DatabaseProblem } from '../../src/store/driver.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { SqlProvisioning } from '../../src/store/sql-provisioning.ts'
import { SqliteCommandSession } from '../../src/store/sqlite-command-session.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Program } from '../support/program.ts'
import { Watcher } from './watcher.ts'

/** SQLite's own default. */
const PAGE_BYTES = 4096

let folder: string
let path: string

beforeEach(() => {
  folder = makeFolder('open')
  path = join(folder, 'sipwitches.db')
})
afterEach(() => removeFolder(folder))

function open(file: string, create = true): SqlProvisioning {
  return new SqlProvisioning(new SqliteCommandSession(file, { create }))
}

function problemOf(file: string, create = true): { kind: string; message: string } {
  try {
    open(file, create)
  } catch (error) {
    if (error instanceof DatabaseProblem) return error
    throw error
  }
  throw new Error(`${file} was opened`)
}

/** The store is asked too: what a command says, the running server must be able to say. */
async function reasonOfStore(file: string): Promise<string> {
  const clock = new SystemClock((error) => {
    throw error
  })
  const watcher = new Watcher()
  const store = new SqlStore(`sqlite:${file}`, clock, watcher)
  const error: unknown = await store.boot().catch((reason) => reason)
  await store.close()
  clock.close()
  if (!(error instanceof StoreUnavailable)) throw new Error('the store was opened')
  expect(watcher.availability).toEqual([error.message])
  return error.message
}

describe('a database file', () => {
  test('is not for everyone to read, nor are the files beside it: HA1 is as good as a password', async () => {
    const provisioning = open(path)
    await provisioning.addDomain('example.com', 'example.com')
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o007).toBe(0)
    await provisioning.close()
  })

  test('is made with its folder, and opened again as it was left', async () => {
    const nested = join(folder, 'data', 'sipwitches.db')
    const first = open(nested)
    await first.addDomain('example.com', 'example.com')
    await first.close()
    const again = open(nested, false)
    expect(await again.domains()).toHaveLength(1)
    await again.close()
  })

  test('is made once by several programs that open it at once', async () => {
    const command = [process.execPath, join(import.meta.dir, 'opening.ts'), `sqlite:${path}`]
    const programs = Array.from({ length: 6 }, () => new Program(command, { folder, input: true }))
    await Promise.all(programs.map((program) => program.prints(/here/, 10_000)))
    for (const program of programs) program.write('go\n')
    expect(await Promise.all(programs.map((program) => program.exited(20_000)))).toEqual(
      programs.map(() => 0),
    )
    for (const { output } of programs) expect(output).toBe(`here\nversion ${SCHEMA_VERSION}\n`)
  }, 30_000)

  test('that is not there is not made by a command that only reads', () => {
    const { kind, message } = problemOf(path, false)
    expect(kind).toBe('missing')
    expect(message).toContain(path)
    expect(existsSync(path)).toBe(false)
  })

  test('in a path that is not there is named', async () => {
    const lost = join(folder, 'not', 'there', 'sipwitches.db')
    expect(problemOf(lost)).toMatchObject({ kind: 'unusable', message: expect.stringContaining(lost) })
    expect(await reasonOfStore(lost)).toContain('Check that its folder exists')
  })

  test('in a folder that nobody may write to is named', () => {
    // Even root makes no file in /proc.
    expect(problemOf('/proc/sipwitches.db')).toMatchObject({ kind: 'unusable' })
  })

  test('of a newer program is left alone', async () => {
    await open(path).close()
    const database = new Database(path)
    database.run(`INSERT INTO schema_migration (version, name) VALUES (${SCHEMA_VERSION + 1}, 'later')`)
    database.close()
    expect(problemOf(path)).toMatchObject({
      kind: 'newer',
      message: expect.stringContaining(`schema version ${SCHEMA_VERSION + 1}`),
    })
    expect(await reasonOfStore(path)).toContain('Start the newer program')
  })

  test('that is no database is called damaged', async () => {
    await Bun.write(path, 'number,password,name\n'.repeat(1000))
    expect(problemOf(path)).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('backup') })
    expect(await reasonOfStore(path)).toContain('is damaged')
  })

  test('with a damaged page is called damaged, before anything is served from it', async () => {
    const provisioning = open(path)
    for (let n = 0; n < 500; n++) await provisioning.addUser(`user${n}`, 'x'.repeat(100))
    await provisioning.close()
    damage(path)
    expect(problemOf(path)).toMatchObject({ kind: 'corrupt' })
  })
})

/** Overwrites the page that the rows of users begin in, and nothing that opening the file must read. */
function damage(file: string): void {
  const database = new Database(file)
  const [page] = database
    .query(`SELECT rootpage FROM sqlite_schema WHERE name = 'user'`)
    .values()
    .flat()
    .map(Number)
  database.close()
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, new Uint8Array(PAGE_BYTES).fill(0xa5), 0, PAGE_BYTES, ((page ?? 0) - 1) * PAGE_BYTES)
  closeSync(descriptor)
}
