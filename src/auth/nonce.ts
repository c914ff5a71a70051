// Nonces that need no memory until they are used: signed with a secret of this process, dated, and counted.

import type { Clock } from '../clock.ts'
import type { IdSource } from '../sip/id.ts'
import { mac } from './digest.ts'

/** Eight hex digits of the time in seconds and twenty at random, then the keyed hash of these. */
const TIME_CHARACTERS = 8
const DATED_CHARACTERS = 28
const NONCE_CHARACTERS = 39
const KEY_BYTES = 16
/** Of the random ones, as many as a number holds. */
const KEY_CHARACTERS = 13
/** Counts below the highest one that may still arrive, out of order: what a 32-bit mask holds. */
const WINDOW_COUNTS = 32
/** Expired uses cleared whenever one is added, so that clearing never takes long. */
const CLEARED_PER_USE = 2
/** A small server needs no more. */
const PLACES_AT_FIRST = 1024

export type NonceVerdict = 'fresh' | 'stale' | 'replayed' | 'forged'

export class NonceBook {
  readonly #clock: Clock
  readonly #ids: IdSource
  readonly #entriesMax: number
  readonly #key = new Uint8Array(KEY_BYTES)
  /** Where the counts of a used nonce are: in lists of numbers, as objects would be the collector's to look at. */
  readonly #used = new Map<number, number>()
  #keys = new Float64Array(PLACES_AT_FIRST)
  #issuedAt_s = new Float64Array(PLACES_AT_FIRST)
  /** Which counts have been seen: the highest, and a mask of those just below it. */
  #highest = new Float64Array(PLACES_AT_FIRST)
  #seen = new Uint32Array(PLACES_AT_FIRST)
  /** Uses begun and forgotten since the start: the places between them are taken, oldest first. */
  #begun = 0
  #forgotten = 0
  /** Nonces issued up to then may have been forgotten: whoever is not in the table is stale. */
  #forgottenUntil_s = 0
  #forgottenEarly = 0

  constructor(clock: Clock, ids: IdSource, entriesMax: number) {
    this.#clock = clock
    this.#ids = ids
    this.#entriesMax = entriesMax
    ids.random(this.#key)
  }

  /** Uses forgotten before their nonce was old: whoever comes with one is challenged anew. */
  get forgottenEarly(): number {
    return this.#forgottenEarly
  }

  get usedCount(): number {
    return this.#used.size
  }

  issue(): string {
    const dated = this.#now_s().toString(16).padStart(TIME_CHARACTERS, '0') + this.#ids.tag()
    return dated + mac(this.#key, dated)
  }

  /** Did we issue it, and is it still good? Says nothing about its count. */
  check(nonce: string, lifetime_s: number): NonceVerdict {
    if (!this.#isOurs(nonce)) return 'forged'
    const issuedAt_s = issueTime(nonce)
    if (this.#now_s() - issuedAt_s > lifetime_s) return 'stale'
    return issuedAt_s <= this.#forgottenUntil_s && !this.#used.has(useKey(nonce)) ? 'stale' : 'fresh'
  }

  /**
   * Takes one count (RFC 7616 section 3.4) of a nonce whose digest was right: each counts once. A client without qop
   * has no count, so it is given 0 and its nonce serves once.
   */
  use(nonce: string, count: number, lifetime_s: number): NonceVerdict {
    const place = this.#used.get(useKey(nonce))
    if (place === undefined) {
      this.#remember(nonce, count, lifetime_s)
      return 'fresh'
    }
    const highest = this.#highest[place]!
    if (count > highest) {
      const shift = count - highest
      this.#seen[place] = shift >= WINDOW_COUNTS ? 1 : ((this.#seen[place]! << shift) | 1) >>> 0
      this.#highest[place] = count
      return 'fresh'
    }
    const behind = highest - count
    if (behind >= WINDOW_COUNTS || ((this.#seen[place]! >>> behind) & 1) === 1) return 'replayed'
    this.#seen[place] = (this.#seen[place]! | (1 << behind)) >>> 0
    return 'fresh'
  }

  #remember(nonce: string, count: number, lifetime_s: number): void {
    const now_s = this.#now_s()
    for (let cleared = 0; this.#forgotten < this.#begun; cleared++) {
      const full = this.#used.size >= this.#entriesMax
      const oldest = this.#forgotten % this.#entriesMax
      const isOld = now_s - this.#issuedAt_s[oldest]! > lifetime_s
      if (!full && (cleared === CLEARED_PER_USE || !isOld)) break
      if (!isOld) this.#forgottenEarly++
      this.#used.delete(this.#keys[oldest]!)
      this.#forgottenUntil_s = Math.max(this.#forgottenUntil_s, this.#issuedAt_s[oldest]!)
      this.#forgotten++
    }
    const place = this.#begun++ % this.#entriesMax
    if (place === this.#keys.length) this.#grow()
    const key = useKey(nonce)
    this.#used.set(key, place)
    this.#keys[place] = key
    this.#issuedAt_s[place] = issueTime(nonce)
    this.#highest[place] = count
    this.#seen[place] = 1
  }

  /** Places are taken one after the other, so that those beyond the lists are not needed before. */
  #grow(): void {
    const places = this.#keys.length * 2
    const longer = <List extends Float64Array | Uint32Array>(list: List, made: List): List => {
      made.set(list)
      return made
    }
    this.#keys = longer(this.#keys, new Float64Array(places))
    this.#issuedAt_s = longer(this.#issuedAt_s, new Float64Array(places))
    this.#highest = longer(this.#highest, new Float64Array(places))
    this.#seen = longer(this.#seen, new Uint32Array(places))
  }

  #isOurs(nonce: string): boolean {
    if (nonce.length !== NONCE_CHARACTERS) return false
    return mac(this.#key, nonce.slice(0, DATED_CHARACTERS)) === nonce.slice(DATED_CHARACTERS)
  }

  #now_s(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}

/** s since the epoch, of a nonce that is ours. */
function issueTime(nonce: string): number {
  return Number.parseInt(nonce.slice(0, TIME_CHARACTERS), 16)
}

/** 52 of its random bits, which tell the nonces of an hour apart: that of another one is as good as never met. */
function useKey(nonce: string): number {
  return Number.parseInt(nonce.slice(TIME_CHARACTERS, TIME_CHARACTERS + KEY_CHARACTERS), 16)
}
