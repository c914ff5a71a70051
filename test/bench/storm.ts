// One scenario at one server: as much as it takes, then half of it.

import type { Phones } from './generator.ts'
import type { Measurement, Phase } from './load/job.ts'
import type { ScenarioName } from './load/scenario.ts'
import { BenchServer } from './ours.ts'
import type { Pace } from './pace.ts'
import type { BenchSubject } from './subject.ts'
import type { Taken } from './taken.ts'

/** With fewer, a server that is late is not too slow but ill. */
const LEAST_OUTSTANDING = 4

export interface StormOrder {
  readonly scenario: ScenarioName
  readonly accounts: number
  readonly outstanding: number
}

export async function storm(
  subject: BenchSubject,
  phones: Phones,
  order: StormOrder,
  pace: Pace,
): Promise<Taken> {
  await longestStall_ms(subject)
  for (let { outstanding } = order; ; outstanding >>= 1) {
    const measurements = await phones.run({ ...order, outstanding, phases: phasesOf(pace) })
    const [highest, half] = measurements
    if (highest !== undefined && isGood(highest, half, pace)) {
      return {
        cost: highest.cpu_us,
        rate_per_s: (highest.done / highest.elapsed_ms) * 1000,
        p50_ms: half?.p50_ms ?? null,
        p99_ms: half?.p99_ms ?? null,
        generatorLoad: highest.generatorLoad,
        outstanding,
        longestStall_ms: await longestStall_ms(subject),
        lost: half === undefined ? 0 : half.failed + half.late,
        measurements,
      }
    }
    if (outstanding <= LEAST_OUTSTANDING || (pace.smoke && measurements.some(({ failed }) => failed > 0)))
      throw new Error(whatWentWrong(measurements))
  }
}

/** What is late on a busy machine is no fault of the server, as long as nobody judges times. */
function isGood(highest: Measurement, half: Measurement | undefined, { smoke }: Pace): boolean {
  if (smoke) return endedWell(highest) && half !== undefined && endedWell(half)
  return endedWell(highest) && highest.late === 0
}

/** A server that did something used its core for it: otherwise another's time was measured. */
function endedWell({ done, failed, cpu_us }: Measurement): boolean {
  return done > 0 && failed === 0 && cpu_us > 0
}

function phasesOf(pace: Pace): Phase[] {
  return [
    { rate: 'highest', warmUp_ms: pace.warmUp_ms, measure_ms: pace.measure_ms },
    { rate: 'half', warmUp_ms: pace.halfRateWarmUp_ms, measure_ms: pace.halfRate_ms },
  ]
}

function whatWentWrong(measurements: readonly Measurement[]): string {
  const lines = measurements.map(
    ({ done, failed, late, lastFailure }) => `${done} done, ${failed} failed, ${late} late\n${lastFailure}`,
  )
  return `at the highest rate, and at half of it:\n${lines.join('\n')}`
}

async function longestStall_ms(subject: BenchSubject): Promise<number | null> {
  return subject instanceof BenchServer ? await subject.longestStall_ms() : null
}
