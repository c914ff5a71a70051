// Nonces that need no memory until they are used: signed with a secret of this process, dated, and counted.

import type { Clock } from '../clock.ts'
import type { IdSource } from '../sip/id.ts'
import { mac } from './digest.ts'

/** Eight hex digits of the time in seconds and twenty at random, then the keyed hash of these. */
const TIME_CHARACTERS = 8
const DATED_CHARACTERS = 28
const NONCE_CHARACTERS = 39
const KEY_BYTES = 16
/** Counts below the highest one that may still arrive, out of order: what a 32-bit mask holds. */
const WINDOW_COUNTS = 32
/** Expired uses cleared whenever one is added, so that clearing never takes long. */
const CLEARED_PER_USE = 2

export type NonceVerdict = 'fresh' | 'stale' | 'replayed' | 'forged'

/** Which counts of one nonce have been seen: the highest, and a mask of those just below it. */
interface NonceUse {
  readonly issuedAt_s: number
  highest: number
  seen: number
}

export class NonceBook {
  readonly #clock: Clock
  readonly #ids: IdSource
  readonly #entriesMax: number
  readonly #key = new Uint8Array(KEY_BYTES)
  readonly #used = new Map<string, NonceUse>()
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
    const used = this.#used.get(nonce)
    // One that was used before was found to be ours then.
    if (used === undefined && !this.#isOurs(nonce)) return 'forged'
    const issuedAt_s = used?.issuedAt_s ?? issueTime(nonce)
    if (this.#now_s() - issuedAt_s > lifetime_s) return 'stale'
    return used === undefined && issuedAt_s <= this.#forgottenUntil_s ? 'stale' : 'fresh'
  }

  /**
   * Takes one count (RFC 7616 section 3.4) of a nonce whose digest was right: each counts once. A client without qop
   * has no count, so it is given 0 and its nonce serves once.
   */
  use(nonce: string, count: number, lifetime_s: number): NonceVerdict {
    const use = this.#used.get(nonce)
    if (use === undefined) {
      this.#remember(nonce, count, lifetime_s)
      return 'fresh'
    }
    if (count > use.highest) {
      const shift = count - use.highest
      use.seen = shift >= WINDOW_COUNTS ? 1 : ((use.seen << shift) | 1) >>> 0
      use.highest = count
      return 'fresh'
    }
    const behind = use.highest - count
    if (behind >= WINDOW_COUNTS || ((use.seen >>> behind) & 1) === 1) return 'replayed'
    use.seen = (use.seen | (1 << behind)) >>> 0
    return 'fresh'
  }

  #remember(nonce: string, count: number, lifetime_s: number): void {
    const now_s = this.#now_s()
    let cleared = 0
    for (const [old, use] of this.#used) {
      const full = this.#used.size >= this.#entriesMax
      const isOld = now_s - use.issuedAt_s > lifetime_s
      if (!full && (cleared === CLEARED_PER_USE || !isOld)) break
      if (!isOld) this.#forgottenEarly++
      this.#used.delete(old)
      this.#forgottenUntil_s = Math.max(this.#forgottenUntil_s, use.issuedAt_s)
      cleared++
    }
    this.#used.set(nonce, { issuedAt_s: issueTime(nonce), highest: count, seen: 1 })
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
