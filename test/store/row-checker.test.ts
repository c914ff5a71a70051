import { beforeEach, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { DatabaseProblem } from '../../src/store/driver.ts'
import type { RowProblem } from '../../src/store/problems.ts'
import { RowChecker } from '../../src/store/row-checker.ts'
import type { Invalidation } from '../../src/store/store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const CHANGED: Invalidation = { kind: 'extension', number: '103', domain: 'example.com' }
const WRONG: RowProblem = { table: 'extension', key: '103@example.com', problem: 'It is wrong.' }

let clock: VirtualClock
let checker: RowChecker
let looks: number
let takes_ms: number
let found: readonly RowProblem[]
let failure: Error | null
let written: string[]

beforeEach(async () => {
  clock = new VirtualClock()
  ;[looks, takes_ms, found, failure, written] = [0, 0, [], null, []]
  checker = new RowChecker(
    {
      async findProblems(pause) {
        looks++
        if (takes_ms > 0)
          await new Promise<void>((done) => clock.after(takes_ms, { onTimer: () => done() }, 0))
        await pause()
        if (failure !== null) throw failure
        return found
      },
      async reportProblems(table, problems) {
        written.push(`${table}: ${problems.map(({ key }) => key).join()}`)
      },
    },
    clock,
  )
  // The start is over.
  await clock.pass(LIMITS.storeProblems_ms)
})

/** What the worker does between its other work. */
async function polls(ms = 0): Promise<void> {
  const end_ms = clock.monotonic() + ms
  do {
    checker.poll()
    await clock.idle()
    await clock.pass(LIMITS.storePoll_ms)
  } while (clock.monotonic() < end_ms)
}

test('does not look while the server starts', async () => {
  const findProblems = async () => {
    looks++
    return []
  }
  checker = new RowChecker({ findProblems, async reportProblems() {} }, clock)
  await polls(LIMITS.storeProblems_ms - LIMITS.storePoll_ms)
  expect(looks).toBe(0)
  await polls()
  await polls()
  expect(looks).toBe(1)
})

test('looks soon after the start, and what was found once is taken away when it is mended', async () => {
  found = [WRONG]
  await polls()
  expect(written).toEqual(['domain: ', 'user: ', 'extension: 103@example.com', 'device: ', 'credential: '])
  written = []
  found = []
  checker.onChanges([CHANGED])
  await polls(LIMITS.storeProblems_ms)
  await polls()
  expect(written).toEqual(['extension: '])
})

test('looks once for very many changes, and not again without one', async () => {
  await polls()
  for (let n = 0; n < 1000; n++) {
    checker.onChanges([CHANGED])
    checker.poll()
  }
  expect(looks).toBe(1)
  await polls(10 * LIMITS.storeProblems_ms)
  expect(looks).toBe(2)
  checker.onChanges([{ kind: 'settings' }])
  await polls(LIMITS.storeProblems_ms)
  expect(looks).toBe(2)
})

test('a change during a look is looked at by the next one', async () => {
  takes_ms = 1000
  checker.poll()
  await clock.pass(500)
  checker.onChanges([CHANGED])
  await polls(500)
  expect(looks).toBe(1)
  takes_ms = 0
  await polls(11_000)
  expect(looks).toBe(2)
})

test('a look that takes long comes more seldom', async () => {
  takes_ms = 1000
  checker.poll()
  await clock.pass(takes_ms)
  checker.onChanges([CHANGED])
  await polls(9000)
  expect(looks).toBe(1)
  await polls(2000)
  expect(looks).toBe(2)
})

test('what fails is tried again later', async () => {
  failure = new DatabaseProblem('busy', 'locked')
  found = [WRONG]
  await polls()
  expect(written).toEqual([])
  failure = null
  await polls(LIMITS.storeProblems_ms)
  await polls()
  expect(written).toContain('extension: 103@example.com')
})
