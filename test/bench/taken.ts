// What one measuring of one row at one server came to.

import type { Measurement } from './load/job.ts'

export interface Taken {
  /** us of CPU for each operation, or bytes for each binding. */
  readonly cost: number
  /** The highest without a failure; null where the rate was given. */
  readonly rate_per_s: number | null
  /** At half of that rate. */
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  readonly generatorLoad: number | null
  readonly outstanding: number | null
  /** Of our event loop, while this was measured. */
  readonly longestStall_ms: number | null
  /** Conversations at half the rate that took longer than T1, or went wrong. */
  readonly lost: number
  readonly measurements: readonly Measurement[]
}

export const NOTHING_TAKEN: Omit<Taken, 'cost'> = {
  rate_per_s: null,
  p50_ms: null,
  p99_ms: null,
  generatorLoad: null,
  outstanding: null,
  longestStall_ms: null,
  lost: 0,
  measurements: [],
}
