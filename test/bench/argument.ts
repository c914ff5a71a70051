// What `bun run bench` is asked.

import { parseArgs } from 'node:util'
import { FULL, type Pace, QUICK } from './pace.ts'
import { ROWS, type Row } from './row.ts'

const ROW_NAMES = ROWS.map(({ name }) => name)
  .join(' ')
  .replace(/(.{60}\S*) /g, '$1\n                 ')

export const USAGE = `Usage: bun run bench [--quick] [--only ROW,...] [--rounds N] [--json FILE] [--svg FILE] [--docs]
                     [--baseline]
       bun run bench scale [--most N] [--json FILE] [--docs]

Measures our server and Kamailio in turns, each alone on core 0, the load on core 1, and judges the ratios by
test/bench/baseline.json: 1 when one of them is worse by more than the noise.

  --quick        one short round (a minute or two): all conversations must end well; times are not judged
  --only A,B     these rows only, of
                 ${ROW_NAMES}
  --rounds N     default ${FULL.rounds}
  --json FILE    write all that was measured
  --svg FILE     write the picture
  --docs         rewrite the tables and pictures of docs/performance.md
  --baseline     record the ratios instead of judging them

scale: what an operation costs with more and more bindings, and with more and more calls that are up.
  --most N       no more bindings than N (default 1000000), no more calls (50000 at most)
`

export interface Outputs {
  readonly json: string | null
  readonly svg: string | null
  readonly docs: boolean
}

export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly why: string }
  | {
      readonly kind: 'comparison'
      readonly rows: readonly Row[]
      readonly pace: Pace
      readonly baseline: boolean
      readonly outputs: Outputs
    }
  | { readonly kind: 'scale'; readonly most: number; readonly outputs: Outputs }

const MOST_DEFAULT = 1_000_000
const ROUNDS_MAX = 100
const COMPARISON_ONLY = ['quick', 'only', 'rounds', 'svg', 'baseline'] as const

export function readArguments(words: readonly string[]): Asked {
  try {
    return read(words)
  } catch (problem) {
    return { kind: 'wrong', why: problem instanceof Error ? problem.message : String(problem) }
  }
}

function read(words: readonly string[]): Asked {
  const { values, positionals } = parse(words)
  if (values.help) return { kind: 'help' }
  const [command, ...more] = positionals
  if (more.length > 0 || (command !== undefined && command !== 'scale'))
    throw new Error(`There is no ${positionals.join(' ')}.`)
  const outputs = { json: values.json ?? null, svg: values.svg ?? null, docs: values.docs ?? false }
  if (command === 'scale') {
    const foreign = COMPARISON_ONLY.find((name) => values[name] !== undefined)
    if (foreign !== undefined) throw new Error(`--${foreign} is not for scale.`)
    return { kind: 'scale', most: wholeNumber('--most', values.most ?? String(MOST_DEFAULT)), outputs }
  }
  if (values.most !== undefined) throw new Error('--most is for scale.')
  if (values.quick && (values.baseline || values.docs))
    throw new Error('--quick measures too short for --baseline and --docs.')
  if (values.only !== undefined && values.docs) throw new Error('--docs wants all rows, not --only some.')
  const pace = values.quick ? QUICK : FULL
  const rounds = values.rounds === undefined ? pace.rounds : wholeNumber('--rounds', values.rounds)
  if (rounds > ROUNDS_MAX) throw new Error(`--rounds is at most ${ROUNDS_MAX}.`)
  return {
    kind: 'comparison',
    rows: values.only === undefined ? ROWS : values.only.split(',').map(rowNamed),
    pace: { ...pace, rounds },
    baseline: values.baseline ?? false,
    outputs,
  }
}

function parse(words: readonly string[]) {
  return parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'string' },
      svg: { type: 'string' },
      docs: { type: 'boolean' },
      baseline: { type: 'boolean' },
      most: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
}

function rowNamed(name: string): Row {
  const row = ROWS.find((one) => one.name === name)
  if (row === undefined) throw new Error(`There is no row ${name}.`)
  return row
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`${name} wants a whole number from 1.`)
  return number
}
