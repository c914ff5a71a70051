// The table of what was compared: aligned text for a terminal, or Markdown.

import type { SideSummary, Summary } from './summary.ts'

const HEADINGS = [
  'row',
  'Kamailio',
  'ours',
  'ratio',
  'spread',
  'target',
  'Kamailio /s',
  'ours /s',
  'rate ratio',
  'Kamailio p50/p99 ms',
  'ours p50/p99 ms',
  'our longest stall ms',
] as const

/** The first column is text, all others are numbers. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column === 0 ? '---' : '--:'))
  return [line(head), line(rule).replaceAll(' ', ''), ...body.map(line)].join('\n')
}

export function comparisonRows(summaries: readonly Summary[]): string[][] {
  return [[...HEADINGS], ...summaries.map(cellsOf)]
}

export function notes(summaries: readonly Summary[]): string[] {
  return summaries.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`))
}

function cellsOf(summary: Summary): string[] {
  const { name, kamailio, ours, ratio, spread, target, met, rateRatio, rateMet, p99Met, unit } = summary
  const ourTimes = times(ours)
  return [
    name,
    `${amount(kamailio.cost)} ${unit}`,
    `${amount(ours.cost)} ${unit}`,
    ratio.toFixed(2),
    `${Math.round(100 * spread)} %`,
    `${target} ${metOrNot(met)}`,
    rate(kamailio),
    rate(ours),
    rateRatio === null ? '-' : `${rateRatio.toFixed(2)} ${metOrNot(rateMet)}`,
    times(kamailio),
    ourTimes === '-' ? ourTimes : `${ourTimes} ${metOrNot(p99Met)}`,
    ours.longestStall_ms === null ? '-' : amount(ours.longestStall_ms),
  ]
}

function metOrNot(met: boolean | null): string {
  return met ? 'met' : 'not met'
}

function amount(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0)
}

function rate({ rate_per_s, limitedByGenerator }: SideSummary): string {
  if (rate_per_s === null) return '-'
  return `${Math.round(rate_per_s)}${limitedByGenerator ? '*' : ''}`
}

function times({ p50_ms, p99_ms }: SideSummary): string {
  return p50_ms === null || p99_ms === null ? '-' : `${p50_ms.toFixed(2)}/${p99_ms.toFixed(2)}`
}
