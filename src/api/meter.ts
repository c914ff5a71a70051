// What the process costs: its memory, its CPU time, and how late the event loop runs.

import { monitorEventLoopDelay } from 'node:perf_hooks'

export interface ProcessReading {
  readonly residentMemory_bytes: number
  /** All threads of the process, the database worker's too. */
  readonly cpu_seconds: number
  /** Since the reading before this one. */
  readonly loopDelay_seconds: { readonly p50: number; readonly p99: number; readonly max: number }
}

export interface Meter {
  read(): ProcessReading
}

/** How often the loop is asked to be on time: often enough to see the pauses that a caller would hear of. */
const LOOP_SAMPLE_MS = 20
const NANOSECONDS = 1e9

export class ProcessMeter implements Meter {
  readonly #delay = monitorEventLoopDelay({ resolution: LOOP_SAMPLE_MS })
  #residentMemory_bytes = 0

  constructor() {
    this.#delay.enable()
  }

  read(): ProcessReading {
    const delay = this.#delay
    const loopDelay_seconds = {
      p50: delay.percentile(50) / NANOSECONDS,
      p99: delay.percentile(99) / NANOSECONDS,
      max: delay.max / NANOSECONDS,
    }
    delay.reset()
    const { user, system } = process.cpuUsage()
    return {
      residentMemory_bytes: this.#residentMemory(),
      cpu_seconds: (user + system) / 1e6,
      loopDelay_seconds,
    }
  }

  close(): void {
    this.#delay.disable()
  }

  /** Reading it opens a file, which fails when connections have taken every descriptor: the last value stands. */
  #residentMemory(): number {
    try {
      this.#residentMemory_bytes = process.memoryUsage.rss()
    } catch {}
    return this.#residentMemory_bytes
  }
}
