// Random and mutated bytes over UDP and TCP, with a phone behind the server whose answers are no better.
// A failure names its seed; SIPWITCHES_FUZZ_SEED=... runs it again.

import { expect, test } from 'bun:test'
import type { FuzzOutcome } from '../support/fuzz-run.ts'
import { type Damage, runIsolated } from '../support/isolated.ts'
import { whyNoNamespaces } from '../support/programs.ts'

const SEED = Number(process.env.SIPWITCHES_FUZZ_SEED ?? 4475)
const FUZZ_S = 30
const RUN_MS = 120_000
/** After the warm-up, besides what the transactions opened since then hold: what the collector has not yet swept. */
const GROWTH_BYTES_MAX = 96 * 1024 * 1024
const TRANSACTION_BYTES = 2048
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
    const { warmed, end } = outcome
    const opened = Math.max(0, end.transactions - warmed.transactions)
    expect(end.bytes - warmed.bytes - opened * TRANSACTION_BYTES).toBeLessThan(GROWTH_BYTES_MAX)
  },
  RUN_MS,
)
