// Many seeds one after the other: progress, the first failures with what replays them, and a sum of what was done.

import { PhoneCounts, WorldCounts } from './count.ts'
import { type Report, Simulation } from './simulation.ts'

const FAILURES_MAX = 10
const PROGRESS_seeds = 50

export class Campaign {
  readonly phones = new PhoneCounts()
  readonly world = new WorldCounts()
  readonly failures: Report[] = []
  readonly #write: (text: string) => void
  /** Shows the end of the trace of what went well, too. */
  readonly #verbose: boolean

  constructor(write: (text: string) => void, verbose = false) {
    this.#write = write
    this.#verbose = verbose
  }

  /** Whether all went well. Stops early when too much did not. */
  async run(from: number, seeds: number): Promise<boolean> {
    let done = 0
    for (; done < seeds && this.failures.length < FAILURES_MAX; done++) {
      const report = await new Simulation(from + done).run()
      add(this.phones, report.phones)
      add(this.world, report.world)
      if (report.violation !== null) {
        this.failures.push(report)
        this.#write(failureText(report))
      } else if (this.#verbose) this.#write(`${report.tail.join('\n')}\ntrace ${report.hash}\n`)
      if ((done + 1) % PROGRESS_seeds === 0) this.#write(this.#progress(done + 1, seeds))
    }
    this.#write(this.#summary(from, done))
    return this.failures.length === 0
  }

  #progress(done: number, seeds: number): string {
    const { calls } = this.phones
    const { messages } = this.world
    return `${done} of ${seeds} seeds, ${messages} messages, ${calls} calls, ${this.failures.length} failed\n`
  }

  #summary(from: number, done: number): string {
    const counts = Object.entries({ ...this.world, ...this.phones })
    const lines = counts.map(([name, count]) => `  ${name.padEnd(22)} ${count}`)
    const passed = done - this.failures.length
    const first = `seeds ${from} to ${from + done - 1}: ${passed} passed, ${this.failures.length} failed`
    return `${[first, ...lines].join('\n')}\n`
  }
}

export function failureText({ seed, violation, tail }: Report): string {
  return `\nseed ${seed}: ${violation}\n${tail.join('\n')}\nTo see it again: bun run sim --seed ${seed}\n\n`
}

function add<Counts extends { [name in keyof Counts]: number }>(sum: Counts, more: Counts): void {
  for (const name in more) sum[name] = (sum[name] + more[name]) as Counts[typeof name]
}
