// A row that somebody might have measured, for the tests of what is made of it.

import { ROWS } from './row.ts'
import { type Summary, summarize } from './summary.ts'
import { NOTHING_TAKEN, type Taken } from './taken.ts'

const TAKEN: Taken = {
  ...NOTHING_TAKEN,
  cost: 100,
  rate_per_s: 1000,
  p50_ms: 1,
  p99_ms: 2,
  generatorLoad: 0.5,
  outstanding: 64,
}

interface Sides {
  readonly kamailio?: Partial<Taken>
  readonly ours?: Partial<Taken>
}

export function takenOf(part: Partial<Taken>): Taken {
  return { ...TAKEN, ...part }
}

export function summaryOf({ kamailio = {}, ours = {} }: Sides, name = 'options'): Summary {
  const row = ROWS.find((one) => one.name === name)
  if (row === undefined) throw new Error(`no row ${name}`)
  return summarize(row, { kamailio: [takenOf(kamailio)], ours: [takenOf(ours)] })
}
