// What all rounds of a row come to, and whether that is what is wanted.

import type { Rounds } from './comparison.ts'
import { P99_TARGET_MS, RATE_TARGET, type Row } from './row.ts'
import { median, medianOf, spread } from './statistics.ts'
import type { Taken } from './taken.ts'

export interface SideSummary {
  readonly cost: number
  readonly rate_per_s: number | null
  /** The generator was at its end before the server: what one core would do is told from the cost. */
  readonly limitedByGenerator: boolean
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  readonly outstanding: number | null
  readonly longestStall_ms: number | null
  readonly lost: number
}

export interface Summary {
  readonly name: string
  readonly title: string
  readonly unit: 'us' | 'bytes'
  readonly kamailio: SideSummary
  readonly ours: SideSummary
  /** Ours to Kamailio's in the same round, the middle of all rounds. */
  readonly ratio: number
  readonly spread: number
  readonly target: number
  readonly met: boolean
  readonly rateRatio: number | null
  readonly rateMet: boolean | null
  readonly p99Met: boolean | null
  readonly notes: readonly string[]
  readonly rounds: Rounds
}

const GENERATOR_AT_ITS_END = 0.95
const MICROSECONDS = 1e6
const OUTSTANDING_USUAL = 64

export function summarize(row: Row, rounds: Rounds): Summary {
  const kamailio = sideOf(rounds.kamailio)
  const ours = sideOf(rounds.ours)
  const ratios = rounds.ours.map(({ cost }, round) => cost / (rounds.kamailio[round]?.cost ?? Number.NaN))
  const rateRatio =
    ours.rate_per_s === null || kamailio.rate_per_s === null ? null : ours.rate_per_s / kamailio.rate_per_s
  const ratio = median(ratios)
  return {
    name: row.name,
    title: row.title,
    unit: row.measured === 'memory' ? 'bytes' : 'us',
    kamailio,
    ours,
    ratio,
    spread: spread(ratios),
    target: row.target,
    met: ratio <= row.target,
    rateRatio,
    rateMet: rateRatio === null ? null : rateRatio >= RATE_TARGET,
    p99Met: ours.p99_ms === null ? null : ours.p99_ms <= P99_TARGET_MS,
    notes: [...notesOf('Kamailio', kamailio), ...notesOf('ours', ours), row.note].filter(
      (note) => note !== '',
    ),
    rounds,
  }
}

function sideOf(taken: readonly Taken[]): SideSummary {
  const cost = median(taken.map((one) => one.cost))
  const measured_per_s = medianOf(taken.map(({ rate_per_s }) => rate_per_s))
  const load = medianOf(taken.map(({ generatorLoad }) => generatorLoad))
  const limitedByGenerator = load !== null && load > GENERATOR_AT_ITS_END
  return {
    cost,
    rate_per_s: limitedByGenerator ? MICROSECONDS / cost : measured_per_s,
    limitedByGenerator,
    p50_ms: medianOf(taken.map(({ p50_ms }) => p50_ms)),
    p99_ms: medianOf(taken.map(({ p99_ms }) => p99_ms)),
    outstanding: medianOf(taken.map(({ outstanding }) => outstanding)),
    longestStall_ms: greatest(taken.map(({ longestStall_ms }) => longestStall_ms)),
    lost: taken.reduce((sum, { lost }) => sum + lost, 0),
  }
}

function greatest(values: readonly (number | null)[]): number | null {
  const there = values.filter((value) => value !== null)
  return there.length === 0 ? null : Math.max(...there)
}

function notesOf(side: string, { limitedByGenerator, outstanding, lost }: SideSummary): string[] {
  const notes: string[] = []
  if (limitedByGenerator) notes.push(`${side}: rate per core, from the cost; the generator was at its end`)
  if (outstanding !== null && outstanding < OUTSTANDING_USUAL)
    notes.push(`${side}: ${outstanding} at once, more are late`)
  if (lost > 0) notes.push(`${side}: ${lost} late or failed at half the rate`)
  return notes
}
