// The worker's link to its database: opened again and again, every use of it bounded in time, and cut for all after one
// use has shown that nobody answers.

import type { Clock, Timer, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { RandomFill } from '../sip/id.ts'
import { Backoff } from './backoff.ts'
import { DatabaseProblem, type Driver } from './driver.ts'

/** `up`; `blocked`: it can be read, but takes no writes just now; `away`: neither, or it was not open yet. */
export type LinkState = 'up' | 'blocked' | 'away'
type Use = 'poll' | 'read' | 'write'

export interface LinkOptions {
  readonly clock: Clock
  readonly random: RandomFill
  readonly open: () => Promise<Driver>
  /** A new driver is there, to be made ready; the link is up when this has resolved. */
  readonly onOpened: (driver: Driver) => Promise<void>
  /** After each change of state or reason. */
  readonly onChange: () => void
}

class Overdue extends DatabaseProblem {
  constructor() {
    super('away', 'The database does not answer in time.')
  }
}

export class DatabaseLink implements Wakeable {
  readonly #options: LinkOptions
  readonly #backoff: Backoff
  #driver: Driver | null = null
  /** Ends of what is under way, for when the driver is given up. */
  readonly #underWay = new Set<PromiseWithResolvers<never>>()
  #state: LinkState = 'away'
  #reason: string | null = 'The database is not open yet.'
  #retry: Timer | null = null
  #retrying = false
  #upSince_ms = 0
  #closed = false
  readonly counts = { queries: 0, seconds: 0, failures: 0 }

  constructor(options: LinkOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.random)
  }

  get state(): LinkState {
    return this.#state
  }

  /** Why it is not up, in words; null when it is. */
  get reason(): string | null {
    return this.#reason
  }

  /** The first attempt. Later ones follow by themselves. */
  async open(limit_ms: number): Promise<void> {
    this.#retrying = true
    await this.#tryOpen(limit_ms)
    this.#retrying = false
    if (this.#state !== 'up') this.#retryLater()
  }

  /** Throws DatabaseProblem, at once when the database is away. */
  read<Result>(limit_ms: number, work: (driver: Driver) => Promise<Result>): Promise<Result> {
    return this.#use('read', limit_ms, work)
  }

  /** As `read`, of what is asked all the time and does not count. */
  poll<Result>(limit_ms: number, work: (driver: Driver) => Promise<Result>): Promise<Result> {
    return this.#use('poll', limit_ms, work)
  }

  write<Result>(limit_ms: number, work: (driver: Driver) => Promise<Result>): Promise<Result> {
    return this.#use('write', limit_ms, work)
  }

  /** What was tried for long enough and found locked: no other write need try it before a probe has. */
  block(problem: DatabaseProblem): void {
    this.counts.failures++
    this.#become(this.#driver === null ? 'away' : 'blocked', problem.message)
  }

  onTimer(): void {
    this.#retry = null
    void this.#tryAgain()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#retry?.cancel()
    this.#retry = null
    const driver = this.#driver
    this.#driver = null
    this.#state = 'away'
    this.#reason = 'The store is closed.'
    if (driver !== null)
      await bounded(this.#options.clock, LIMITS.storeLookup_ms, driver.close()).catch(() => {})
  }

  async #use<Result>(use: Use, limit_ms: number, work: (driver: Driver) => Promise<Result>): Promise<Result> {
    const driver = this.#driver
    if (driver === null || this.#state === 'away') throw new DatabaseProblem('away', this.#reason ?? '')
    const { clock } = this.#options
    const start_ms = clock.monotonic()
    const end = Promise.withResolvers<never>()
    this.#underWay.add(end)
    try {
      return await bounded(clock, limit_ms, work(driver), end)
    } catch (error) {
      const problem = asProblem(error)
      if (problem.kind !== 'busy') this.counts.failures++
      this.#failed(driver, problem, use)
      throw problem
    } finally {
      this.#underWay.delete(end)
      if (use !== 'poll') {
        this.counts.queries++
        this.counts.seconds += (clock.monotonic() - start_ms) / 1000
      }
    }
  }

  #failed(driver: Driver, problem: DatabaseProblem, use: Use): void {
    // The statement's own fault; or somebody writes just now; or the driver has been given up since.
    if (problem.kind === 'refused' || problem.kind === 'busy' || driver !== this.#driver) return
    if (problem instanceof Overdue) this.#giveUp(driver)
    this.#become(problem.kind === 'away' || use !== 'write' ? 'away' : 'blocked', problem.message)
  }

  /** What it was asked may still come to pass, or never. It is fenced: what the next driver writes comes after. */
  #giveUp(driver: Driver): void {
    this.#driver = null
    driver.close().catch(() => {})
    for (const end of this.#underWay) end.reject(new Overdue())
  }

  async #tryAgain(): Promise<void> {
    if (this.#retrying || this.#closed) return
    this.#retrying = true
    const driver = this.#driver
    if (driver === null) {
      await this.#tryOpen(LIMITS.storeOpen_ms)
    } else {
      try {
        await bounded(this.#options.clock, LIMITS.storeAttempt_ms, driver.probe())
        this.#become('up', null)
      } catch (error) {
        const problem = asProblem(error)
        this.#failed(driver, problem, 'write')
        if (problem.kind === 'busy') this.#become('blocked', problem.message)
      }
    }
    this.#retrying = false
    if (this.#state !== 'up') this.#retryLater()
  }

  async #tryOpen(limit_ms: number): Promise<void> {
    const { clock, open, onOpened } = this.#options
    const opening = open()
    try {
      const driver = await bounded(clock, limit_ms, opening)
      if (this.#closed) return void driver.close().catch(() => {})
      this.#driver = driver
      await bounded(clock, limit_ms, onOpened(driver))
      this.#become('up', null)
    } catch (error) {
      // It may still open, too late.
      opening.then((late) => late.close()).catch(() => {})
      this.#driver = null
      this.#become('away', asProblem(error).message)
    }
  }

  #become(state: LinkState, reason: string | null): void {
    if (this.#closed) return
    const changed = state !== this.#state || reason !== this.#reason
    const now_ms = this.#options.clock.monotonic()
    if (state === 'up') {
      if (this.#state !== 'up') this.#upSince_ms = now_ms
    } else {
      if (this.#state === 'up' && now_ms - this.#upSince_ms >= LIMITS.storeWell_ms) this.#backoff.reset()
      this.#retryLater()
    }
    this.#state = state
    this.#reason = reason
    if (changed) this.#options.onChange()
  }

  #retryLater(): void {
    if (this.#retry !== null || this.#retrying || this.#closed) return
    this.#retry = this.#options.clock.after(this.#backoff.next(), this, 0)
  }
}

function asProblem(error: unknown): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  throw error
}

/** The promise's value, or a problem when it takes longer. What it does meanwhile is not stopped by that. */
async function bounded<Result>(
  clock: Clock,
  limit_ms: number,
  promise: Promise<Result>,
  late = Promise.withResolvers<never>(),
): Promise<Result> {
  const timer = clock.after(limit_ms, { onTimer: () => late.reject(new Overdue()) }, 0)
  // Whichever comes second is nobody's concern.
  promise.catch(() => {})
  late.promise.catch(() => {})
  try {
    return await Promise.race([promise, late.promise])
  } finally {
    timer.cancel()
  }
}
