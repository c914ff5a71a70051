import { describe, expect, test } from 'bun:test'
import { canonicalHost, formatHostPort, parseHost, sameSubnet, unmapped } from '../../src/sip/host.ts'
import { Random } from '../support/random.ts'

describe('canonicalHost', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['::', '::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['2001:DB8::0:1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]', '192.0.2.1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('%s is written %s', (text, canonical) => expect(canonicalHost(text)).toBe(canonical))

  test.each([
    '',
    'localhost',
    'example.com',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x7f.1',
    '1',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '[::1',
    '::1]',
    'fe80::1%eth0',
    ':'.repeat(100_000),
  ])('%p is no address', (text) => expect(canonicalHost(text)).toBeNull())

  test('agrees with the URL parser, and is stable', () => {
    const random = new Random(7)
    for (let n = 0; n < 3000; n++) {
      const groups = Array.from({ length: 8 }, () => random.pick([0, 0, 0, 1, 0xffff, random.below(65536)]))
      const text = groups.map((group) => group.toString(16)).join(':')
      const canonical = canonicalHost(text)!
      expect(canonicalHost(canonical)).toBe(canonical)
      if (canonical.includes('.')) continue
      expect(`[${canonical}]`).toBe(new URL(`http://[${text}]/`).hostname)
    }
  })
})

test('formatHostPort puts IPv6 in brackets', () => {
  expect(formatHostPort('127.0.0.1', 5060)).toBe('127.0.0.1:5060')
  expect(formatHostPort('::1', 5060)).toBe('[::1]:5060')
})

test('unmapped leaves all but IPv4-mapped addresses alone', () => {
  expect(unmapped('::ffff:10.0.0.1')).toBe('10.0.0.1')
  expect(unmapped('10.0.0.1')).toBe('10.0.0.1')
  expect(unmapped('::1')).toBe('::1')
})

test.each([
  ['10.0.0.1', '10.0.0.254', 96 + 24, true],
  ['10.0.0.1', '10.0.1.1', 96 + 24, false],
  ['10.0.0.1', '10.0.1.1', 96 + 23, true],
  ['10.0.0.1', '10.0.0.1', 128, true],
  ['10.0.0.1', '10.0.0.2', 128, false],
  ['fd00::1', 'fd00::ffff', 64, true],
  ['fd00::1', 'fd00:0:0:1::1', 64, false],
])('%s and %s in one subnet of %d bits: %p', (a, b, bits, expected) => {
  expect(sameSubnet(parseHost(a)!, parseHost(b)!, bits)).toBe(expected)
})
