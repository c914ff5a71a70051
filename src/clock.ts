// Time comes in by constructor. This file is the only one that knows setTimeout and Date.now.

import { TimingWheel } from './timing-wheel.ts'

/** Who is woken; `which` is the number it gave, so that one object can own several timers without closures. */
export interface Wakeable {
  onTimer(which: number): void
}

/** A set timer. Cancelling one that has fired or was cancelled is harmless. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall clock, ms since the epoch. */
  now(): number
  /** Monotonic, ms, with a fraction; only differences mean anything. */
  monotonic(): number
  /** Coarse: fires at the first tick at or after the delay, never before it. */
  after(delay_ms: number, who: Wakeable, which: number): Timer
  /**
   * Runs at the end of this turn of the event loop, after all datagrams at hand have been read, in the order given.
   * What is given while such tasks run waits for the next turn.
   */
  soon(task: () => void): void
}

/** Accuracy of all timers. The shortest one of SIP is T1 = 500 ms; 100rel and re-INVITE glare use 10 ms steps. */
const TICK_MS = 8

/** The real time. It sleeps when no timer is set: one setTimeout is armed for the next slot that holds something. */
export class SystemClock implements Clock {
  readonly #wheel: TimingWheel
  readonly #onError: (error: unknown) => void
  readonly #start_ms = performance.now()
  readonly #onTick = (): void => this.#turn()
  readonly #onTurnEnd = (): void => this.#runTasks()
  #armed: ReturnType<typeof setTimeout> | null = null
  #armedFor_tick = Number.POSITIVE_INFINITY
  #tasks: Array<() => void> = []
  #immediate: ReturnType<typeof setImmediate> | null = null
  #closed = false

  /** `onError` hears what a timer's owner or a task threw: a bug of ours, which must not stop the others. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
    this.#wheel = new TimingWheel(onError)
  }

  now(): number {
    return Date.now()
  }

  monotonic(): number {
    return performance.now() - this.#start_ms
  }

  after(delay_ms: number, who: Wakeable, which: number): Timer {
    if (this.#closed) return NEVER
    const now_ms = this.monotonic()
    const due_tick = Math.ceil((now_ms + Math.max(0, delay_ms)) / TICK_MS)
    const timer = this.#wheel.set(due_tick, Math.floor(now_ms / TICK_MS), who, which)
    if (due_tick < this.#armedFor_tick) this.#arm(now_ms)
    return timer
  }

  soon(task: () => void): void {
    if (this.#closed) return
    this.#tasks.push(task)
    this.#immediate ??= setImmediate(this.#onTurnEnd)
  }

  /** Timers set and waiting, for the metrics page and for tests that look for leaks. */
  get timers(): number {
    return this.#wheel.size
  }

  /** Nothing fires or runs after this. */
  close(): void {
    this.#closed = true
    this.#wheel.clear()
    this.#tasks = []
    if (this.#armed !== null) clearTimeout(this.#armed)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
  }

  #turn(): void {
    this.#armed = null
    this.#armedFor_tick = Number.POSITIVE_INFINITY
    // setTimeout may be early by a fraction: then no slot has come by yet, and it is armed again.
    this.#wheel.turn(Math.floor(this.monotonic() / TICK_MS))
    this.#arm(this.monotonic())
  }

  #arm(now_ms: number): void {
    const tick = this.#wheel.nextTick()
    if (tick === null || tick >= this.#armedFor_tick || this.#closed) return
    if (this.#armed !== null) clearTimeout(this.#armed)
    this.#armedFor_tick = tick
    this.#armed = setTimeout(this.#onTick, Math.max(0, Math.ceil(tick * TICK_MS - now_ms)))
  }

  #runTasks(): void {
    const tasks = this.#tasks
    this.#tasks = []
    this.#immediate = null
    for (const task of tasks) {
      if (this.#closed) return
      try {
        task()
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}

/** What a closed clock gives. */
const NEVER: Timer = { cancel() {} }
