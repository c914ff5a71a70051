import { beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS } from '../../src/config.ts'
import { type LookUp, Resolver } from '../../src/transport/resolve.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LIMITS_SMALL = { ...LIMITS, resolvesPending: 2, resolveCache_entries: 3 }

let clock: VirtualClock
let asked: {
  name: string
  family: number | undefined
  answer(hosts: readonly string[]): void
  fail(): void
}[]
let resolver: Resolver

beforeEach(() => {
  clock = new VirtualClock()
  asked = []
  const lookUp: LookUp = (name, family) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>()
    asked.push({ name, family, answer: resolve, fail: () => reject(new Error('ENOTFOUND')) })
    return promise
  }
  resolver = new Resolver(clock, LIMITS_SMALL, lookUp)
})

describe('Resolver', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[2001:DB8::1]', '2001:db8::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
  ])('knows %s at once', async (host, address) => {
    expect(resolver.resolveNow(host)).toBe(address)
    expect(await resolver.resolve(host)).toBe(address)
    expect(asked).toEqual([])
  })

  test('asks for a name once for all who want it, then knows it for a while', async () => {
    expect(resolver.resolveNow('pbx.example')).toBeNull()
    const answers = [resolver.resolve('pbx.example'), resolver.resolve('PBX.example.')]
    expect(asked).toMatchObject([{ name: 'pbx.example' }])
    asked[0]!.answer(['10.0.0.7', '10.0.0.8'])
    expect(await Promise.all(answers)).toEqual(['10.0.0.7', '10.0.0.7'])
    expect(resolver.resolveNow('Pbx.Example')).toBe('10.0.0.7')
    clock.advance(LIMITS.resolveCache_ms)
    expect(resolver.resolveNow('pbx.example')).toBeNull()
  })

  test('keeps the families apart', () => {
    resolver.resolve('pbx.example', 4)
    resolver.resolve('pbx.example', 6)
    expect(asked.map(({ family }) => family)).toEqual([4, 6])
  })

  test('a name that does not exist is null, and not asked for again at once', async () => {
    const answer = resolver.resolve('no.example')
    asked[0]!.fail()
    expect(await answer).toBeNull()
    expect(await resolver.resolve('no.example')).toBeNull()
    expect(asked).toHaveLength(1)
    clock.advance(LIMITS.resolveFailed_ms)
    resolver.resolve('no.example')
    expect(asked).toHaveLength(2)
  })

  test('no answer in time is null; a late one still serves the next', async () => {
    const answer = resolver.resolve('slow.example')
    clock.advance(LIMITS.resolve_ms)
    expect(await answer).toBeNull()
    asked[0]!.answer(['10.0.0.9'])
    await clock.idle()
    expect(resolver.resolveNow('slow.example')).toBe('10.0.0.9')
    expect(clock.timers).toBe(0)
  })

  test('asks for so many at once, no more, and a lost answer keeps its place', async () => {
    resolver.resolve('a.example')
    resolver.resolve('b.example')
    expect(await resolver.resolve('c.example')).toBeNull()
    clock.advance(LIMITS.resolve_ms)
    expect(await resolver.resolve('c.example')).toBeNull()
    asked[0]!.answer(['10.0.0.1'])
    await clock.idle()
    resolver.resolve('c.example')
    expect(asked.map(({ name }) => name)).toEqual(['a.example', 'b.example', 'c.example'])
    expect(resolver.refused).toBe(2)
  })

  test('remembers so many, and forgets the oldest', async () => {
    for (const name of ['a', 'b', 'c', 'd']) {
      const answer = resolver.resolve(name)
      asked.at(-1)!.answer(['10.0.0.1'])
      await answer
    }
    expect(['a', 'b', 'c', 'd'].map((name) => resolver.resolveNow(name))).toEqual([
      null,
      ...Array(3).fill('10.0.0.1'),
    ])
  })

  test('by the system: the hosts file is read', async () => {
    const real = new SystemClock(() => {})
    expect(await new Resolver(real, LIMITS).resolve('localhost', 4)).toBe('127.0.0.1')
    real.close()
  })
})
