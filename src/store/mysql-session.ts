// Connections to a MySQL server, each used by one at a time and no longer than the time that it is given: a server that
// is frozen, or a network that swallows, must not hold anybody.

import {
  createPool,
  type Pool,
  type PoolConnection,
  type ResultSetHeader,
  type RowDataPacket,
} from 'mysql2/promise'
import type { Clock, Wakeable } from '../clock.ts'
import { LIMITS, type MysqlLocation } from '../config.ts'
import { beginSession, mysqlOptions } from './mysql-open.ts'
import { mysqlProblem, mysqlSilence } from './mysql-problem.ts'
import type { Value } from './records.ts'

/** A list in a list makes the rows of an INSERT. */
export type Values = readonly (Value | Values)[]

/** A connection in use. Its calls reject with whatever the driver says; MysqlSessions makes DatabaseProblems of it. */
export class MysqlSession implements Wakeable {
  readonly #connection: PoolConnection
  readonly #clock: Clock
  readonly #location: MysqlLocation
  /** For each statement. */
  readonly #limit_ms: number
  readonly #late = Promise.withResolvers<never>()

  constructor(connection: PoolConnection, clock: Clock, location: MysqlLocation, limit_ms: number) {
    this.#connection = connection
    this.#clock = clock
    this.#location = location
    this.#limit_ms = limit_ms
    this.#late.promise.catch(() => {})
  }

  /** Rows of a statement that comes often: it is prepared once for each connection. */
  async rows<Row>(sql: string, values: readonly Value[] = []): Promise<Row[]> {
    const [rows] = await this.#within(this.#connection.execute<(Row & RowDataPacket)[]>(sql, [...values]))
    return rows
  }

  /** Rows of a statement that is seldom the same. */
  async select<Row>(sql: string, values: Values = []): Promise<Row[]> {
    const [rows] = await this.#within(this.#connection.query<(Row & RowDataPacket)[]>(sql, [...values]))
    return rows
  }

  /** How many rows it changed. */
  async run(sql: string, values: Values = []): Promise<number> {
    const [result] = await this.#within(this.#connection.query<ResultSetHeader>(sql, [...values]))
    return result.affectedRows
  }

  onTimer(): void {
    this.#connection.destroy()
    this.#late.reject(mysqlSilence(this.#location, this.#limit_ms))
  }

  async #within<Result>(answer: Promise<Result>): Promise<Result> {
    const timer = this.#clock.after(this.#limit_ms, this, 0)
    try {
      return await Promise.race([answer, this.#late.promise])
    } finally {
      timer.cancel()
    }
  }
}

/** Closed by us before the server does it: one that it closes at the same moment as it is used would fail somebody. */
const IDLE_MS = (LIMITS.mysqlIdle_s * 1000) / 2

export class MysqlSessions {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #location: MysqlLocation
  /** When each open connection was last used, in monotonic ms. A new one is not in it. */
  readonly #used_ms = new WeakMap<object, number>()
  readonly #open = new Set<PoolConnection>()

  /** Throws DatabaseProblem. */
  constructor(location: MysqlLocation, clock: Clock, connections: number) {
    this.#clock = clock
    this.#location = location
    this.#pool = createPool({
      ...mysqlOptions(location),
      connectionLimit: connections,
      queueLimit: LIMITS.directoryLookupsPending,
    })
    // The library hears one error of a connection; a second one without a listener would end the process.
    this.#pool.on('connection', (connection) => connection.on('error', () => {}))
  }

  /**
   * Does the work on a connection that nobody else has meanwhile; one on which it fails is not used again, which also
   * ends its transaction. Rejects with DatabaseProblem only.
   */
  async use<Result>(limit_ms: number, work: (session: MysqlSession) => Promise<Result>): Promise<Result> {
    let connection: PoolConnection | null = null
    try {
      connection = await this.#take()
      const session = new MysqlSession(connection, this.#clock, this.#location, limit_ms)
      if (!this.#used_ms.has(connection.connection)) await beginSession(session)
      const result = await work(session)
      this.#used_ms.set(connection.connection, this.#clock.monotonic())
      connection.release()
      return result
    } catch (error) {
      connection?.destroy()
      throw mysqlProblem(error, this.#location)
    } finally {
      if (connection !== null) this.#open.delete(connection)
    }
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy()
    const closed = Promise.withResolvers<void>()
    const timer = this.#clock.after(LIMITS.mysqlClose_ms, { onTimer: () => closed.resolve() }, 0)
    await Promise.race([this.#pool.end().catch(() => {}), closed.promise])
    timer.cancel()
  }

  async #take(): Promise<PoolConnection> {
    for (;;) {
      const connection = await this.#pool.getConnection()
      const used_ms = this.#used_ms.get(connection.connection)
      if (used_ms === undefined || this.#clock.monotonic() - used_ms < IDLE_MS) {
        this.#open.add(connection)
        return connection
      }
      connection.destroy()
    }
  }
}
