import { expect, test } from 'bun:test'
import { takenOf } from './example.ts'
import { ROWS } from './row.ts'
import { median, medianOf, spread } from './statistics.ts'
import { summarize } from './summary.ts'

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
  [[], Number.NaN],
])('the median of %p is %p', (values, middle) => expect(median(values)).toBe(middle))

test('the median of those that there are', () => {
  expect(medianOf([null, 1, 3, 2])).toBe(2)
  expect(medianOf([null])).toBeNull()
})

test('the spread is a part of the middle', () => {
  expect(spread([9, 10, 12])).toBeCloseTo(0.3)
  expect(spread([5])).toBe(0)
})

test('the ratio is that of each round, not of the middles', () => {
  // The machine was slow in the second round, for both.
  const summary = summarize(ROWS[0]!, {
    kamailio: [10, 40, 20].map((cost) => takenOf({ cost })),
    ours: [20, 80, 30].map((cost) => takenOf({ cost })),
  })
  expect(summary).toMatchObject({ ratio: 2, spread: 0.25, kamailio: { cost: 20 }, ours: { cost: 30 } })
})

test('the longest stall of all rounds', () => {
  const ours = [3, 40, 5].map((longestStall_ms) => takenOf({ longestStall_ms }))
  const summary = summarize(ROWS[0]!, { kamailio: ours.map(() => takenOf({})), ours })
  expect(summary.ours.longestStall_ms).toBe(40)
  expect(summary.kamailio.longestStall_ms).toBeNull()
})
