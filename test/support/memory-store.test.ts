// The double keeps what the Store interface promises; the suite for databases speaks SQL, so it cannot run on this one.

import { beforeEach, describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { type Invalidation, type Store, StoreUnavailable } from '../../src/store/store.ts'
import { binding, remove, save } from '../store/binding.ts'
import { DOMAIN, MemoryDatabase } from './memory-store.ts'
import { VirtualClock } from './virtual-clock.ts'

let clock: VirtualClock
let database: MemoryDatabase
let store: Store
let told: Invalidation[]

beforeEach(() => {
  clock = new VirtualClock()
  database = new MemoryDatabase(clock)
  database.add('101')
  told = []
  store = database.open({
    onInvalidation: (changes) => void told.push(...changes),
    onAvailability() {},
    onNotice() {},
  })
})

describe('a binding', () => {
  test('is replaced by one with the same key, and removed by it', async () => {
    await store.commit([save(binding(1, 'ann')), save(binding(1, 'mobile'))])
    await store.commit([save(binding(1, 'ann', { cseq: 7 })), remove(binding(1, 'mobile'))])
    expect((await store.boot()).bindings).toEqual([binding(1, 'ann', { cseq: 7 })])
  })

  test('ends as the last of calls made at once says, each after its commit', async () => {
    database.commit_ms = 10
    const done: number[] = []
    for (const cseq of [1, 2]) {
      void store.commit([save(binding(1, 'ann', { cseq }))]).then(() => void done.push(cseq))
    }
    expect(store.counts().pendingWrites).toBe(2)
    await clock.pass(10)
    expect(done).toEqual([1])
    await clock.pass(10)
    expect(done).toEqual([1, 2])
    expect(database.bindings.map(({ cseq }) => cseq)).toEqual([2])
  })

  test('that waits behind others is refused when its own time is over', async () => {
    database.order('commit', 'hangs')
    const first = store.commit([save(binding(1, 'ann'))]).catch((error) => error)
    await clock.pass(LIMITS.storeCommit_ms / 2)
    database.commit_ms = LIMITS.storeCommit_ms
    const second = store.commit([save(binding(1, 'bob'))]).catch((error) => error)
    await clock.pass(LIMITS.storeCommit_ms)
    expect([await first, await second]).toEqual([expect.any(StoreUnavailable), expect.any(StoreUnavailable)])
    expect(database.bindings).toEqual([])
  })

  test('of an extension that was removed meanwhile is left out, and goes with it', async () => {
    await store.commit([save(binding(2, 'bob')), save(binding(1, 'ann'))])
    expect(database.bindings).toHaveLength(1)
    database.remove('101')
    expect(database.bindings).toEqual([])
  })

  test('that is pending is committed before the store closes, and none after', async () => {
    const pending = store.commit([save(binding(1, 'ann'))])
    await store.close()
    await pending
    expect(await store.commit([save(binding(1, 'bob'))]).catch((error) => error)).toBeInstanceOf(
      StoreUnavailable,
    )
    expect(database.bindings).toHaveLength(1)
  })
})

test('an extension is found by its number or the name of its user, in its own domain', async () => {
  expect((await store.findExtension(DOMAIN.name, '101'))?.userName).toBe('user101')
  expect((await store.findExtension(DOMAIN.name, 'user101'))?.number).toBe('101')
  expect(await store.findExtension('elsewhere.example', '101')).toBeNull()
  expect(await store.findExtension(DOMAIN.name, '102')).toBeNull()
})

test('a changed row is told under each of its names', () => {
  database.add('102')
  database.set('max_bindings', '3')
  database.remove('101')
  expect(told).toEqual([
    { kind: 'extension', number: '102', domain: DOMAIN.name },
    { kind: 'extension', number: 'user102', domain: DOMAIN.name },
    { kind: 'settings' },
    { kind: 'extension', number: '101', domain: DOMAIN.name },
    { kind: 'extension', number: 'user101', domain: DOMAIN.name },
  ])
})

test('a fault is met by the call that it was ordered for, and by no other', async () => {
  database.order('find', 'fails', 2)
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => store.findExtension(DOMAIN.name, '101')))
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
