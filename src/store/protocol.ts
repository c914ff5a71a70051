// What crosses between the main thread and the database worker. Bindings cross as one flat array: cloning that costs
// a third less than cloning an array of objects, and it is done twice for each registration.

import type {
  BindingRecord,
  Boot,
  Change,
  ConfigProblem,
  DomainRecord,
  ExtensionRecord,
  Invalidation,
} from './store.ts'

export type Request =
  | Opening
  | { readonly kind: 'boot'; readonly id: number }
  | { readonly kind: 'settings'; readonly id: number }
  | { readonly kind: 'domains'; readonly id: number }
  | { readonly kind: 'find'; readonly id: number; readonly domain: string; readonly name: string }
  | {
      readonly kind: 'commit'
      readonly id: number
      /** How many changes each call has: they stand or fall together. */
      readonly calls: readonly number[]
      readonly changes: PackedChanges
    }
  | { readonly kind: 'problems'; readonly table: string; readonly problems: readonly ConfigProblem[] }
  | { readonly kind: 'spool-limit'; readonly bytes: number }
  | { readonly kind: 'trim-calls'; readonly before: number }
  | { readonly kind: 'close'; readonly id: number }

/** The first message to a worker. */
export interface Opening {
  readonly kind: 'open'
  readonly url: string
  /** Folder for what this machine keeps for itself; null keeps nothing, so that writes fail with the database. */
  readonly folder: string | null
  /** Name of this server among those that use the database. */
  readonly node: string
  readonly work: Float64Array
  /** Another worker served before: what changed while none followed the journal is not known. */
  readonly again: boolean
}

export type Reply =
  | { readonly kind: 'availability'; readonly reason: string | null }
  /** For the log: what the administrator must know. */
  | { readonly kind: 'notice'; readonly sentence: string }
  | { readonly kind: 'invalidation'; readonly changes: readonly Invalidation[] }
  /** By packBoot. */
  | { readonly kind: 'boot'; readonly id: number; readonly boot: string }
  | { readonly kind: 'settings'; readonly id: number; readonly settings: ReadonlyMap<string, string> }
  | { readonly kind: 'domains'; readonly id: number; readonly domains: readonly DomainRecord[] }
  | { readonly kind: 'extension'; readonly id: number; readonly extension: ExtensionRecord | null }
  /** `failed`: the calls that were not committed, by their place in the request. */
  | { readonly kind: 'committed'; readonly id: number; readonly failed: readonly FailedCall[] }
  | { readonly kind: 'closed'; readonly id: number }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string }

export interface FailedCall {
  readonly call: number
  readonly reason: string
}

/** What the worker writes and the main thread reads at leisure, in memory that both share. */
export enum Work {
  Queries = 0,
  QuerySeconds = 1,
  Commits = 2,
  CommitSeconds = 3,
  ChangesCommitted = 4,
  Failures = 5,
  Spooled = 6,
  Drained = 7,
  Dropped = 8,
  SpoolRefused = 9,
  /** From here on not counters but what is so now. */
  SpoolRows = 10,
  SpoolBytes = 11,
  /** ms since the epoch; 0 when nothing waits. */
  SpoolOldest = 12,
  /** 1 or 0. */
  DatabaseUp = 13,
  /** When the journal was last followed without a failure: ms since the epoch, 0 before the first time. */
  FollowedAt = 14,
  /** When the snapshot was true last, ms since the epoch; 0 when there is none. */
  SnapshotAsOf = 15,
  /** Moves as long as the worker does. */
  Beats = 16,
  /** 1 while the worker does what may hold it up for as long as a start takes. */
  Patient = 17,
}
export const WORK_FIELDS = 18
/** Those before it go on counting when another worker takes over. */
export const WORK_COUNTERS = Work.SpoolRows

export type PackedChanges = (string | number | boolean)[]

/** Adds one change: a removal is two values after its mark, a binding all fourteen, what is seldom one in JSON. */
export function packChange(packed: PackedChanges, change: Change): void {
  if (change.kind === 'remove') {
    packed.push('remove', change.extensionId, change.contactKey)
    return
  }
  if (change.kind !== 'save') {
    packed.push('seldom', JSON.stringify(change))
    return
  }
  const b = change.binding
  packed.push('save', b.extensionId, b.contactKey, b.contact, b.callId, b.cseq, b.priority, b.expiresAt)
  packed.push(b.registeredAt, b.userAgent, b.instance, b.path, b.source, b.local, b.natted)
}

/**
 * As JSON. With 100,000 phones, writing, copying and reading that one text takes 0.6 s; cloning the same objects from
 * thread to thread takes 1.1 s.
 */
export function packBoot({ settings, ...records }: Boot): string {
  return JSON.stringify({ ...records, settings: [...settings] })
}

export function unpackBoot(packed: string): Boot {
  // What packBoot wrote, in this same program.
  const { settings, ...records } = JSON.parse(packed)
  return { ...records, settings: new Map(settings) }
}

export function unpackChanges(packed: PackedChanges): Change[] {
  const changes: Change[] = []
  const reader = new PackedReader(packed)
  while (!reader.done) changes.push(unpackChange(reader))
  return changes
}

function unpackChange(reader: PackedReader): Change {
  switch (reader.text()) {
    case 'remove':
      return { kind: 'remove', extensionId: reader.number(), contactKey: reader.text() }
    case 'seldom':
      // What packChange wrote, in this same program.
      return JSON.parse(reader.text())
    default:
      return { kind: 'save', binding: unpackBinding(reader) }
  }
}

function unpackBinding(reader: PackedReader): BindingRecord {
  // The fields are read in the order they are written here, which is that of packChange.
  return {
    extensionId: reader.number(),
    contactKey: reader.text(),
    contact: reader.text(),
    callId: reader.text(),
    cseq: reader.number(),
    priority: reader.number(),
    expiresAt: reader.number(),
    registeredAt: reader.number(),
    userAgent: reader.text(),
    instance: reader.text(),
    path: reader.text(),
    source: reader.text(),
    local: reader.text(),
    natted: reader.flag(),
  }
}

class PackedReader {
  readonly #packed: PackedChanges
  #at = 0

  constructor(packed: PackedChanges) {
    this.#packed = packed
  }

  get done(): boolean {
    return this.#at >= this.#packed.length
  }

  text(): string {
    const value = this.#packed[this.#at++]
    if (typeof value !== 'string') throw new TypeError(`text expected at ${this.#at - 1}`)
    return value
  }

  number(): number {
    const value = this.#packed[this.#at++]
    if (typeof value !== 'number') throw new TypeError(`number expected at ${this.#at - 1}`)
    return value
  }

  flag(): boolean {
    const value = this.#packed[this.#at++]
    if (typeof value !== 'boolean') throw new TypeError(`flag expected at ${this.#at - 1}`)
    return value
  }
}
