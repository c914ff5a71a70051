// What a database must be able to do for the worker: the only seam that knows SQL is behind it.

import type { Clock } from '../clock.ts'
import type { RowProblem } from './problems.ts'
import type { Change, ConfigProblem, Contents, DomainRecord, ExtensionRecord } from './store.ts'

/** Calls fail with DatabaseProblem only. */
export interface Driver {
  /** What is not as it should be, though it works: a sentence each that says how to mend it. */
  readonly warnings: readonly string[]
  boot(): Promise<Contents>
  settings(): Promise<ReadonlyMap<string, string>>
  domains(): Promise<readonly DomainRecord[]>
  findExtension(domain: string, name: string): Promise<ExtensionRecord | null>
  /** Those that there are. */
  extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]>
  /** One transaction, durable when it resolves. A change for an extension that is gone is left out: no failure. */
  commit(changes: readonly Change[]): Promise<void>
  /** Rows that SQL could not refuse; awaits `pause` after each short step, so that look-ups come in between. */
  findProblems(pause: () => Promise<void>): Promise<readonly RowProblem[]>
  reportProblems(table: string, problems: readonly ConfigProblem[]): Promise<void>
  /** A write that changes nothing, to learn whether writing works again. */
  probe(): Promise<void>
  /** Follows the journal from now on. */
  startJournal(): Promise<void>
  /** What was committed since the last call, by anybody else. */
  readJournal(): Promise<JournalReading>
  /** Down to LIMITS.storeJournal_rows, and none older than LIMITS.storeJournal_ms. */
  trimJournal(): Promise<void>
  /** Deletes the calls that began before, the oldest first, at most `limit`. */
  trimCalls(before: number, limit: number): Promise<void>
  close(): Promise<void>
}

export interface DriverOptions {
  /** Name of this server among those that use the database. */
  readonly node: string
  readonly clock: Clock
}

export interface JournalReading {
  /** In order; empty when nobody wrote. */
  readonly rows: readonly JournalRow[]
  /** False when there is more than was read, or some of it cannot be known: then everything may have changed. */
  readonly whole: boolean
}

export interface JournalRow {
  readonly seq: number
  readonly table: string
  readonly key: string
}

export type DatabaseProblemKind =
  | 'missing'
  | 'unusable'
  | 'corrupt'
  | 'newer'
  | 'busy'
  | 'full'
  | 'refused'
  /** The server does not answer, or not in time: it may be back at any moment. */
  | 'away'
  /** The server answers, and will not have us: a password, a right, TLS. */
  | 'denied'
  /** The server's program is too old. */
  | 'old'

/** What is wrong with the database, in one sentence that says how to mend it. */
export class DatabaseProblem extends Error {
  override readonly name = 'DatabaseProblem'
  /** 'refused': the statement itself is at fault (a constraint), not the database. */
  readonly kind: DatabaseProblemKind

  constructor(kind: DatabaseProblemKind, message: string) {
    super(message)
    this.kind = kind
  }
}
