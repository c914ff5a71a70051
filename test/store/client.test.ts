import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { LIMITS } from '../../src/config.ts'
import { SqlStore } from '../../src/store/client.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, save } from './binding.ts'
import { Watcher } from './watcher.ts'

let folder: string
let clock: VirtualClock
let watcher: Watcher
let store: SqlStore

beforeEach(async () => {
  folder = makeFolder('client')
  clock = new VirtualClock()
  watcher = new Watcher()
  store = new SqlStore(`sqlite:${join(folder, 'sipwitches.db')}`, clock, watcher)
  await store.boot()
})
afterEach(async () => {
  await store.close()
  expect(clock.timers).toBe(0)
  removeFolder(folder)
})

/** Ends the worker by a bug: a field of the wrong type, which no caller of ours can send. */
function killWorker(): Promise<unknown> {
  const broken = { ...binding(1, 'ann'), contact: 7 as unknown as string }
  const died = store.commit([save(broken)]).catch((reason: unknown) => reason)
  clock.settle()
  return died
}

describe('a worker that dies', () => {
  test('fails what waits for it, is told of, and is started again', async () => {
    expect(await killWorker()).toBeInstanceOf(StoreUnavailable)
    expect(watcher.availability).toEqual([expect.stringContaining('ended unexpectedly')])
    const refused: unknown = await store
      .findExtension('example.com', '103')
      .catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(StoreUnavailable)

    clock.advance(LIMITS.storeRestart_ms)
    expect(await store.findExtension('example.com', '103')).toBeNull()
    expect(watcher.availability.at(-1)).toBeNull()
  })

  test('has everything read again, for nobody followed the journal meanwhile', async () => {
    await killWorker()
    clock.advance(LIMITS.storeRestart_ms)
    await watcher.hears('everything', 'settings', 'domains')
  })

  test('follows the journal no more until it is there again', async () => {
    await killWorker()
    const { followedAt } = store.counts()
    expect(followedAt).toBeGreaterThan(0)
    clock.advance(LIMITS.storeRestart_ms)
    await watcher.hears('everything')
    expect(store.counts().followedAt).toBeGreaterThan(followedAt)
  })

  test('does not reset the counts', async () => {
    const { queries } = store.counts()
    await killWorker()
    clock.advance(LIMITS.storeRestart_ms)
    await store.settings()
    expect(store.counts().queries).toBeGreaterThan(queries)
  })
})

describe('a worker that does not answer in time', () => {
  test('fails the question, refuses others at once, and is trusted again when it speaks', async () => {
    const late = store.findExtension('example.com', '103').catch((reason: unknown) => reason)
    // The answer cannot be here before this turn of the event loop has ended.
    clock.advance(LIMITS.directoryLookup_ms)
    expect(await late).toBeInstanceOf(StoreUnavailable)
    expect(watcher.availability).toEqual([expect.stringContaining('does not answer')])

    await watcher.until(1000, () => watcher.availability.at(-1) === null)
    expect(await store.findExtension('example.com', '103')).toBeNull()
  })

  test('is not asked anything more', async () => {
    const questions = [store.settings(), store.domains()]
    clock.advance(LIMITS.storeQuery_ms)
    questions.push(store.settings())
    const outcomes = await Promise.allSettled(questions)
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(clock.timers).toBe(0)
  })
})
