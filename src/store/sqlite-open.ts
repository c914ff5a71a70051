// Opening an SQLite file so that it keeps its promises, and saying in one sentence why it would not.

import { Database, SQLiteError } from 'bun:sqlite'
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { LIMITS } from '../config.ts'
import { DatabaseProblem, type DatabaseProblemKind } from './driver.ts'
import { migrate } from './migration.ts'

/** Its owner's, and read by its group: a front end gets its rights from the administrator. */
const DATABASE_MODE = 0o640

export interface SqliteOpening {
  /** Make the file (and the last folder of its path) when it is not there. */
  readonly create: boolean
  /** How long a statement waits for another program's write to end. */
  readonly busy_ms: number
  /** It was looked at for damage just now, which takes a while. */
  readonly checked?: boolean
}

/** Not the calls: their number has no bound, and reading them all would hold up the start. `check` does. */
const CHECKED_TABLES = ['setting', 'domain', 'user', 'extension', 'credential', 'binding']

/** Opens, checks and migrates. Throws DatabaseProblem only. */
export function openSqlite(path: string, opening: SqliteOpening): Database {
  if (!existsSync(path) && !opening.create) {
    throw new DatabaseProblem('missing', `There is no database at ${path}. \`sipwitches start\` makes one.`)
  }
  let database: Database | null = null
  try {
    if (opening.create) makeFile(path)
    database = new Database(path, { readwrite: true, create: opening.create, strict: true })
    configure(database, opening.busy_ms)
    migrate(database)
    if (opening.checked !== true) checkStructure(database, path)
    return database
  } catch (error) {
    database?.close()
    throw databaseProblem(error, path)
  }
}

function configure(database: Database, busy_ms: number): void {
  database.run(`PRAGMA busy_timeout = ${busy_ms}`)
  // Readers (the CLI, sqlite3, a front end) and the writer do not hold each other up.
  switchToWal(database)
  // FULL syncs the WAL at every commit: a 200 promises the binding, so it must survive the loss of power too. With
  // NORMAL a commit survives the process only. Group commit shares the sync among all that wait for it.
  database.run('PRAGMA synchronous = FULL')
  database.run('PRAGMA foreign_keys = ON')
}

/** SQLite does not wait where others do the same to a new file just now: busy_timeout waits for them in between. */
function switchToWal(database: Database): void {
  for (let tries = 1; ; tries++) {
    try {
      database.run('PRAGMA journal_mode = WAL')
      return
    } catch (error) {
      if (problemKind(error) !== 'busy' || tries === LIMITS.sqliteWal_tries) throw error
      database.run('BEGIN IMMEDIATE')
      database.run('ROLLBACK')
    }
  }
}

/** Of all tables, or of one. A damaged file opens without complaint and fails later: better said at once. */
export function checkIntegrity(database: Database, path: string, table = ''): void {
  const sql = `PRAGMA quick_check(${table === '' ? 1 : table})`
  const found = database.query<{ quick_check: string }, []>(sql).get()?.quick_check
  if (found !== 'ok') throw corrupt(path, found ?? 'no answer')
}

/** Whether it can be read; a row that breaks a CHECK can, and looking for one takes three times as long. */
function checkStructure(database: Database, path: string): void {
  database.run('PRAGMA ignore_check_constraints = ON')
  for (const table of CHECKED_TABLES) checkIntegrity(database, path, table)
  database.run('PRAGMA ignore_check_constraints = OFF')
}

function makeFile(path: string): void {
  const folder = dirname(path)
  // One level only: `./data` is ours to make, a whole missing path is more likely a typing error or a missing mount.
  if (!existsSync(folder)) mkdirSync(folder)
  // HA1 is as good as a password to whoever reads it. The files that SQLite lays beside it get the same mode.
  if (!existsSync(path)) closeSync(openSync(path, 'a', DATABASE_MODE))
}

function corrupt(path: string, found: string): DatabaseProblem {
  return new DatabaseProblem(
    'corrupt',
    `The database ${path} is damaged (${found}). Put back a backup, or save what can be read: ` +
      `sqlite3 ${path} .recover | sqlite3 new.db`,
  )
}

/** Whatever was thrown while working on the database, as a DatabaseProblem. */
export function databaseProblem(error: unknown, path: string): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  const reason = error instanceof Error ? error.message : String(error)
  const kind = problemKind(error)
  if (kind === 'corrupt') return corrupt(path, reason)
  return new DatabaseProblem(kind, PROBLEM_SENTENCES[kind](path, reason))
}

function problemKind(error: unknown): keyof typeof PROBLEM_SENTENCES | 'corrupt' {
  // A value that SQL has no form for: another one would do.
  if (error instanceof TypeError || error instanceof RangeError) return 'refused'
  if (!(error instanceof SQLiteError)) return 'unusable'
  const code = error.code ?? ''
  if (code === 'SQLITE_CORRUPT' || code.startsWith('SQLITE_CORRUPT_') || code === 'SQLITE_NOTADB')
    return 'corrupt'
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'busy'
  if (code === 'SQLITE_FULL') return 'full'
  if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_MISMATCH' || code === 'SQLITE_TOOBIG')
    return 'refused'
  return 'unusable'
}

const PROBLEM_SENTENCES = {
  busy: (path, reason) =>
    `The database ${path} is locked by another program (${reason}). End its transaction, then try again.`,
  full: (path, reason) => `The disk that holds ${path} is full (${reason}). Make room on it.`,
  refused: (_path, reason) => `The database refuses this: ${reason}.`,
  unusable: (path, reason) =>
    `The database ${path} cannot be used (${reason}). Check that its folder exists and may be written to.`,
} as const satisfies Partial<Record<DatabaseProblemKind, (path: string, reason: string) => string>>
