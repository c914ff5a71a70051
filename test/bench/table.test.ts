import { expect, test } from 'bun:test'
import { summaryOf } from './example.ts'
import { comparisonRows, markdownTable, notes, textTable } from './table.ts'

test('columns are aligned: text to the left, numbers to the right', () => {
  expect(
    textTable([
      ['row', 'us'],
      ['options', '9'],
      ['call', '120'],
    ]),
  ).toBe('row       us\noptions    9\ncall     120')
})

test('the same in Markdown', () => {
  expect(
    markdownTable([
      ['row', 'us'],
      ['call', '120'],
    ]),
  ).toBe('| row | us |\n|---|--:|\n| call | 120 |')
})

test('says what is met, and what is not', () => {
  const [, met, not] = comparisonRows([
    summaryOf({ kamailio: { cost: 100, rate_per_s: 1000 }, ours: { cost: 50, rate_per_s: 2000, p99_ms: 4 } }),
    summaryOf({ kamailio: { cost: 100, rate_per_s: 1000 }, ours: { cost: 90, rate_per_s: 1100, p99_ms: 6 } }),
  ])
  expect(met).toEqual([
    'options',
    '100 us',
    '50.0 us',
    '0.50',
    '0 %',
    '0.67 met',
    '1000',
    '2000',
    '2.00 met',
    '1.00/2.00',
    '1.00/4.00 met',
    '-',
  ])
  expect(not?.filter((cell) => cell.endsWith('not met'))).toHaveLength(3)
})

test('a rate that the generator limited is marked, and told from the cost', () => {
  const summary = summaryOf({ kamailio: { cost: 20, rate_per_s: 30_000, generatorLoad: 0.99 } })
  expect(comparisonRows([summary])[1]?.[6]).toBe('50000*')
  expect(notes([summary])).toEqual([
    'options: Kamailio: rate per core, from the cost; the generator was at its end',
  ])
})

test('fewer at once than usual, and what was lost, is said', () => {
  expect(notes([summaryOf({ ours: { outstanding: 8, lost: 3 } })])).toEqual([
    'options: ours: 8 at once, more are late',
    'options: ours: 3 late or failed at half the rate',
  ])
})

test('what was not measured is a dash', () => {
  const nothing = { rate_per_s: null, p50_ms: null, p99_ms: null, generatorLoad: null, outstanding: null }
  const cells = comparisonRows([summaryOf({ kamailio: nothing, ours: nothing })])[1]
  expect(cells?.slice(6)).toEqual(['-', '-', '-', '-', '-', '-'])
})
