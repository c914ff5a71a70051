// The commands' connection to SQLite. Their own: the server may be running beside it.

import type { Database } from 'bun:sqlite'
import { LIMITS } from '../config.ts'
import type { CommandSession, Dialect, Value } from './command-session.ts'
import { SQLITE_TRIGGERS } from './migration.ts'
import { checkIntegrity, databaseProblem, openSqlite } from './sqlite-open.ts'

const DIALECT: Dialect = {
  orSet: (key, column) => `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${column} = excluded.${column}`,
  now: `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
  time: (column) => column,
  server: `SELECT 'SQLite ' || sqlite_version() AS name`,
  secondsUntil: (column) => `unixepoch(${column}) - unixepoch('now')`,
}

function missingTrigger(name: string): string {
  return (
    `the trigger ${name} is missing, so changes of its table are noticed late or not at all, or rows that make no ` +
    'sense are taken. Put back a backup, or make a new database and import into it'
  )
}

export class SqliteCommandSession implements CommandSession {
  readonly dialect = DIALECT
  readonly #database: Database
  readonly #path: string

  /** Throws DatabaseProblem. */
  constructor(path: string, options: { readonly create: boolean }) {
    this.#path = path
    this.#database = openSqlite(path, {
      create: options.create,
      busy_ms: LIMITS.commandBusy_ms,
    })
  }

  async all<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#try(() => this.#database.query<Row, Value[]>(sql).all(...values))
  }

  async run(sql: string, values: readonly Value[] = []): Promise<void> {
    this.#try(() => this.#database.query(sql).run(...values))
  }

  async insert(sql: string, values: readonly Value[]): Promise<number> {
    return this.#try(() => Number(this.#database.query(sql).run(...values).lastInsertRowid))
  }

  async transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.run('BEGIN IMMEDIATE')
    try {
      const result = await work()
      await this.run('COMMIT')
      return result
    } catch (error) {
      // SQLite has rolled back by itself after some failures, a full disk among them.
      if (this.#database.inTransaction) await this.run('ROLLBACK')
      throw error
    }
  }

  /** Marks cost little here. */
  unmarked<Result>(work: () => Promise<Result>): Promise<Result> {
    return work()
  }

  async check(): Promise<readonly string[]> {
    this.#try(() => checkIntegrity(this.#database, this.#path))
    // Unlike an empty transaction this writes a page, and so finds out whether the disk takes one.
    await this.run('PRAGMA user_version = 0')
    const rows = await this.all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'trigger'`)
    const there = new Set(rows.map(({ name }) => name))
    return SQLITE_TRIGGERS.filter((name) => !there.has(name)).map(missingTrigger)
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw databaseProblem(error, this.#path)
    }
  }
}
