// What is known of each name: a record, or that nobody is called so. Bounded both ways.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { ExtensionRecord } from '../store/store.ts'

interface Entry {
  record: ExtensionRecord
  /** Asked for since the last search for room. */
  used: boolean
}

export class RecordCache {
  readonly #clock: Clock
  readonly #capacity: number
  /** Oldest first. */
  readonly #known = new Map<string, Entry>()
  /** Until when nobody is called so, by the monotonic clock; oldest first. */
  readonly #unknown = new Map<string, number>()

  constructor(clock: Clock, capacity: number = LIMITS.directory_entries) {
    this.#clock = clock
    this.#capacity = capacity
  }

  get size(): number {
    return this.#known.size
  }

  /** undefined when nothing is known. */
  get(key: string): ExtensionRecord | null | undefined {
    const entry = this.#known.get(key)
    if (entry !== undefined) {
      entry.used = true
      return entry.record
    }
    const until_ms = this.#unknown.get(key)
    if (until_ms === undefined) return undefined
    if (until_ms > this.#clock.monotonic()) return null
    this.#unknown.delete(key)
    return undefined
  }

  /** As `get`, but not a use of it. */
  known(key: string): ExtensionRecord | undefined {
    return this.#known.get(key)?.record
  }

  keys(): IterableIterator<string> {
    return this.#known.keys()
  }

  put(key: string, record: ExtensionRecord): void {
    this.#unknown.delete(key)
    const entry = this.#known.get(key)
    if (entry !== undefined) {
      entry.record = record
      return
    }
    if (this.#known.size >= this.#capacity) this.#makeRoom()
    this.#known.set(key, { record, used: false })
  }

  putUnknown(key: string): void {
    this.#known.delete(key)
    this.#unknown.delete(key)
    if (this.#unknown.size >= LIMITS.directoryUnknown_entries) deleteFirst(this.#unknown)
    this.#unknown.set(key, this.#clock.monotonic() + LIMITS.directoryUnknown_ms)
  }

  forgetUnknown(key: string): void {
    this.#unknown.delete(key)
  }

  forgetAllUnknown(): void {
    this.#unknown.clear()
  }

  /**
   * The oldest entry goes, but one that was used since gets a second chance: nearly the order of last use, without
   * moving an entry at every use. Ends because each step that removes nothing clears a mark.
   */
  #makeRoom(): void {
    for (const [key, entry] of this.#known) {
      this.#known.delete(key)
      if (!entry.used) return
      entry.used = false
      this.#known.set(key, entry)
    }
  }
}

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key)
    return
  }
}
