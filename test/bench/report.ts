// Where what was measured goes: a terminal, JSON, pictures, the page.

import { writeFileSync } from 'node:fs'
import type { Asked, Outputs } from './argument.ts'
import { barChart, lineChart } from './chart.ts'
import { writePage, writePicture } from './document.ts'
import { type Machine, thisMachine } from './machine.ts'
import type { ScalePoint } from './scale.ts'
import type { Summary } from './summary.ts'
import { comparisonRows, markdownTable, notes, textTable } from './table.ts'

type Comparison = Extract<Asked, { kind: 'comparison' }>

export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`)
}

export function reportComparison(summaries: readonly Summary[], { pace, outputs }: Comparison): void {
  const lines = [textTable(comparisonRows(summaries)), ...notes(summaries)]
  if (pace.smoke)
    lines.push('A short round: all conversations ended well. Its times say little, and are not judged.')
  process.stdout.write(`${lines.join('\n')}\n`)
  const where = record()
  if (outputs.json !== null) writeJson(outputs.json, { ...where, pace, rows: summaries })
  const picture = barChart({
    title: 'CPU for each operation, us (less is better)',
    names: ['Kamailio', 'SipWitchEs'],
    groups: summaries
      .filter(({ unit }) => unit === 'us')
      .map(({ name, kamailio, ours }) => ({ label: name, values: [kamailio.cost, ours.cost] })),
  })
  if (outputs.svg !== null) writeFileSync(outputs.svg, picture)
  if (!outputs.docs) return
  writePicture('comparison', picture)
  const parts = [
    whereAndWhen(where, pace.rounds),
    '![CPU for each operation](performance/comparison.svg)',
    markdownTable(comparisonRows(summaries)),
    list(summaries.map(({ name, title }) => `\`${name}\`: ${title}`)),
    'What is to be known of single rows:',
    list(notes(summaries)),
  ]
  writePage('comparison', parts.join('\n\n'))
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n')
}

interface ScaleResult {
  readonly bindings: readonly ScalePoint[]
  readonly calls: readonly ScalePoint[]
  readonly problems: readonly string[]
}

export function reportScale(result: ScaleResult, outputs: Outputs): void {
  const { bindings, calls, problems } = result
  const tables = [
    textTable(scaleRows('bindings', bindings)),
    textTable(scaleRows('calls up', calls)),
    ...problems,
  ]
  process.stdout.write(`${tables.join('\n\n')}\n`)
  const where = record()
  if (outputs.json !== null) writeJson(outputs.json, { ...where, ...result })
  if (!outputs.docs) return
  writePicture('bindings', scaleChart('CPU for each operation by bindings', 'bindings', bindings))
  writePicture('calls', scaleChart('CPU for a call by calls that are up', 'calls that are up', calls))
  const parts = [
    whereAndWhen(where, 1),
    '![CPU by bindings](performance/bindings.svg)',
    markdownTable(scaleRows('bindings', bindings)),
    '![CPU by calls](performance/calls.svg)',
    markdownTable(scaleRows('calls up', calls)),
    ...(problems.length === 0 ? [] : [list(problems)]),
  ]
  writePage('scale', parts.join('\n\n'))
}

function scaleChart(title: string, xLabel: string, points: readonly ScalePoint[]): string {
  const operations = [...new Set(points.map(({ operation }) => operation))]
  return lineChart({
    title,
    xLabel,
    yLabel: 'us',
    series: operations.map((name) => ({
      name,
      points: points
        .filter(({ operation }) => operation === name)
        .map(({ count, cpu_us }) => ({ x: count, y: cpu_us })),
    })),
  })
}

function scaleRows(what: string, points: readonly ScalePoint[]): string[][] {
  return [
    [what, 'operation', 'us', '/s', 'longest stall ms', 'longest pause ms'],
    ...points.map(({ count, operation, cpu_us, rate_per_s, longestStall_ms, longestPause_ms }) => [
      String(count),
      operation,
      cpu_us.toFixed(1),
      String(Math.round(rate_per_s)),
      longestStall_ms.toFixed(1),
      longestPause_ms.toFixed(1),
    ]),
  ]
}

interface Where {
  readonly date: string
  readonly machine: Machine
}

function record(): Where {
  return { date: new Date().toISOString(), machine: thisMachine() }
}

function whereAndWhen({ date, machine }: Where, rounds: number): string {
  const { processor, cores, system, versions } = machine
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const how = rounds === 1 ? 'one round' : `the middle of ${rounds} rounds`
  return `${date.slice(0, 10)}, ${processor}, ${cores} cores, ${system}; ${programs.join(', ')}; ${how}.`
}
