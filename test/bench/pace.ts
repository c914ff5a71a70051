// How long and how much is measured.

export interface Pace {
  readonly rounds: number
  readonly accounts: number
  /** With a commit for each, Kamailio needs seconds to know even these. */
  readonly durableAccounts: number
  readonly warmUp_ms: number
  readonly measure_ms: number
  readonly halfRateWarmUp_ms: number
  readonly halfRate_ms: number
  /** Of the row `memory`. */
  readonly bindings: number
  /** How long memory is given to settle, at most. */
  readonly settling_ms: number
  /** Finished transactions stay for 5 s: at 12,000 messages in a second it answers 500 for want of room with 1024. */
  readonly kamailioMemory_MB: number
  readonly sippCalls: number
  /** A server is started anew for each row, not only for each round. */
  readonly freshForEachRow: boolean
  /** Only that all ends well is looked at, no times. */
  readonly smoke: boolean
}

export const FULL: Pace = {
  rounds: 3,
  accounts: 10_000,
  durableAccounts: 500,
  // A program that compiles itself while it runs is measured when that is over.
  warmUp_ms: 6000,
  measure_ms: 4000,
  halfRateWarmUp_ms: 500,
  halfRate_ms: 3000,
  bindings: 100_000,
  settling_ms: 30_000,
  kamailioMemory_MB: 3072,
  sippCalls: 4000,
  freshForEachRow: true,
  smoke: false,
}

export const QUICK: Pace = {
  rounds: 1,
  accounts: 1000,
  durableAccounts: 50,
  warmUp_ms: 200,
  measure_ms: 400,
  halfRateWarmUp_ms: 100,
  halfRate_ms: 400,
  bindings: 3000,
  settling_ms: 2000,
  kamailioMemory_MB: 1024,
  sippCalls: 500,
  freshForEachRow: false,
  smoke: true,
}
