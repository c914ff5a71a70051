// Random and mutated bytes over UDP and TCP, with a phone behind the server whose answers are no better.
// A failure names its seed; SIPWITCHES_FUZZ_SEED=... runs it again.

import { expect, test } from 'bun:test'
import type { FuzzOutcome } from '../support/fuzz-run.ts'
import { type Damage, runIsolated } from '../support/isolated.ts'
import { whyNoNamespaces } from '../support/programs.ts'

const SEED = Number(process.env.SIPWITCHES_FUZZ_SEED ?? 4475)
const FUZZ_S = 30
const RUN_MS = 120_000
/** After the warm-up; what the datagrams of the last 32 s hold in transactions is within it. */
const GROWTH_BYTES_MAX = 64 * 1024 * 1024
/** Fewer would mean that the server hardly answers, or that nothing gets as far as being forwarded. */
const MESSAGES_MIN = 2000
const FORWARDED_MIN = 50

const skipped = whyNoNamespaces()
const note = skipped === null ? '' : ` (skipped: ${skipped})`

test.skipIf(skipped !== null)(
  `${FUZZ_S} s of mutants, seed ${SEED}${note}`,
  async () => {
    const told = await runIsolated('fuzz-run.ts', [String(SEED), String(FUZZ_S)], RUN_MS)
    // The cast: what our own script printed.
    const { outcome, damage } = told as { outcome: FuzzOutcome; damage: Damage }
    console.log(`seed ${SEED}: ${JSON.stringify(outcome)}`)
    expect(damage).toEqual({ defects: 0, stackTraces: [] })
    expect(outcome.messages).toBeGreaterThan(MESSAGES_MIN)
    expect(outcome.forwarded).toBeGreaterThan(FORWARDED_MIN)
    expect(outcome.end_bytes - outcome.warmed_bytes).toBeLessThan(GROWTH_BYTES_MAX)
  },
  RUN_MS,
)
