// The ratios that were recorded, and whether those of today are worse by more than the noise.

import * as v from 'valibot'
import type { Summary } from './summary.ts'

const BASELINE = v.object({
  recorded: v.string(),
  /** A ratio may be greater by this part of it. */
  tolerance: v.number(),
  ratios: v.record(v.string(), v.object({ ratio: v.number(), spread: v.number() })),
})
export type Baseline = v.InferOutput<typeof BASELINE>

const TOLERANCE = 0.25

export function parseBaseline(text: string): Baseline {
  return v.parse(BASELINE, JSON.parse(text))
}

/** Rows that were not measured keep what was recorded of them. */
export function recordBaseline(
  summaries: readonly Summary[],
  before: Baseline | null,
  recorded: string,
): Baseline {
  const ratios = { ...before?.ratios }
  for (const { name, ratio, spread } of summaries) {
    ratios[name] = { ratio: rounded(ratio), spread: rounded(spread) }
  }
  return { recorded, tolerance: before?.tolerance ?? TOLERANCE, ratios }
}

/** A sentence for each ratio that is worse; rounds that lay further apart than the tolerance widen it. */
export function worse(summaries: readonly Summary[], baseline: Baseline): string[] {
  return summaries.flatMap(({ name, ratio }) => {
    const recorded = baseline.ratios[name]
    if (recorded === undefined) return [`${name}: no ratio is recorded; run it with --baseline`]
    const noise = Math.max(baseline.tolerance, recorded.spread)
    const most = recorded.ratio * (1 + noise)
    if (ratio <= most) return []
    return [
      `${name}: ratio ${ratio.toFixed(2)}, recorded ${recorded.ratio.toFixed(2)}, at most ${most.toFixed(2)}`,
    ]
  })
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
