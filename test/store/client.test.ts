import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { LIMITS } from '../../src/config.ts'
import { SqlStore } from '../../src/store/client.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { passes, within } from '../support/deadline.ts'
import { fileWith, makeFolder, readIfThere, removeFolder } from '../support/folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, save } from './binding.ts'
import { Watcher } from './watcher.ts'

const FAULTY_WORKER = new URL('./faulty-worker.ts', import.meta.url)
const HANGS_WITHIN_MS = 5000
/** A thread that spins is seen to do so within this, on a busy machine too. */
const STILL_MS = 300

let folder: string
let clock: VirtualClock
let watcher: Watcher
let store: SqlStore

beforeEach(async () => {
  folder = makeFolder('client')
  clock = new VirtualClock()
  watcher = new Watcher()
  const url = `sqlite:${join(folder, 'sipwitches.db')}`
  store = new SqlStore(url, clock, watcher, { folder, worker: FAULTY_WORKER })
  await store.boot()
})
afterEach(async () => {
  await store.close()
  expect(clock.timers).toBe(0)
  removeFolder(folder)
})

const once = (name: string) => join(folder, name)

describe('a worker that dies', () => {
  test('is followed by another, which is asked again what waits', async () => {
    const asked = [store.findExtension('crash', once('a')), store.settings(), store.domains()]
    const committed = store.commit([save(binding(1, 'ann'))])
    clock.settle()
    expect((await Promise.all(asked)).map((answer) => answer === null)).toEqual([true, false, false])
    await committed
    expect(store.counts().workerRestarts).toBe(1)
    expect(watcher.notices).toEqual([expect.stringContaining('ended unexpectedly')])
    expect(watcher.availability).toEqual([])
  })

  test('has everything read again, for nobody followed the journal meanwhile', async () => {
    await store.findExtension('crash', once('a'))
    await watcher.hears('everything', 'settings', 'domains')
  })

  test('follows the journal no more until it is there again', async () => {
    const { followedAt } = store.counts()
    expect(followedAt).toBeGreaterThan(0)
    await store.findExtension('crash', once('a'))
    await watcher.hears('everything')
    expect(store.counts().followedAt).toBeGreaterThan(followedAt)
  })

  test('does not reset the counts', async () => {
    await store.settings()
    const { queries } = store.counts()
    expect(queries).toBeGreaterThan(0)
    await store.findExtension('crash', once('a'))
    await store.settings()
    expect(store.counts().queries).toBeGreaterThan(queries)
  })

  test('is not asked for ever what may have killed it; what was asked beside it is answered in the end', async () => {
    const fatal = store.findExtension('crash', 'always').catch((reason: unknown) => reason)
    for (let deaths = 1; deaths < LIMITS.storeQuestionSends; deaths++) {
      await watcher.until(HANGS_WITHIN_MS, () => watcher.notices.length === deaths)
      clock.advance(deaths === 1 ? 0 : LIMITS.storeRetryMax_ms / 2)
    }
    await watcher.until(HANGS_WITHIN_MS, () => watcher.notices.length === LIMITS.storeQuestionSends)
    clock.advance(LIMITS.storeRetryMax_ms)
    expect(await fatal).toEqual(
      new StoreUnavailable('The database worker ended each time that it was asked this.'),
    )
    expect(await store.findExtension('example.com', '103')).toBeNull()
  })
})

describe('a worker that hangs', () => {
  test('is ended and followed by another, which is asked again what waits', async () => {
    const committed = store.commit([save(binding(1, 'ann'))])
    const found = store.findExtension('hang', once('a')).catch((reason: unknown) => reason)
    clock.settle()
    await fileWith(once('a'), (text) => text.startsWith('hang.'), HANGS_WITHIN_MS)
    // The first look may find that it has moved since the one before.
    clock.advance(LIMITS.storeWorkerLook_ms)
    expect(watcher.notices).toEqual([])
    // No question's time is over yet: directoryLookup_ms comes first, then the worker's.
    clock.advance(LIMITS.storeWorkerSilence_ms - 2 * LIMITS.storeWorkerLook_ms)
    expect(await found).toBeInstanceOf(StoreUnavailable)
    clock.advance(LIMITS.storeWorkerLook_ms)
    expect(watcher.notices).toEqual([])
    clock.advance(LIMITS.storeWorkerLook_ms)
    expect(watcher.notices).toEqual([expect.stringContaining('stuck')])
    await committed
    expect((await store.settings()).size).toBeGreaterThan(0)
    expect(store.counts().workerRestarts).toBe(1)
    // The one that hung is no more.
    const size = () => readIfThere(once('a')).length
    const ended = async () => {
      for (let before = -1; before !== size(); ) {
        before = size()
        await passes(STILL_MS)
      }
    }
    await within(HANGS_WITHIN_MS, () => 'the worker to end', ended())
  })
})

describe('a question whose time is over', () => {
  test('is refused, and its answer unheard', async () => {
    const late = store.findExtension('example.com', '103').catch((reason: unknown) => reason)
    // The answer cannot be here before this turn of the event loop has ended.
    clock.advance(LIMITS.directoryLookup_ms)
    expect(await late).toBeInstanceOf(StoreUnavailable)
    expect(await store.findExtension('example.com', '103')).toBeNull()
  })
})
