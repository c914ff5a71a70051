// What a database must be able to do for the worker: the only seam that knows SQL is behind it.

import type { Change, ConfigProblem, Contents, DomainRecord, ExtensionRecord } from './store.ts'

/** Calls fail with DatabaseProblem only. */
export interface Driver {
  boot(): Promise<Contents>
  settings(): Promise<ReadonlyMap<string, string>>
  domains(): Promise<readonly DomainRecord[]>
  findExtension(domain: string, name: string): Promise<ExtensionRecord | null>
  /** Those that there are. */
  extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]>
  /** One transaction, durable when it resolves. A change for an extension that is gone is left out: no failure. */
  commit(changes: readonly Change[]): Promise<void>
  reportProblems(table: string, problems: readonly ConfigProblem[]): Promise<void>
  /** A write that changes nothing, to learn whether writing works again. */
  probe(): Promise<void>
  /** False when nobody else has written since the last call: then the journal need not be read. */
  changedByOthers(): Promise<boolean>
  /** The last `seq` given to a journal row, even if that row is gone. */
  journalHead(): Promise<number>
  /** The rows of `after < seq <= through`, in order, at most `limit`. */
  journalBetween(after: number, through: number, limit: number): Promise<readonly JournalRow[]>
  trimJournal(keep_rows: number): Promise<void>
  close(): Promise<void>
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
