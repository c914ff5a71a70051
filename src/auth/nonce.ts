// Nonces that need no memory until they are used: signed with a secret of this process, dated, and counted.

import type { Clock } from '../clock.ts'
import type { IdSource } from '../sip/id.ts'
import { signature } from './digest.ts'

/** 4 bytes of time in seconds, 8 random ones, then the signature's first 12: 32 characters in base64url. */
const DATED_BYTES = 12
const SIGNATURE_BYTES = 12
const NONCE_CHARACTERS = 32
const SECRET_BYTES = 32
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
  readonly #secret = Buffer.alloc(SECRET_BYTES)
  readonly #used = new Map<string, NonceUse>()
  /** Nonces issued up to then may have been forgotten: whoever is not in the table is stale. */
  #forgottenUntil_s = 0
  #forgottenEarly = 0

  constructor(clock: Clock, ids: IdSource, entriesMax: number) {
    this.#clock = clock
    this.#ids = ids
    this.#entriesMax = entriesMax
    ids.random(this.#secret)
  }

  /** Uses forgotten before their nonce was old: whoever comes with one is challenged anew. */
  get forgottenEarly(): number {
    return this.#forgottenEarly
  }

  get usedCount(): number {
    return this.#used.size
  }

  issue(): string {
    const nonce = Buffer.alloc(DATED_BYTES + SIGNATURE_BYTES)
    this.#ids.random(nonce.subarray(4, DATED_BYTES))
    nonce.writeUInt32BE(this.#now_s(), 0)
    signature(this.#secret, nonce.subarray(0, DATED_BYTES)).copy(nonce, DATED_BYTES, 0, SIGNATURE_BYTES)
    return nonce.toString('base64url')
  }

  /** Did we issue it, and is it still good? Says nothing about its count. */
  check(nonce: string, lifetime_s: number): NonceVerdict {
    if (nonce.length !== NONCE_CHARACTERS) return 'forged'
    const bytes = Buffer.from(nonce, 'base64url')
    // Another spelling of the same bytes would have a count of its own.
    if (bytes.length !== DATED_BYTES + SIGNATURE_BYTES || bytes.toString('base64url') !== nonce)
      return 'forged'
    const signed = signature(this.#secret, bytes.subarray(0, DATED_BYTES))
    if (signed.compare(bytes, DATED_BYTES, undefined, 0, SIGNATURE_BYTES) !== 0) return 'forged'
    const issuedAt_s = bytes.readUInt32BE(0)
    if (this.#now_s() - issuedAt_s > lifetime_s) return 'stale'
    if (issuedAt_s <= this.#forgottenUntil_s && !this.#used.has(nonce)) return 'stale'
    return 'fresh'
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
    const issuedAt_s = Buffer.from(nonce, 'base64url').readUInt32BE(0)
    this.#used.set(nonce, { issuedAt_s, highest: count, seen: 1 })
  }

  #now_s(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}
