// How late the event loop runs, or what is to be read: the signs of overload that say nothing of its cause.

import type { Clock, Timer } from '../clock.ts'
import type { Limits } from '../config.ts'

/** How often the loop is asked to be on time, while messages come. */
const PULSE_ms = 50
/** What a late pulse adds; one on time takes 1 away. */
const LATE_STRAIN = 2
/** Overload, and the most: so one pulse on time ends it. */
const STRAIN_MAX = 4
/** So many late ones are overload, and so is a backlog that lasts as long as they. */
const PULSES_TO_OVERLOAD = STRAIN_MAX / LATE_STRAIN

/**
 * One late pulse is a pause (garbage, another program's turn); two in a row are overload. The first one on time ends
 * it, but for a pulse more the next late one is enough to begin it again.
 */
export class LoopDelay {
  readonly #clock: Clock
  readonly #late_ms: number
  #pulse: Timer | null = null
  #due_ms = 0
  #strain = 0
  #backlogged = false
  #busy = false

  constructor(clock: Clock, limits: Pick<Limits, 'overloadLate_ms'>) {
    this.#clock = clock
    this.#late_ms = limits.overloadLate_ms
  }

  /** A message has come. Pulses go on as long as that is so: an idle server sleeps. */
  onMessage(): void {
    this.#busy = true
    if (this.#pulse === null) this.#beat()
  }

  /**
   * There is more to do than can be done. A pulse that is overdue counts before it comes, and again each time that it
   * would be late: one turn reads all that has arrived, and in a flood it has no end.
   */
  isOverloaded(): boolean {
    if (this.#pulse !== null && this.#isLate()) {
      this.#pulse.cancel()
      this.onTimer()
    }
    return this.#backlogged || this.#strain >= STRAIN_MAX
  }

  /** A transport that takes turns keeps the loop on time, and what it has not read yet waits in the kernel instead. */
  onBacklog(lasting_ms: number): void {
    this.#backlogged = lasting_ms >= PULSES_TO_OVERLOAD * (PULSE_ms + this.#late_ms)
  }

  onTimer(): void {
    this.#strain = this.#isLate()
      ? Math.min(this.#strain + LATE_STRAIN, STRAIN_MAX)
      : Math.max(this.#strain - 1, 0)
    this.#pulse = null
    if (this.#busy || this.#strain > 0) this.#beat()
  }

  close(): void {
    this.#pulse?.cancel()
    this.#pulse = null
  }

  #isLate(): boolean {
    return this.#clock.monotonic() - this.#due_ms >= this.#late_ms
  }

  #beat(): void {
    this.#busy = false
    this.#due_ms = this.#clock.monotonic() + PULSE_ms
    this.#pulse = this.#clock.after(PULSE_ms, this, 0)
  }
}
