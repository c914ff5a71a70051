import { describe, expect, test } from 'bun:test'
import { addressOf, isName, keyOf, NAME_WORDS, nameOf } from '../../src/transport/socket-name.ts'

const IPV4 = ['0.0.0.0', '127.0.0.1', '255.254.253.252', '203.0.113.9']
const IPV6 = ['::', '::1', '2001:db8::8:800:200c:417a', '2001:db8:0:1:1:1:1:1', 'fe80::1']
const SCOPED = process.platform === 'linux' ? ['fe80::1%lo'] : []
const CASES = [
  ...IPV4.map((host) => ({ host, family: 4 }) as const),
  ...[...IPV6, ...SCOPED].map((host) => ({ host, family: 6 }) as const),
]

test.each(CASES)('$host there and back', ({ host, family }) => {
  for (const port of [1, 255, 256, 5060, 65_535]) {
    expect(addressOf(nameOf({ host, port }, family), family)).toEqual({ host, port })
  }
})

test('as sockaddr_in and sockaddr_in6 lie in memory', () => {
  const bytes = (name: Uint32Array) => Buffer.from(name.buffer).toString('hex')
  expect(bytes(nameOf({ host: '192.0.2.7', port: 5060 }, 4)).slice(0, 16)).toBe('020013c4c0000207')
  expect(bytes(nameOf({ host: '2001:db8::a:b', port: 5060 }, 6))).toBe(
    '0a0013c40000000020010db80000000000000000000a000b00000000',
  )
})

describe.each([4, 6] as const)('keys of IPv%d', (family) => {
  const hosts = family === 4 ? IPV4 : [...IPV6, ...SCOPED]
  const names = hosts.flatMap((host) => [5060, 5061].map((port) => nameOf({ host, port }, family)))

  test('are those of their names and no others', () => {
    expect(new Set(names.map((name) => keyOf(name, 0, family))).size).toBe(names.length)
    for (const [n, name] of names.entries()) {
      const longer = new Uint32Array(NAME_WORDS + 3)
      longer.set(name, 3)
      expect(keyOf(longer, 3, family)).toBe(keyOf(name, 0, family))
      expect(names.map((other) => isName(other, longer, 3, family))).toEqual(names.map((_, m) => m === n))
    }
  })
})

test('a flow label makes no other peer', () => {
  const name = nameOf({ host: '2001:db8::1', port: 5060 }, 6)
  const labelled = name.slice()
  labelled[1] = 0x12345
  expect(keyOf(labelled, 0, 6)).toBe(keyOf(name, 0, 6))
  expect(isName(name, labelled, 0, 6)).toBe(true)
})
