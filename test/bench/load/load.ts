// Conversations without end: as many at once as there are slots, each begun again when it is over (closed loop), or
// begun at times of a fixed rate, whatever becomes of those before (open loop).

import { passes } from '../../support/deadline.ts'
import type { Tally } from './job.ts'
import type { OnMessage } from './line.ts'
import { type Account, type Scenario, Slot } from './slot.ts'
import { answersTo } from './text.ts'
import { clock } from './time.ts'

/** A phone would say it again after T1: what takes longer has failed. */
const T1_MS = 500
const SWEEP_MS = 100
/**
 * The kernel wakes a sleeper about this late, so the last of a wait is spent awake. At slow rates the core is free
 * meanwhile: what a server waits for a disk for is done there, too.
 */
const SLEEP_MS = 1
const SLEEP_FROM_MS = 2.5
const SAMPLES_MAX = 4_000_000
/** More than one slot has in a run. */
const SERIALS_PER_LOAD = 10_000_000

let loads = 0

export class Load {
  readonly #scenario: Scenario
  readonly #accounts: readonly Account[]
  readonly #peers: readonly Account[]
  readonly #patience_ms: number
  readonly #slots: Slot[] = []
  readonly #idle: Slot[] = []
  readonly #latencies = new Float64Array(SAMPLES_MAX)
  #next = 0
  #done = 0
  #failed = 0
  #late = 0
  #since = 0
  #last = ''
  #closedLoop = true
  #stopping = false
  #interval_ms = 0
  #begun = 0
  #onOver: (() => void) | null = null
  /** Conversations to begin. */
  #left = Number.POSITIVE_INFINITY
  readonly #pace = (): void => this.#beginDue()

  /** `peers` are called; empty where nobody is. What is not over after `patience_ms` is given up. */
  constructor(
    scenario: Scenario,
    accounts: readonly Account[],
    peers: readonly Account[],
    slots: number,
    patience_ms = T1_MS,
  ) {
    this.#patience_ms = patience_ms
    this.#scenario = scenario
    this.#accounts = accounts
    this.#peers = peers
    const firstSerial = SERIALS_PER_LOAD * ++loads
    for (let n = 0; n < slots; n++) this.#slots.push(new Slot(n, firstSerial, accounts[0]!))
    this.#idle.push(...this.#slots)
  }

  readonly onMessage: OnMessage = (text, line) => {
    if (!text.startsWith('SIP/2.0 ')) {
      for (const answer of answersTo(text, line)) line.send(answer)
      return
    }
    const at = text.indexOf('z9hG4bKs') + 8
    const serialAt = text.indexOf('x', at) + 1
    const slot = this.#slots[Number(text.slice(at, serialAt - 1))]
    if (slot === undefined || slot.startedAt === 0) return
    const stepAt = text.indexOf('x', serialAt) + 1
    if (Number(text.slice(serialAt, stepAt - 1)) !== slot.serial) return
    const outcome = this.#scenario.onResponse(slot, Number(text.slice(8, 11)), text)
    if (outcome === 'goes on') return
    if (outcome === 'failed') {
      this.#failed++
      this.#last = text
    }
    this.#end(slot, outcome === 'done')
  }

  /** The last answer that was none of those expected. */
  get lastFailure(): string {
    return this.#last
  }

  /** So many conversations in all, as fast as they go; resolves when the last is over. */
  async run(count: number): Promise<void> {
    this.#left = count
    this.startClosed()
    await this.drained()
  }

  startClosed(): void {
    this.#closedLoop = true
    this.#sweep()
    for (let n = Math.min(this.#idle.length, this.#left); n > 0; n--) this.#begin()
  }

  startOpen(rate_per_s: number): void {
    this.#closedLoop = false
    this.#interval_ms = 1000 / rate_per_s
    this.#sweep()
    this.reset()
    this.#pace()
  }

  /** Begins to count anew. */
  reset(): void {
    this.#done = this.#failed = this.#late = 0
    this.#since = clock.monotonic()
    this.#begun = 0
  }

  tally(): Tally {
    const samples = this.#latencies.subarray(0, Math.min(this.#done, SAMPLES_MAX)).toSorted()
    return {
      done: this.#done,
      failed: this.#failed,
      late: this.#late,
      elapsed_ms: clock.monotonic() - this.#since,
      p50_ms: samples[Math.trunc(samples.length * 0.5)] ?? Number.NaN,
      p99_ms: samples[Math.trunc(samples.length * 0.99)] ?? Number.NaN,
    }
  }

  /** Nothing new is begun. */
  stop(): void {
    this.#stopping = true
  }

  /** When nothing new is begun: until those that are on their way are over. */
  async drained(): Promise<void> {
    if (this.#over) return
    const over = Promise.withResolvers<void>()
    this.#onOver = over.resolve
    await over.promise
  }

  get #over(): boolean {
    return (this.#stopping || this.#left <= 0) && this.#idle.length === this.#slots.length
  }

  onTimer(): void {
    const now = clock.monotonic()
    for (const slot of this.#slots) {
      if (slot.startedAt === 0 || now - slot.startedAt < this.#patience_ms) continue
      this.#late++
      this.#end(slot, false)
    }
    if (!this.#over) this.#sweep()
  }

  #sweep(): void {
    clock.after(SWEEP_MS, this, 0)
  }

  #begin(startedAt = clock.monotonic()): void {
    const slot = this.#idle.pop()
    if (slot === undefined) {
      this.#late++
      return
    }
    this.#left--
    slot.serial++
    slot.step = 0
    slot.startedAt = startedAt
    slot.account = this.#accounts[this.#next % this.#accounts.length]!
    if (this.#peers.length > 0) slot.peer = this.#peers[this.#next % this.#peers.length]!
    this.#next++
    this.#scenario.begin(slot)
  }

  #beginDue(): void {
    if (this.#stopping) return
    const now = clock.monotonic()
    for (;;) {
      const due = this.#since + this.#begun * this.#interval_ms
      if (due > now) break
      this.#begun++
      this.#begin(due)
    }
    const wait_ms = this.#since + this.#begun * this.#interval_ms - now
    if (wait_ms > SLEEP_FROM_MS) void passes(SLEEP_MS).then(this.#pace)
    else clock.soon(this.#pace)
  }

  #end(slot: Slot, well: boolean): void {
    if (well) {
      if (this.#done < SAMPLES_MAX) this.#latencies[this.#done] = clock.monotonic() - slot.startedAt
      this.#done++
    }
    slot.startedAt = 0
    this.#idle.push(slot)
    if (this.#closedLoop && !this.#stopping && this.#left > 0) this.#begin()
    else if (this.#over) this.#onOver?.()
  }
}
