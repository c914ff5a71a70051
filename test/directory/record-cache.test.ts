import { heapStats } from 'bun:jsc'
import { beforeEach, describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { RecordCache } from '../../src/directory/record-cache.ts'
import type { Algorithm, ExtensionRecord } from '../../src/store/store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { extension } from './scripted-store.ts'

const CAPACITY = 3

let clock: VirtualClock
let cache: RecordCache

beforeEach(() => {
  clock = new VirtualClock()
  cache = new RecordCache(clock, CAPACITY)
})

function put(...numbers: string[]): void {
  for (const number of numbers) cache.put(number, extension(number))
}

function held(...names: string[]): string[] {
  return names.filter((name) => cache.known(name) !== undefined)
}

describe('an active extension', () => {
  test('stays under all its names, whatever comes after it', () => {
    cache.put('1', extension('1'))
    cache.put('ann', extension('1'))
    cache.pin(1)
    for (let number = 100; number < 200_100; number++) put(String(number))
    expect(held('1', 'ann', '100', '200099')).toEqual(['1', 'ann', '200099'])
    expect(cache.counts()).toMatchObject({ active: 2, others: CAPACITY, evictions: 200_000 - CAPACITY })
  })

  test('stays also when it is read after it became active, and when it is read again', () => {
    cache.pin(1)
    put('1', '2', '3', '4', '5', '1', '6', '7')
    expect(held('1', '2')).toEqual(['1'])
  })

  test('makes room like any other once it is active no more', () => {
    cache.pin(1)
    put('1', '2', '3', '4')
    cache.unpin(1)
    expect(cache.counts()).toMatchObject({ active: 0, others: CAPACITY, evictions: 1 })
    put('5', '6', '7')
    expect(held('1')).toEqual([])
  })

  test('gives its name to another one: what follows is that one', () => {
    cache.pin(1)
    put('1')
    cache.put('1', extension('1', { id: 9 }))
    put('2', '3', '4')
    expect(held('1')).toEqual([])
    expect(cache.pin(9)).toEqual([])
  })

  test('that is gone takes nothing with it', () => {
    cache.pin(1)
    put('1')
    cache.putUnknown('1')
    expect(cache.get('1')).toBeNull()
    expect(cache.counts()).toMatchObject({ active: 0, others: 0, unknown: 1 })
    expect(cache.pin(1)).toEqual([])
  })
})

describe('the estimate of bytes', () => {
  test('returns to nothing with the last entry', () => {
    cache.pin(1)
    put('1', '2', '3', '4', '5')
    cache.put('1', full(1))
    cache.unpin(1)
    for (const key of [...cache.keys()]) cache.putUnknown(key)
    cache.putUnknown('x')
    clock.advance(LIMITS.directoryUnknown_ms)
    cache.get('x')
    cache.forgetAllUnknown()
    expect(cache.counts()).toMatchObject({ active: 0, others: 0, unknown: 0, bytes: 0 })
  })

  test.each([
    ['records', 50_000, (many: RecordCache, n: number) => many.put(`${n}@office.example`, full(n))],
    [
      'unknown names',
      LIMITS.directoryUnknown_entries,
      (many: RecordCache, n: number) => many.putUnknown(`stranger${n}@office.example`),
    ],
  ])('of %s is within a factor of 2 of the heap', (_, count, add) => {
    const many = new RecordCache(clock, count)
    const before = heapSize()
    for (let n = 0; n < count; n++) add(many, n)
    const used = heapSize() - before
    const { bytes } = many.counts()
    expect(bytes / used).toBeGreaterThan(0.5)
    expect(bytes / used).toBeLessThan(2)
  })
})

function heapSize(): number {
  Bun.gc(true)
  return heapStats().heapSize + heapStats().extraMemorySize
}

/** As it comes from the database worker: every string a copy of its own. */
function full(n: number): ExtensionRecord {
  const credential = (algorithm: Algorithm, length: number) => ({
    username: String(n),
    realm: 'office.example',
    algorithm,
    ha1: n.toString(16).padStart(length, '0'),
  })
  return structuredClone(
    extension(String(n), {
      displayName: `Extension ${n}`,
      credentials: [credential('MD5', 32), credential('SHA-256', 64), credential('SHA-512-256', 64)],
    }),
  )
}
