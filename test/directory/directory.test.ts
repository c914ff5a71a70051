import { beforeEach, describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { Directory } from '../../src/directory/directory.ts'
import { type ExtensionRecord, type Invalidation, StoreUnavailable } from '../../src/store/store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { DOMAIN, extension, ScriptedStore } from './scripted-store.ts'

const DOWN = new StoreUnavailable('down')

let clock: VirtualClock
let store: ScriptedStore
let directory: Directory
let changed: (readonly [ExtensionRecord, ExtensionRecord | null])[]

beforeEach(() => {
  clock = new VirtualClock()
  store = new ScriptedStore()
  changed = []
  directory = newDirectory()
})

function newDirectory(capacity = 100): Directory {
  return new Directory({
    store,
    clock,
    domains: [DOMAIN],
    onChanged: (old, now) => changed.push([old, now]),
    capacity,
  })
}

function find(name: string): Promise<ExtensionRecord | null> {
  return directory.find('example.com', name)
}

function peek(name: string): ExtensionRecord | null | undefined {
  return directory.peek('example.com', name)
}

/** Makes it known, as an earlier call would have. */
async function learn(record: ExtensionRecord | null, name = record?.number ?? ''): Promise<void> {
  const found = find(name)
  store.answer(record)
  await found
}

function stale(...names: string[]): void {
  directory.onInvalidation(
    names.map((number): Invalidation => ({ kind: 'extension', number, domain: 'example.com' })),
  )
}

describe('a look-up', () => {
  test('is made once for all who ask meanwhile, and for none who ask later', async () => {
    expect(peek('103')).toBeUndefined()
    const asked = [find('103'), find('103')]
    expect(store.names).toEqual(['103@example.com'])
    store.answer(extension('103'))
    expect(await Promise.all(asked)).toEqual([extension('103'), extension('103')])
    expect(peek('103')).toEqual(extension('103'))
    expect(await find('103')).toEqual(extension('103'))
    expect(store.names).toEqual([])
    expect(directory.counts()).toMatchObject({ hits: 1, misses: 1, others: 1, lookups: 1, merged: 1 })
  })

  test('that finds nobody is remembered for a while', async () => {
    await learn(null, '999')
    expect(peek('999')).toBeNull()
    expect(directory.counts()).toMatchObject({ negativeHits: 1, others: 0, unknown: 1 })
    clock.advance(LIMITS.directoryUnknown_ms)
    expect(peek('999')).toBeUndefined()
  })

  test('that fails is not remembered', async () => {
    const failed = find('103').catch((reason: unknown) => reason)
    store.refuse(DOWN)
    expect(await failed).toBe(DOWN)
    expect(peek('103')).toBeUndefined()
    await learn(extension('103'))
    expect(peek('103')).toEqual(extension('103'))
  })

  test('is refused when too many are under way', async () => {
    for (let n = 0; n < LIMITS.directoryLookupsPending; n++) void find(`${n}`)
    const refused: unknown = await find('one more').catch((reason: unknown) => reason)
    expect(refused).toBeInstanceOf(StoreUnavailable)
    expect(directory.counts().refused).toBe(1)
    store.answer(null)
    await clock.idle()
    void find('one more')
    expect(store.asked).toHaveLength(LIMITS.directoryLookupsPending)
  })

  test('is not made for a name that no row can have', async () => {
    const long = '1'.repeat(LIMITS.directoryName_characters + 1)
    expect(peek(long)).toBeNull()
    expect(await find(long)).toBeNull()
    expect(store.asked).toHaveLength(0)
  })
})

describe('what is remembered', () => {
  test('is bounded, and what is used stays longest', async () => {
    directory = newDirectory(3)
    for (const number of ['1', '2', '3']) await learn(extension(number))
    peek('1')
    await learn(extension('4'))
    expect(['1', '2', '3', '4'].map((number) => peek(number)?.number)).toEqual(['1', undefined, '3', '4'])
    await learn(extension('5'))
    expect(directory.counts()).toMatchObject({ others: 3, evictions: 2 })
  })

  test('of names that nobody has is bounded too', async () => {
    for (let n = 0; n <= LIMITS.directoryUnknown_entries; n++) await learn(null, `x${n}`)
    expect(peek('x0')).toBeUndefined()
    expect(peek('x1')).toBeNull()
  })
})

describe('a changed row', () => {
  test('is read again by itself, and the old record serves until then', async () => {
    await learn(extension('103'))
    stale('103')
    expect(peek('103')).toEqual(extension('103'))
    expect(store.names).toEqual(['103@example.com'])
    store.answer(extension('103', { suspended: true }))
    await clock.idle()
    expect(peek('103')?.suspended).toBe(true)
    expect(changed).toEqual([[extension('103'), extension('103', { suspended: true })]])
  })

  test('that is gone is told of, and known to be gone', async () => {
    await learn(extension('103'))
    stale('103')
    store.answer(null)
    await clock.idle()
    expect(peek('103')).toBeNull()
    expect(changed).toEqual([[extension('103'), null]])
  })

  test('is told of under its number when it was only asked for by its user', async () => {
    const ann = extension('103', { userName: 'ann' })
    await learn(ann, 'ann')
    stale('103', 'ann')
    expect(store.names).toEqual(['103@example.com', 'ann@example.com'])
    store.answer(null)
    store.answer(null)
    await clock.idle()
    expect(changed).toEqual([[ann, null]])
  })

  test('of a user that is renamed is no removal of the extension', async () => {
    const ann = extension('103', { userName: 'ann' })
    const anna = extension('103', { userName: 'anna' })
    await learn(ann, 'ann')
    stale('103', 'ann', 'anna')
    store.answer(anna)
    store.answer(null)
    await clock.idle()
    expect(peek('ann')).toBeNull()
    expect(changed).toEqual([[ann, anna]])
  })

  test('that nobody asked for is not read', () => {
    stale('103')
    expect(store.asked).toHaveLength(0)
    expect(directory.counts().invalidations).toBe(1)
  })

  test('that appears is found at once although it was known not to exist', async () => {
    await learn(null, '103')
    stale('103')
    expect(peek('103')).toBeUndefined()
  })

  test('while it is looked up has the look-up repeated: the answer may be the old one', async () => {
    const found = find('103')
    stale('103')
    store.answer(null)
    await clock.idle()
    expect(peek('103')).toBeUndefined()
    store.answer(extension('103'))
    expect(await found).toEqual(extension('103'))
    expect(peek('103')).toEqual(extension('103'))
  })

  test('that changes faster than it can be read is answered, not remembered', async () => {
    const found = find('103')
    for (let n = 0; n < 3; n++) {
      stale('103')
      store.answer(extension('103', { displayName: `${n}` }))
      await clock.idle()
    }
    expect((await found)?.displayName).toBe('2')
    expect(peek('103')).toBeUndefined()
    expect(store.asked).toHaveLength(0)
  })

  test('that changes while it is read again is in the end the newest', async () => {
    await learn(extension('103'))
    stale('103')
    for (let n = 0; n < 5; n++) {
      stale('103')
      store.answer(extension('103', { displayName: `${n}` }))
      await clock.idle()
    }
    store.answer(extension('103', { displayName: 'newest' }))
    await clock.idle()
    expect(peek('103')?.displayName).toBe('newest')
    expect(store.asked).toHaveLength(0)
  })
})

describe('with the database away', () => {
  test('a record serves on, and is read again when the database is back', async () => {
    await learn(extension('103'))
    stale('103')
    store.refuse(DOWN)
    await clock.idle()
    expect(peek('103')).toEqual(extension('103'))
    expect(changed).toEqual([])
    clock.advance(LIMITS.directoryRetry_ms)
    store.answer(null)
    await clock.idle()
    expect(peek('103')).toBeNull()
  })
})

describe('when everything may have changed', () => {
  test('every record is read again, a few at a time, and those who were nobody are forgotten', async () => {
    const count = LIMITS.directoryRevalidations + 10
    directory = newDirectory(1000)
    for (let n = 0; n < count; n++) await learn(extension(`${n}`))
    await learn(null, 'nobody')
    directory.onInvalidation([{ kind: 'everything' }])
    expect(peek('nobody')).toBeUndefined()
    expect(store.asked).toHaveLength(LIMITS.directoryRevalidations)
    for (let n = 0; n < count; n++) {
      store.answer(extension(store.names[0]?.split('@')[0] ?? '', { suspended: true }))
      await clock.idle()
    }
    expect(changed).toHaveLength(count)
    expect(changed.every(([, now]) => now?.suspended)).toBe(true)
    expect(store.asked).toHaveLength(0)
  })
})

test('of very many changed records those are read first that are asked for', async () => {
  const count = 3 * LIMITS.directoryRevalidations
  directory = newDirectory(1000)
  for (let n = 0; n < count; n++) await learn(extension(`${n}`))
  directory.onInvalidation([{ kind: 'everything' }])
  expect(peek(`${count - 1}`)).toEqual(extension(`${count - 1}`))
  expect(store.names.at(-1)).toBe(`${count - 1}@example.com`)
  for (let n = 0; n < count; n++) peek(`${n}`)
  expect(store.asked).toHaveLength(2 * LIMITS.directoryRevalidations)
})

describe('domains', () => {
  const other = { id: 2, name: 'example.org', realm: 'org', isDefault: false }

  test('are known by name in any case; one is the default', () => {
    expect(directory.domainOf('Example.COM')).toEqual(DOMAIN)
    expect(directory.domainOf('192.0.2.1')).toBeNull()
    expect(directory.defaultDomain).toEqual(DOMAIN)
  })

  test('change with their rows, and what is in them is read again', async () => {
    await learn(extension('103'))
    store.domainRows = [other, { ...DOMAIN, realm: 'new' }]
    directory.onInvalidation([{ kind: 'domains' }])
    await clock.idle()
    expect(directory.domainOf('example.org')).toEqual(other)
    expect(directory.defaultDomain.realm).toBe('new')
    expect(store.names).toEqual(['103@example.com'])
  })

  test('stay as they were when no row is left, and when they cannot be read', async () => {
    store.domainRows = []
    directory.onInvalidation([{ kind: 'domains' }])
    await clock.idle()
    expect(directory.defaultDomain).toEqual(DOMAIN)

    store.domainRows = [other]
    store.failure = DOWN
    directory.onInvalidation([{ kind: 'domains' }])
    await clock.idle()
    expect(directory.defaultDomain).toEqual(DOMAIN)
    store.failure = null
    await clock.pass(LIMITS.directoryRetry_ms)
    await clock.idle()
    expect(directory.defaultDomain).toEqual(other)
  })
})
