import { expect, test } from 'bun:test'
import { type Baseline, parseBaseline, recordBaseline, worse } from './baseline.ts'
import { summaryOf } from './example.ts'

const recorded = (ratio: number, spread = 0.1): Baseline => ({
  recorded: '2026-01-31',
  tolerance: 0.25,
  ratios: { options: { ratio, spread } },
})

const measured = (cost: number) => [summaryOf({ kamailio: { cost: 100 }, ours: { cost } })]

test('a ratio that is worse by more than the tolerance fails', () => {
  expect(worse(measured(126), recorded(1))).toEqual(['options: ratio 1.26, recorded 1.00, at most 1.25'])
})

test.each([124, 100, 50])('%p us instead of 100 is noise, or better', (cost) => {
  expect(worse(measured(cost), recorded(1))).toEqual([])
})

test('rounds that lay apart when it was recorded widen the tolerance', () => {
  expect(worse(measured(140), recorded(1, 0.5))).toEqual([])
  expect(worse(measured(151), recorded(1, 0.5))).toHaveLength(1)
})

test('a row without a record fails', () => {
  expect(worse([summaryOf({}, 'call')], recorded(1))).toEqual([
    'call: no ratio is recorded; run it with --baseline',
  ])
})

test('what is recorded anew is read again, and other rows stay', () => {
  const baseline = recordBaseline([summaryOf({}, 'call')], recorded(0.5), '2026-02-01')
  expect(parseBaseline(JSON.stringify(baseline))).toEqual({
    recorded: '2026-02-01',
    tolerance: 0.25,
    ratios: { options: { ratio: 0.5, spread: 0.1 }, call: { ratio: 1, spread: 0 } },
  })
})
