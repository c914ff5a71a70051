// How far a command is: told on standard error once it takes longer than a moment.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { Call } from './command.ts'

export class Progress {
  readonly #call: Call
  readonly #things: string
  readonly #total: number
  readonly #clock: Clock
  #told_ms: number

  /** `things`: what is counted, as "lines". */
  constructor(call: Call, things: string, total: number, clock: Clock) {
    this.#call = call
    this.#things = things
    this.#total = total
    this.#clock = clock
    this.#told_ms = clock.monotonic()
  }

  /** A program that reads JSON is told nothing. */
  reached(count: number): void {
    const now_ms = this.#clock.monotonic()
    if (this.#call.json || now_ms - this.#told_ms < LIMITS.progress_ms) return
    this.#told_ms = now_ms
    this.#call.output.progress(`${count} of ${this.#total} ${this.#things}`)
  }
}
