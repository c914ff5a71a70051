// The commands' connection to a MySQL or MariaDB server. Their own: the server may be running beside it.

import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import { LIMITS, type MysqlLocation } from '../config.ts'
import type { CommandSession, Dialect, Value } from './command-session.ts'
import { connectMysql } from './mysql-open.ts'
import { mysqlProblem } from './mysql-problem.ts'

const DIALECT: Dialect = {
  now: 'utc_timestamp(3)',
  time: (column) => `concat(left(date_format(${column}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')`,
  triggers: 'SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = database()',
  // MariaDB names itself in its version, MySQL does not.
  server: `SELECT CASE WHEN version() LIKE '%MariaDB%' THEN version() ELSE concat('MySQL ', version()) END AS name`,
  secondsUntil: (column) => `timestampdiff(SECOND, utc_timestamp(), ${column})`,
}

/** The row that all sessions lock before they write: this alone makes them wait for each other, as SQLite does. */
const LOCK = 'SELECT version FROM schema_migration WHERE version = 1 FOR UPDATE'

export class MysqlCommandSession implements CommandSession {
  readonly dialect = DIALECT
  readonly #connection: Connection
  readonly #location: MysqlLocation
  /** Nothing more is asked of it: what waits for an answer that does not come holds up all that is asked later. */
  #lost = false

  private constructor(connection: Connection, location: MysqlLocation) {
    this.#connection = connection
    this.#location = location
  }

  /** Connects, checks and migrates. Rejects with DatabaseProblem only. */
  static async open(location: MysqlLocation): Promise<MysqlCommandSession> {
    const session = new MysqlCommandSession(await connectMysql(location), location)
    try {
      await session.run('SET SESSION innodb_lock_wait_timeout = ?', [LIMITS.commandBusy_ms / 1000])
      return session
    } catch (error) {
      session.#connection.destroy()
      throw error
    }
  }

  all<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    // The row's type is what the statement's columns are.
    return this.#query<(RowDataPacket & Row)[]>(sql, values)
  }

  async run(sql: string, values: readonly Value[] = []): Promise<void> {
    await this.#query<ResultSetHeader>(sql, values)
  }

  async insert(sql: string, values: readonly Value[]): Promise<number> {
    return (await this.#query<ResultSetHeader>(sql, values)).insertId
  }

  async transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.run('START TRANSACTION')
    try {
      await this.run(LOCK)
      const result = await work()
      await this.run('COMMIT')
      return result
    } catch (error) {
      // The server itself rolls back what it loses sight of.
      if (!this.#lost) await this.run('ROLLBACK')
      throw error
    }
  }

  async check(): Promise<void> {
    // Deletes nothing, and yet is refused where the server may only be read.
    await this.run('DELETE FROM config_problem WHERE 1 = 0')
  }

  async close(): Promise<void> {
    // Said first, so that the server does not log an aborted connection. It resolves when that is written.
    if (!this.#lost) await this.#connection.end()
    this.#connection.destroy()
  }

  async #query<Found extends RowDataPacket[] | ResultSetHeader>(
    sql: string,
    values: readonly Value[],
  ): Promise<Found> {
    try {
      const [found] = await this.#connection.query<Found>({
        sql,
        values: [...values],
        timeout: LIMITS.commandQuery_ms,
      })
      return found
    } catch (error) {
      const problem = mysqlProblem(error, this.#location)
      if (problem.kind === 'away') this.#lost = true
      throw problem
    }
  }
}
