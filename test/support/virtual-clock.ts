import type { Clock, Timer, Wakeable } from '../../src/clock.ts'

/** 2030-01-01T00:00:00Z: far from any certificate, fixture or real date. */
const EPOCH_MS = Date.UTC(2030, 0, 1)
/** Far above what a test does; reached only by tasks or timers which go on making each other. */
const TASKS_MAX = 1_000_000

class VirtualTimer implements Timer {
  constructor(
    readonly clock: VirtualClock,
    readonly due_ms: number,
    readonly who: Wakeable,
    readonly which: number,
  ) {}

  cancel(): void {
    this.clock.cancel(this)
  }
}

/**
 * Time that moves only when told. Timers fire at their exact time, in order of time and then of setting; what a timer
 * or a task throws comes out of the call that moved the time.
 */
export class VirtualClock implements Clock {
  #elapsed_ms = 0
  /** In the order of firing. */
  readonly #timers: VirtualTimer[] = []
  #tasks: Array<() => void> = []

  now(): number {
    return EPOCH_MS + Math.floor(this.#elapsed_ms)
  }

  monotonic(): number {
    return this.#elapsed_ms
  }

  after(delay_ms: number, who: Wakeable, which: number): Timer {
    const timer = new VirtualTimer(this, this.#elapsed_ms + Math.max(0, delay_ms), who, which)
    this.#timers.splice(this.#placeAfter(timer.due_ms), 0, timer)
    return timer
  }

  soon(task: () => void): void {
    this.#tasks.push(task)
  }

  /** Timers set and waiting. */
  get timers(): number {
    return this.#timers.length
  }

  /** Lets the time pass. Promises are not waited for; `pass` does. */
  advance(ms: number): void {
    const end_ms = this.#elapsed_ms + ms
    this.settle()
    for (let fired = 0; this.#fireNext(end_ms); fired++) {
      if (fired === TASKS_MAX) throw new Error('timers go on setting timers without end')
      this.settle()
    }
    this.#elapsed_ms = end_ms
  }

  /** The program is held up: time passes and nothing happens. Timers due meanwhile are late, and come next. */
  stall(ms: number): void {
    this.#elapsed_ms += ms
  }

  /** Runs the tasks of this turn, and those that they add, until none is left. */
  settle(): void {
    for (let run = 0; this.#tasks.length > 0; ) {
      const tasks = this.#tasks
      this.#tasks = []
      for (const task of tasks) task()
      run += tasks.length
      if (run > TASKS_MAX) throw new Error('tasks go on adding tasks without end')
    }
  }

  /** As `advance`, with everything that promises have to do done between any two timers. */
  async pass(ms: number): Promise<void> {
    const end_ms = this.#elapsed_ms + ms
    await this.idle()
    for (let fired = 0; this.#fireNext(end_ms); fired++) {
      if (fired === TASKS_MAX) throw new Error('timers go on setting timers without end')
      await this.idle()
    }
    this.#elapsed_ms = end_ms
  }

  /** As `settle`, for promises too: they and the tasks are done when this resolves. */
  async idle(): Promise<void> {
    do {
      this.settle()
      // All promise jobs, and those they make, run before an immediate does.
      await new Promise<void>((resolve) => setImmediate(resolve))
    } while (this.#tasks.length > 0)
  }

  cancel(timer: VirtualTimer): void {
    for (
      let n = this.#placeAfter(timer.due_ms) - 1;
      n >= 0 && this.#timers[n]!.due_ms === timer.due_ms;
      n--
    ) {
      if (this.#timers[n] !== timer) continue
      this.#timers.splice(n, 1)
      return
    }
  }

  #fireNext(end_ms: number): boolean {
    const timer = this.#timers[0]
    if (timer === undefined || timer.due_ms > end_ms) return false
    this.#timers.shift()
    this.#elapsed_ms = Math.max(this.#elapsed_ms, timer.due_ms)
    timer.who.onTimer(timer.which)
    return true
  }

  /** Behind all timers that are due at that time or before it. */
  #placeAfter(due_ms: number): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#timers[middle]!.due_ms <= due_ms) low = middle + 1
      else high = middle
    }
    return low
  }
}
