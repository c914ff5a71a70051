// What crosses between the main thread and the database worker. Bindings cross as one flat array: cloning that costs
// a third less than cloning an array of objects, and it is done twice for each registration.

import type {
  BindingRecord,
  Change,
  ConfigProblem,
  DomainRecord,
  ExtensionRecord,
  Invalidation,
} from './store.ts'

export type Request =
  | { readonly kind: 'open'; readonly url: string; readonly work: Float64Array }
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
  | { readonly kind: 'trim-calls'; readonly before: number }
  | { readonly kind: 'close'; readonly id: number }

export type Reply =
  | { readonly kind: 'opened'; readonly warnings: readonly string[] }
  | { readonly kind: 'availability'; readonly reason: string | null }
  | { readonly kind: 'invalidation'; readonly changes: readonly Invalidation[] }
  | {
      readonly kind: 'boot'
      readonly id: number
      readonly domains: readonly DomainRecord[]
      readonly settings: ReadonlyMap<string, string>
      readonly bindings: PackedChanges
      readonly activeExtensions: readonly ExtensionRecord[]
      readonly extensionCount: number
    }
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

/** Counters that the worker writes and the main thread reads at leisure, in memory that both share. */
export enum Work {
  Queries = 0,
  QuerySeconds = 1,
  Commits = 2,
  ChangesCommitted = 3,
  Failures = 4,
  /** When the journal was last followed without a failure: ms since the epoch, 0 before the first time. */
  FollowedAt = 5,
}
export const WORK_FIELDS = 6

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

export function packBindings(bindings: readonly BindingRecord[]): PackedChanges {
  const packed: PackedChanges = []
  for (const binding of bindings) packChange(packed, { kind: 'save', binding })
  return packed
}

export function unpackBindings(packed: PackedChanges): BindingRecord[] {
  return unpackChanges(packed).flatMap((change) => (change.kind === 'save' ? [change.binding] : []))
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
