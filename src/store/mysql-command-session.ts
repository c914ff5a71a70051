// The commands' connection to a MySQL or MariaDB server. Their own: the server may be running beside it.

import { SystemClock } from '../clock.ts'
import { LIMITS, type MysqlLocation } from '../config.ts'
import type { CommandSession, Dialect, Value } from './command-session.ts'
import { migrateMysql } from './mysql-migration.ts'
import { mysqlProblem } from './mysql-problem.ts'
import { type MysqlSession, MysqlSessions } from './mysql-session.ts'

const DIALECT: Dialect = {
  orSet: (_key, column) => `ON DUPLICATE KEY UPDATE ${column} = VALUES(${column})`,
  now: 'utc_timestamp(3)',
  time: (column) => `concat(left(date_format(${column}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')`,
  // MariaDB names itself in its version, MySQL does not.
  server: `SELECT CASE WHEN version() LIKE '%MariaDB%' THEN version() ELSE concat('MySQL ', version()) END AS name`,
  secondsUntil: (column) => `timestampdiff(SECOND, utc_timestamp(), ${column})`,
}

/** The row that all sessions lock before they write: this alone makes them wait for each other, as SQLite does. */
const LOCK = 'SELECT version FROM schema_migration WHERE version = 1 FOR UPDATE'

export class MysqlCommandSession implements CommandSession {
  readonly dialect = DIALECT
  readonly #location: MysqlLocation
  readonly #sessions: MysqlSessions
  readonly #session: MysqlSession
  /** Gives the connection back. */
  readonly #release: () => Promise<void>
  /** Why there are no triggers, as the server says it. */
  #refusal: unknown = null

  private constructor(
    location: MysqlLocation,
    sessions: MysqlSessions,
    session: MysqlSession,
    release: () => Promise<void>,
  ) {
    this.#location = location
    this.#sessions = sessions
    this.#session = session
    this.#release = release
  }

  /** Connects, checks and migrates. Rejects with DatabaseProblem only. */
  static async open(location: MysqlLocation): Promise<MysqlCommandSession> {
    const clock = new SystemClock((error) => {
      throw error
    })
    const sessions = new MysqlSessions(location, clock, 1)
    const taken = Promise.withResolvers<MysqlSession>()
    const released = Promise.withResolvers<void>()
    const held = sessions.use(LIMITS.commandQuery_ms, (session) => {
      taken.resolve(session)
      return released.promise
    })
    held.catch(taken.reject)
    // Nobody waits for it when there is no connection.
    released.promise.catch(() => {})
    const release = () => {
      released.resolve()
      return held
    }
    try {
      const command = new MysqlCommandSession(location, sessions, await taken.promise, release)
      await command.#prepare()
      return command
    } catch (error) {
      released.reject(error)
      await sessions.close()
      throw mysqlProblem(error, location)
    }
  }

  all<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    return this.#try(() => this.#session.select<Row>(sql, values))
  }

  async run(sql: string, values: readonly Value[] = []): Promise<void> {
    await this.#try(() => this.#session.run(sql, values))
  }

  async insert(sql: string, values: readonly Value[]): Promise<number> {
    await this.run(sql, values)
    const [row] = await this.all<{ id: number }>('SELECT last_insert_id() AS id')
    return row?.id ?? 0
  }

  async transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.run('START TRANSACTION')
    try {
      await this.all(LOCK)
      const result = await work()
      await this.run('COMMIT')
      return result
    } catch (error) {
      // A server that we have lost sight of rolls back by itself, and the first failure says more than this one.
      await this.run('ROLLBACK').catch(() => {})
      throw error
    }
  }

  async unmarked<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.run('SET @sipwitches_bulk = 1')
    try {
      return await work()
    } finally {
      // A connection that is lost has lost this too.
      await this.run('SET @sipwitches_bulk = NULL').catch(() => {})
    }
  }

  async check(): Promise<readonly string[]> {
    // Deletes nothing, and yet is refused where the server may only be read.
    await this.run('DELETE FROM config_problem WHERE 1 = 0')
    if (this.#refusal === null) return []
    return [
      `there are no triggers, so changed rows act late. ${mysqlProblem(this.#refusal, this.#location).message}`,
    ]
  }

  async close(): Promise<void> {
    await this.#release()
    await this.#sessions.close()
  }

  async #prepare(): Promise<void> {
    this.#refusal = await migrateMysql(this.#session)
    await this.run('SET SESSION innodb_lock_wait_timeout = ?', [LIMITS.commandBusy_ms / 1000])
  }

  async #try<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      throw mysqlProblem(error, this.#location)
    }
  }
}
