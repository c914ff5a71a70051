// Every fixture against the whole server, over UDP and over TCP: the `answer:` of each (test/fixture/README.md).

import { expect, test } from 'bun:test'
import { type Fixture, readFixtures } from '../support/fixture.ts'
import type { FixtureOutcome } from '../support/fixture-run.ts'
import { type Damage, runIsolated } from '../support/isolated.ts'
import { whyNoNamespaces } from '../support/programs.ts'

const RUN_MS = 90_000
const skipped = whyNoNamespaces()
const note = skipped === null ? '' : ` (skipped: ${skipped})`

/** What fixture-run.ts tells. */
interface Outcome {
  readonly outcomes: readonly FixtureOutcome[]
  readonly damage: Damage
}

function fitsDatagram({ answer }: Fixture, answers: FixtureOutcome['answers']): boolean {
  if (answers.length === 0) return answer.includes('silence')
  const [status] = answers
  return answers.length === 1 && typeof status === 'number' && answer.includes(status)
}

function fitsStream({ answer, frames }: Fixture, answers: FixtureOutcome['answers']): boolean {
  if (frames?.count === 0) return answers.length === 0
  if (answers.length === 0) return answer.includes('silence')
  // Several frames are answered in any order: what had to be looked up comes later.
  if (answers.length > (frames?.count ?? 1)) return false
  return answers.some(
    (status) =>
      typeof status === 'number' && (answer.includes(status) || (frames?.problem != null && status === 400)),
  )
}

const WAYS = [
  ['udp', 'a datagram each', fitsDatagram],
  ['tcp', 'a connection each', fitsStream],
  ['bytes', 'a connection each, byte by byte', fitsStream],
] as const

test.skipIf(skipped !== null).each(WAYS)(
  `%s: %s${note}`,
  async (mode, _, fits) => {
    const fixtures = readFixtures()
    // The cast: what our own script printed.
    const { outcomes, damage } = (await runIsolated('fixture-run.ts', [mode], RUN_MS)) as Outcome
    const answersTo = new Map(outcomes.map(({ name, answers }) => [name, answers]))
    const wrong = fixtures.flatMap((fixture) => {
      const answers = answersTo.get(fixture.name) ?? ['not sent']
      if (fits(fixture, answers)) return []
      return [
        `${fixture.name}: expected ${fixture.answer.join(' | ')}, got ${answers.join(', ') || 'silence'}`,
      ]
    })
    expect(wrong).toEqual([])
    expect(damage).toEqual({ defects: 0, stackTraces: [] })
  },
  RUN_MS,
)
