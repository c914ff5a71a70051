// `bun run sim`: as many seeds as one likes, or one of them again.

import { parseArgs } from 'node:util'
import { Campaign } from './campaign.ts'

const USAGE = `Usage: bun run sim [--seeds N] [--from S] | --seed S

  --seeds N  run N seeds (default 300)
  --from S   the first of them (default: another one each hour)
  --seed S   run this one again, and print the end of its trace
`
const SEEDS_DEFAULT = 300
const HOUR_ms = 3_600_000

function wholeNumber(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${text} is no seed or count`)
  return number
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) process.stdout.write(USAGE)
else {
  const one = values.seed !== undefined
  const from = wholeNumber(values.seed ?? values.from ?? `${Math.floor(Date.now() / HOUR_ms) * 1000}`)
  const seeds = one ? 1 : wholeNumber(values.seeds ?? `${SEEDS_DEFAULT}`)
  const campaign = new Campaign((text) => process.stdout.write(text), one)
  process.exitCode = (await campaign.run(from, seeds)) ? 0 : 1
}
