// Looks for rows that make no sense: at start, and after changes, yet not for each of them. Nothing hangs on it: what
// fails is tried again, and whether the database can be used is found out elsewhere.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { DatabaseProblem, type Driver } from './driver.ts'
import { CHECKED_TABLES } from './problems.ts'
import type { Invalidation } from './store.ts'

/** A look at very many rows takes longer; then it comes so much more seldom. */
const REST_PER_WORK = 10

export class RowChecker {
  readonly #driver: Pick<Driver, 'findProblems' | 'reportProblems'>
  readonly #clock: Clock
  /** As written down last, by table: to write only what is new. */
  readonly #written = new Map<string, string>()
  #wanted = true
  #running = false
  /** By the monotonic clock. */
  #notBefore_ms: number

  constructor(driver: Pick<Driver, 'findProblems' | 'reportProblems'>, clock: Clock) {
    this.#driver = driver
    this.#clock = clock
    // The server is starting, which must not wait for it: with 100,000 phones a look takes half a second of a core.
    this.#notBefore_ms = clock.monotonic() + LIMITS.storeProblems_ms
  }

  onChanges(changes: readonly Invalidation[]): void {
    if (changes.some(({ kind }) => kind !== 'settings')) this.#wanted = true
  }

  /** To be called now and then: looks when it is time. */
  poll(): void {
    if (this.#wanted && !this.#running && this.#clock.monotonic() >= this.#notBefore_ms) void this.#check()
  }

  async #check(): Promise<void> {
    this.#running = true
    // A change from now on may be one that this look has missed.
    this.#wanted = false
    const start_ms = this.#clock.monotonic()
    try {
      await this.#write()
    } catch (error) {
      if (!(error instanceof DatabaseProblem)) throw error
      this.#wanted = true
    } finally {
      this.#running = false
      const end_ms = this.#clock.monotonic()
      this.#notBefore_ms = end_ms + Math.max(LIMITS.storeProblems_ms, REST_PER_WORK * (end_ms - start_ms))
    }
  }

  async #write(): Promise<void> {
    const found = await this.#driver.findProblems(() => new Promise((resolve) => this.#clock.soon(resolve)))
    for (const table of CHECKED_TABLES) {
      const problems = found.filter((problem) => problem.table === table)
      const text = JSON.stringify(problems)
      if (this.#written.get(table) === text) continue
      await this.#driver.reportProblems(table, problems)
      this.#written.set(table, text)
    }
  }
}
