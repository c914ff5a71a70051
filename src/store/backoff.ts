// When to try again: soon at first, then ever more seldom, and never all servers at the same moment.

import { LIMITS } from '../config.ts'
import type { RandomFill } from '../sip/id.ts'

export class Backoff {
  readonly #fill: RandomFill
  readonly #byte = new Uint8Array(1)
  #next_ms: number = LIMITS.storeRetryMin_ms

  constructor(fill: RandomFill) {
    this.#fill = fill
  }

  /** How long to wait this time: from a half of it to the whole. */
  next(): number {
    const delay_ms = this.#next_ms
    this.#next_ms = Math.min(LIMITS.storeRetryMax_ms, delay_ms * 2)
    this.#fill(this.#byte)
    return delay_ms * (0.5 + (this.#byte[0] ?? 0) / 510)
  }

  reset(): void {
    this.#next_ms = LIMITS.storeRetryMin_ms
  }
}
