// What the load generator is asked, and what it answers.

import type { HostPort } from '../../support/server-process.ts'
import type { ScenarioName } from './scenario.ts'

/** Sources of a server's own accounting by address: phones are not all on one. They take turns, by number. */
export const HOSTS: readonly string[] = Array.from({ length: 8 }, (_, n) => `127.0.0.${n + 11}`)

export interface Phase {
  /** Conversations begun in a second, evenly; a new one as soon as one is over; or half of what that came to before. */
  readonly rate: number | 'highest' | 'half'
  readonly warmUp_ms: number
  readonly measure_ms: number
}

export interface Job {
  readonly scenario: ScenarioName
  /** Of the transport that the scenario is over. */
  readonly server: HostPort
  /** Where all phones over UDP are. */
  readonly localPort: number
  readonly firstNumber: number
  readonly accounts: number
  /** Conversations at once, at the highest rate. */
  readonly outstanding: number
  /** Calls that are up all the while (call-held). */
  readonly held: number
  /** One after the other, as long as something is done. Without any, the phones register and that is all. */
  readonly phases: readonly Phase[]
  /** The process whose CPU time is measured, with all that it has started. */
  readonly pid: number
}

export interface Tally {
  readonly done: number
  readonly failed: number
  /** Not done within T1: a phone would have repeated itself. */
  readonly late: number
  readonly elapsed_ms: number
  readonly p50_ms: number
  readonly p99_ms: number
}

export interface Measurement extends Tally {
  /** Of the server, for each conversation that was done. */
  readonly cpu_us: number
  /** Part of one core that the server had. */
  readonly load: number
  /** The same of this generator: near 1 it is what limits the rate. */
  readonly generatorLoad: number
  /** The last answer that was none of those expected. */
  readonly lastFailure: string
}
