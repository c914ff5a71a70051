// `bun run bench`: our server beside Kamailio, on this machine, now.

import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Asked, readArguments, USAGE } from './argument.ts'
import { parseBaseline, recordBaseline, worse } from './baseline.ts'
import { Comparison } from './comparison.ts'
import { reportComparison, reportScale, writeJson } from './report.ts'
import { missing, widenPath } from './requirement.ts'
import { Scale } from './scale.ts'
import { Stage } from './stage.ts'
import { LOAD_CORE } from './subject.ts'
import { type Summary, summarize } from './summary.ts'

const BASELINE = resolve(import.meta.dir, 'baseline.json')
const EX_USAGE = 64
const EX_UNAVAILABLE = 69
const INTERRUPTED = 130

const stage = new Stage()
let interrupted = false

function progress(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function compare(asked: Extract<Asked, { kind: 'comparison' }>): Promise<number> {
  const { rows, pace, baseline } = asked
  const rounds = await new Comparison(stage, rows, pace, progress).run()
  const summaries = rows.flatMap((row) => {
    const taken = rounds.get(row.name)
    return taken === undefined ? [] : [summarize(row, taken)]
  })
  reportComparison(summaries, asked)
  if (baseline) return writeBaseline(summaries)
  return pace.smoke ? 0 : judge(summaries)
}

async function scale({ most, outputs }: Extract<Asked, { kind: 'scale' }>): Promise<number> {
  const measuring = new Scale(stage, most, progress)
  const calls = await measuring.calls()
  const bindings = await measuring.bindings()
  const { problems } = measuring
  reportScale({ bindings, calls, problems }, outputs)
  return problems.length === 0 ? 0 : 1
}

function writeBaseline(summaries: readonly Summary[]): number {
  const before = existsSync(BASELINE) ? parseBaseline(readFileSync(BASELINE, 'utf8')) : null
  writeJson(BASELINE, recordBaseline(summaries, before, new Date().toISOString().slice(0, 10)))
  return 0
}

function judge(summaries: readonly Summary[]): number {
  if (!existsSync(BASELINE)) {
    progress('There is no test/bench/baseline.json to judge by: record one with --baseline.')
    return 1
  }
  const problems = worse(summaries, parseBaseline(readFileSync(BASELINE, 'utf8')))
  for (const problem of problems) progress(`worse than recorded: ${problem}`)
  return problems.length === 0 ? 0 : 1
}

/** This process, and so all that it starts, stays off the core of the server. */
function leaveServerCore(): void {
  Bun.spawnSync(['taskset', '--all-tasks', '--cpu-list', '--pid', String(LOAD_CORE), String(process.pid)])
}

function stopWhenInterrupted(): void {
  const interrupt = () => {
    interrupted = true
    // What waits for one of those that are ended now fails, and with it the whole.
    void stage.close()
  }
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
}

async function run(): Promise<number> {
  const asked = readArguments(process.argv.slice(2))
  if (asked.kind === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  if (asked.kind === 'wrong') {
    process.stderr.write(`${asked.why}\n\n${USAGE}`)
    return EX_USAGE
  }
  widenPath()
  const problems = missing()
  for (const problem of problems) progress(problem)
  if (problems.length > 0) return EX_UNAVAILABLE
  leaveServerCore()
  stopWhenInterrupted()
  return asked.kind === 'comparison' ? await compare(asked) : await scale(asked)
}

async function exitCode(): Promise<number> {
  try {
    return await run()
  } catch (problem) {
    if (interrupted) return INTERRUPTED
    progress(problem instanceof Error ? problem.message : String(problem))
    return 1
  } finally {
    await stage.close()
  }
}

process.exit(await exitCode())
