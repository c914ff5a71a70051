import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { bestLocal, LocalAddresses, type ReadInterfaces } from '../../src/transport/local.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LOOPBACK = [
  { address: '127.0.0.1', cidr: '127.0.0.1/8', internal: true },
  { address: '::1', cidr: '::1/128', internal: true },
]
const OFFICE = [
  { address: '10.1.0.5', cidr: '10.1.0.5/24', internal: false },
  { address: 'fd00::5', cidr: 'fd00::5/64', internal: false },
  { address: 'fe80::5', cidr: 'fe80::5/64', internal: false },
]
const PHONES = [{ address: '10.2.0.5', cidr: '10.2.0.5/24', internal: false }]

function make(read: ReadInterfaces): { clock: VirtualClock; addresses: LocalAddresses } {
  const clock = new VirtualClock()
  return { clock, addresses: new LocalAddresses(clock, LIMITS, read) }
}

describe('expand', () => {
  const { addresses } = make(() => ({ lo: LOOPBACK, eth0: OFFICE, eth1: PHONES }))
  const hosts = (host: string): string[] => addresses.expand(host).map((local) => local.host)

  test('a wildcard is every address of its family, link-local ones left out', () => {
    expect(hosts('0.0.0.0')).toEqual(['127.0.0.1', '10.1.0.5', '10.2.0.5'])
    expect(hosts('::')).toEqual(['::1', 'fd00::5'])
  })

  test('an address is itself, also when no interface lists it', () => {
    expect(hosts('10.2.0.5')).toEqual(['10.2.0.5'])
    expect(addresses.expand('127.0.0.9')).toMatchObject([
      { host: '127.0.0.9', internal: true, prefix_bits: 104 },
    ])
    expect(addresses.expand('198.51.100.1')).toMatchObject([{ internal: false, prefix_bits: 128 }])
  })

  test('a name is a mistake of the caller', () => {
    expect(() => addresses.expand('localhost')).toThrow('"localhost" is not a numeric address')
  })

  test('so many interfaces are taken, no more', () => {
    const many = Array.from({ length: 20 }, (_, n) => ({
      address: `10.0.0.${n}`,
      cidr: null,
      internal: false,
    }))
    const limited = new LocalAddresses(new VirtualClock(), { ...LIMITS, localAddresses: 7 }, () => ({
      eth0: many,
    }))
    expect(limited.expand('0.0.0.0')).toHaveLength(7)
  })
})

describe('bestLocal', () => {
  const { addresses } = make(() => ({ lo: LOOPBACK, eth0: OFFICE, eth1: PHONES }))
  const all = [...addresses.expand('0.0.0.0'), ...addresses.expand('::')]

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.9.9.9', '127.0.0.1'],
    ['10.1.0.77', '10.1.0.5'],
    ['10.2.0.77', '10.2.0.5'],
    ['10.2.0.5', '10.2.0.5'],
    ['198.51.100.1', '10.1.0.5'],
    ['::1', '::1'],
    ['fd00::77', 'fd00::5'],
    ['2001:db8::1', 'fd00::5'],
  ])('to %s from %s', (peer, expected) => expect(bestLocal(peer, all)?.host).toBe(expected))

  test('what there is, when nothing fits', () => {
    expect(bestLocal('198.51.100.1', addresses.expand('127.0.0.1'))?.host).toBe('127.0.0.1')
    expect(bestLocal('127.0.0.1', addresses.expand('10.1.0.5'))?.host).toBe('10.1.0.5')
    expect(bestLocal('::1', addresses.expand('0.0.0.0'))).toBeNull()
    expect(bestLocal('a name', all)).toBeNull()
  })
})

describe('watch', () => {
  test('tells of addresses that come and go, and reads nothing when nobody watches', () => {
    let interfaces: ReturnType<ReadInterfaces> = { lo: LOOPBACK }
    let reads = 0
    const { clock, addresses } = make(() => {
      reads++
      return interfaces
    })
    const seen: string[][] = []
    const unwatch = addresses.watch((changed) => {
      if (changed) seen.push(addresses.expand('0.0.0.0').map(({ host }) => host))
    })
    clock.advance(LIMITS.addressRescan_ms)
    expect(seen).toEqual([])
    interfaces = { lo: LOOPBACK, eth1: PHONES }
    clock.advance(LIMITS.addressRescan_ms)
    interfaces = { lo: LOOPBACK }
    clock.advance(LIMITS.addressRescan_ms)
    expect(seen).toEqual([['127.0.0.1', '10.2.0.5'], ['127.0.0.1']])
    unwatch()
    expect(clock.timers).toBe(0)
    expect(reads).toBe(4)
  })
})
