// Every fixture to Kamailio as well: where its answer is another than ours, differences.md says why.

import { beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FixtureOutcome } from '../support/fixture-run.ts'
import { runIsolated } from '../support/isolated.ts'
import { requirePrograms, whyNoNamespaces } from '../support/programs.ts'

const INSTALL_MS = 120_000
const RUN_MS = 60_000
const skipped = whyNoNamespaces()
const note = skipped === null ? '' : ` (skipped: ${skipped})`

/** "fixture | ours | Kamailio" of the rows that name a section. */
function explained(): string[] {
  const text = readFileSync(join(import.meta.dir, 'differences.md'), 'utf8')
  const rows = [...text.matchAll(/^\| (\w+\.md: .*?) \| (.*?) \| (.*?) \| .*\d.* \|$/gm)]
  return rows.map(([, fixture, ours, kamailio]) => `${fixture} | ${ours} | ${kamailio}`)
}

async function answers(...args: readonly string[]): Promise<Map<string, string>> {
  // The cast: what our own script printed.
  const { outcomes } = (await runIsolated('fixture-run.ts', ['udp', ...args], RUN_MS)) as {
    readonly outcomes: readonly FixtureOutcome[]
  }
  return new Map(outcomes.map(({ name, answers }) => [name, answers.join(', ') || 'silence']))
}

beforeAll(requirePrograms, INSTALL_MS)

test.skipIf(skipped !== null)(
  `each answer of Kamailio that is not ours is explained${note}`,
  async () => {
    const ours = await answers()
    const kamailio = await answers('kamailio')
    const differences = [...ours].flatMap(([fixture, answer]) => {
      const other = kamailio.get(fixture) ?? 'not sent'
      return other === answer ? [] : [`${fixture} | ${answer} | ${other}`]
    })
    expect(differences.toSorted()).toEqual(explained().toSorted())
  },
  RUN_MS,
)
