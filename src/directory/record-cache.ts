// What is known of each name: a record, or that nobody is called so. Records of active extensions, those with a
// registered phone, stay whatever the pressure (promise P4): their number is bounded by the rows of the database, as
// nobody registers without a proof. All else is bounded here.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { ExtensionRecord } from '../store/store.ts'

interface Entry {
  record: ExtensionRecord
  /** Asked for since the last search for room. */
  used: boolean
}

export interface CacheCounts {
  /** Names under which a record of an active extension is kept, and of any other. */
  readonly active: number
  readonly others: number
  /** Names that nobody has. */
  readonly unknown: number
  /** An estimate of what all of it takes. */
  readonly bytes: number
  /** Records that went to make room for others. */
  readonly evictions: number
}

/** As measured on the heap: a map's place with its key, an entry, and the index by extension. */
const ENTRY_bytes = 280
const RECORD_bytes = 190
const CREDENTIAL_bytes = 120
const UNKNOWN_bytes = 130

export class RecordCache {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #active = new Map<string, Entry>()
  /** Oldest first. */
  readonly #others = new Map<string, Entry>()
  /** Until when nobody is called so, by the monotonic clock; oldest first. */
  readonly #unknown = new Map<string, number>()
  readonly #activeIds = new Set<number>()
  /** The names under which an extension is kept here: its number, and its user's name once that was asked for. */
  readonly #keys = new Map<number, string[]>()
  #bytes = 0
  #evictions = 0

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock
    this.#capacity = capacity
  }

  counts(): CacheCounts {
    return {
      active: this.#active.size,
      others: this.#others.size,
      unknown: this.#unknown.size,
      bytes: this.#bytes,
      evictions: this.#evictions,
    }
  }

  /** undefined when nothing is known. */
  get(key: string): ExtensionRecord | null | undefined {
    const entry = this.#entry(key)
    if (entry !== undefined) {
      entry.used = true
      return entry.record
    }
    const until_ms = this.#unknown.get(key)
    if (until_ms === undefined) return undefined
    if (until_ms > this.#clock.monotonic()) return null
    this.forgetUnknown(key)
    return undefined
  }

  /** As `get`, but not a use of it. */
  known(key: string): ExtensionRecord | undefined {
    return this.#entry(key)?.record
  }

  *keys(): IterableIterator<string> {
    yield* this.#active.keys()
    yield* this.#others.keys()
  }

  isActive(extensionId: number): boolean {
    return this.#activeIds.has(extensionId)
  }

  /** From now on the records of this extension stay. Gives back those that are here. */
  pin(extensionId: number): readonly ExtensionRecord[] {
    this.#activeIds.add(extensionId)
    this.#move(extensionId, this.#others, this.#active)
    const keys = this.#keys.get(extensionId) ?? []
    return keys.map((key) => this.known(key)).filter((record) => record !== undefined)
  }

  unpin(extensionId: number): void {
    this.#activeIds.delete(extensionId)
    this.#move(extensionId, this.#active, this.#others)
    this.#makeRoom(0)
  }

  put(key: string, record: ExtensionRecord): void {
    this.forgetUnknown(key)
    const entry = this.#entry(key)
    if (entry?.record.id === record.id) {
      this.#bytes += bytesOf(key, record) - bytesOf(key, entry.record)
      entry.record = record
      return
    }
    if (entry !== undefined) this.#remove(key)
    const active = this.#activeIds.has(record.id)
    if (!active) this.#makeRoom(1)
    const map = active ? this.#active : this.#others
    map.set(key, { record, used: false })
    this.#bytes += bytesOf(key, record)
    const keys = this.#keys.get(record.id)
    if (keys === undefined) this.#keys.set(record.id, [key])
    else keys.push(key)
  }

  putUnknown(key: string): void {
    this.#remove(key)
    this.forgetUnknown(key)
    if (this.#unknown.size >= LIMITS.directoryUnknown_entries) {
      for (const oldest of this.#unknown.keys()) {
        this.forgetUnknown(oldest)
        break
      }
    }
    this.#unknown.set(key, this.#clock.monotonic() + LIMITS.directoryUnknown_ms)
    this.#bytes += UNKNOWN_bytes + key.length
  }

  forgetUnknown(key: string): void {
    // Nearly always: at a start, looking into the empty map for 100,000 records takes 0.1 s.
    if (this.#unknown.size > 0 && this.#unknown.delete(key)) this.#bytes -= UNKNOWN_bytes + key.length
  }

  forgetAllUnknown(): void {
    for (const key of this.#unknown.keys()) this.forgetUnknown(key)
  }

  #entry(key: string): Entry | undefined {
    return this.#active.get(key) ?? this.#others.get(key)
  }

  #move(extensionId: number, from: Map<string, Entry>, to: Map<string, Entry>): void {
    for (const key of this.#keys.get(extensionId) ?? []) {
      const entry = from.get(key)
      if (entry === undefined) continue
      from.delete(key)
      to.set(key, entry)
    }
  }

  #remove(key: string): void {
    const record = this.known(key)
    if (record === undefined) return
    if (!this.#active.delete(key)) this.#others.delete(key)
    this.#bytes -= bytesOf(key, record)
    const keys = this.#keys.get(record.id)?.filter((other) => other !== key) ?? []
    if (keys.length === 0) this.#keys.delete(record.id)
    else this.#keys.set(record.id, keys)
  }

  /**
   * The oldest entry goes, but one that was used since gets a second chance: nearly the order of last use, without
   * moving an entry at every use. Ends because each step that removes nothing clears a mark.
   */
  #makeRoom(wanted: number): void {
    for (const [key, entry] of this.#others) {
      if (this.#others.size + wanted <= this.#capacity) return
      if (entry.used) {
        entry.used = false
        this.#others.delete(key)
        this.#others.set(key, entry)
      } else {
        this.#remove(key)
        this.#evictions++
      }
    }
  }
}

/** The strings of a record are its own: each came from the database worker as a copy. */
function bytesOf(key: string, record: ExtensionRecord): number {
  let bytes = ENTRY_bytes + key.length + RECORD_bytes + record.number.length + record.domain.length
  bytes += record.displayName.length + record.userName.length
  for (const { username, realm, algorithm, ha1 } of record.credentials) {
    bytes += CREDENTIAL_bytes + username.length + realm.length + algorithm.length + ha1.length
  }
  return bytes
}
