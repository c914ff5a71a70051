// What each address has asked of us lately, so that one that asks too much is told from all the others.

import type { Clock, Timer } from '../clock.ts'
import type { Limits } from '../config.ts'

/** The work of one address in the interval that runs. */
export interface SourceWork {
  scanned_bytes: number
  /** Requests that begin something: a call, a registration, a question. */
  fresh: number
  /** Requests within something that is there already. */
  favoured: number
  /** Refusals sent. */
  answers: number
}

/**
 * Counts start again at each interval, all at once: nothing has to be chosen for eviction, and however many addresses
 * are made up, the table holds one interval's. Beyond its limit an address is not told from the others; what these ask
 * is bounded by the limits that all share.
 */
export class SourceShares {
  readonly #clock: Clock
  readonly #limits: Pick<Limits, 'sources_entries' | 'sourceShare_ms'>
  readonly #works = new Map<string, SourceWork>()
  /** What all addresses together have begun in this interval. */
  fresh = 0
  #interval: Timer | null = null
  #began_ms = 0

  constructor(clock: Clock, limits: Pick<Limits, 'sources_entries' | 'sourceShare_ms'>) {
    this.#clock = clock
    this.#limits = limits
  }

  get size(): number {
    return this.#works.size
  }

  /** null for a newcomer when the table is full. */
  of(host: string): SourceWork | null {
    const known = this.#works.get(host)
    if (known !== undefined) return known
    if (this.#works.size >= this.#limits.sources_entries) return null
    // Only while somebody asks: an idle server sleeps.
    if (this.#interval === null) {
      this.#began_ms = this.#clock.monotonic()
      this.#interval = this.#clock.after(this.#limits.sourceShare_ms, this, 0)
    }
    const work: SourceWork = { scanned_bytes: 0, fresh: 0, favoured: 0, answers: 0 }
    this.#works.set(host, work)
    return work
  }

  /** An interval ends at its time, also when an event loop that runs late has not come to its timer. */
  renew(): void {
    if (this.#clock.monotonic() - this.#began_ms < this.#limits.sourceShare_ms) return
    this.close()
    this.onTimer()
  }

  onTimer(): void {
    this.#interval = null
    this.#works.clear()
    this.fresh = 0
  }

  close(): void {
    this.#interval?.cancel()
    this.#interval = null
  }
}
