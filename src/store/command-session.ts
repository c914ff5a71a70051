// One connection to an SQL database, as the commands' statements need it, and how the dialects differ in them.

export type Value = string | number | null

/** Every call fails with DatabaseProblem only. A name that is a reserved word stands in double quotes. */
export interface CommandSession {
  readonly dialect: Dialect
  // The row's type is what the statement's columns are: no driver can know it.
  all<Row>(sql: string, values?: readonly Value[]): Promise<Row[]>
  run(sql: string, values?: readonly Value[]): Promise<void>
  /** The id that the row was given. */
  insert(sql: string, values: readonly Value[]): Promise<number>
  /** All or nothing. Only one of all sessions is in it at a time; the others wait. */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>
  /**
   * Within a transaction. Rows written meanwhile may leave no marks in the journal, where these take long: the caller
   * leaves one for all.
   */
  unmarked<Result>(work: () => Promise<Result>): Promise<Result>
  /**
   * Fails when any part of the database is damaged, as far as that can be told, or when nothing can be written. Answers
   * with what is not as it should be and yet works: sentences that say how to mend it.
   */
  check(): Promise<readonly string[]>
  close(): Promise<void>
}

export interface Dialect {
  /** The end of an INSERT that sets this column of the row that has the same unique key, where there is one. */
  orSet(key: readonly string[], column: string): string
  /** Now, comparable to a column that holds a time. */
  readonly now: string
  /** A column's time as text, as 2026-01-31T12:00:00.000Z. */
  time(column: string): string
  /** Which program serves it, as "SQLite 3.54.1". */
  readonly server: string
  /** Whole seconds from now to a column's time. */
  secondsUntil(column: string): string
}
