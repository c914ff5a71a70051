// Reading something again because it changed: never twice at once, and as often as it takes.

import type { Clock, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'

export class Reload implements Wakeable {
  readonly #clock: Clock
  readonly #read: () => Promise<void>
  #running = false
  #wanted = false

  /** `read` rejects when the database is away; then it is tried again later. */
  constructor(clock: Clock, read: () => Promise<void>) {
    this.#clock = clock
    this.#read = read
  }

  /** What is asked for during a read may have changed after it began: another read follows. */
  request(): void {
    this.#wanted = true
    if (!this.#running) void this.#run()
  }

  onTimer(): void {
    void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#wanted) {
        this.#wanted = false
        await this.#read()
      }
      this.#running = false
    } catch {
      // Still running: the timer goes on from here. The store itself says what is wrong with the database.
      this.#wanted = true
      this.#clock.after(LIMITS.directoryRetry_ms, this, 0)
    }
  }
}
