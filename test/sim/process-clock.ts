// The time of one process: when the process dies, nothing that it waited for happens any more.

import type { Clock, Timer, Wakeable } from '../../src/clock.ts'

export class ProcessClock implements Clock {
  readonly #clock: Clock
  /** Set and waiting, for whoever looks for timers that were left behind. */
  readonly #waiting = new Set<Timer>()
  #dead = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get timers(): number {
    return this.#waiting.size
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#clock.monotonic()
  }

  after(delay_ms: number, who: Wakeable, which: number): Timer {
    const fires = (): void => {
      this.#waiting.delete(timer)
      who.onTimer(which)
    }
    const set = this.#clock.after(delay_ms, { onTimer: () => this.#dead || fires() }, which)
    const timer: Timer = {
      cancel: () => {
        this.#waiting.delete(timer)
        set.cancel()
      },
    }
    this.#waiting.add(timer)
    return timer
  }

  soon(task: () => void): void {
    this.#clock.soon(() => this.#dead || task())
  }

  /** The process is killed: what it had set will not come. */
  kill(): void {
    this.#dead = true
    for (const timer of this.#waiting) timer.cancel()
  }
}
