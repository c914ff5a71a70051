import { describe, expect, test } from 'bun:test'
import { NonceBook } from '../../src/auth/nonce.ts'
import { IdSource } from '../../src/sip/id.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LIFETIME_s = 300
const ENTRIES_MAX = 4

function open() {
  const clock = new VirtualClock()
  return { clock, book: new NonceBook(clock, new IdSource(), ENTRIES_MAX) }
}

describe('a nonce', () => {
  test('is fresh up to its lifetime, and stale after it', () => {
    const { clock, book } = open()
    const nonce = book.issue()
    clock.advance(LIFETIME_s * 1000)
    expect(book.check(nonce, LIFETIME_s)).toBe('fresh')
    clock.advance(1000)
    expect(book.check(nonce, LIFETIME_s)).toBe('stale')
  })

  test('is forged when a single character differs, or when another book made it', () => {
    const { book } = open()
    const nonce = book.issue()
    for (let at = 0; at < nonce.length; at++) {
      const other = nonce[at] === 'A' ? 'B' : 'A'
      expect(book.check(nonce.slice(0, at) + other + nonce.slice(at + 1), LIFETIME_s)).toBe('forged')
    }
    expect(open().book.check(nonce, LIFETIME_s)).toBe('forged')
    expect(book.check(`${nonce}A`, LIFETIME_s)).toBe('forged')
    expect(book.check('', LIFETIME_s)).toBe('forged')
  })

  test('costs no memory until it is used', () => {
    const { book } = open()
    for (let issued = 0; issued < 1000; issued++) book.issue()
    expect(book.usedCount).toBe(0)
  })
})

describe('a count', () => {
  test('serves once, the later ones in any order within a window of 32 (RFC 7616 section 3.4)', () => {
    const { book } = open()
    const nonce = book.issue()
    const use = (count: number) => book.use(nonce, count, LIFETIME_s)
    expect([40, 39, 9, 40, 39, 9].map(use)).toEqual([
      'fresh',
      'fresh',
      'fresh',
      'replayed',
      'replayed',
      'replayed',
    ])
    expect(use(8)).toBe('replayed')
  })

  test.each([
    ['just past the window', 34],
    ['by far', 0xffffffff],
  ])(
    'that leaps ahead %s leaves those between to be used, and none before to be used again',
    (_far, leap) => {
      const { book } = open()
      const nonce = book.issue()
      const use = (count: number) => book.use(nonce, count, LIFETIME_s)
      expect([1, 2, leap, leap - 1].map(use)).toEqual(['fresh', 'fresh', 'fresh', 'fresh'])
      expect([1, 2, leap].map(use)).toEqual(['replayed', 'replayed', 'replayed'])
    },
  )
})

describe('a full book', () => {
  test('forgets its oldest entries, and calls stale what it may have forgotten', () => {
    const { clock, book } = open()
    const nonces = Array.from({ length: ENTRIES_MAX + 1 }, () => {
      clock.advance(1000)
      return book.issue()
    })
    for (const nonce of nonces) expect(book.use(nonce, 1, LIFETIME_s)).toBe('fresh')
    expect(book.usedCount).toBe(ENTRIES_MAX)
    expect(book.forgottenEarly).toBe(1)
    // Its counts are gone: were it fresh, a replay would pass.
    expect(book.check(nonces[0]!, LIFETIME_s)).toBe('stale')
    expect(book.check(nonces[1]!, LIFETIME_s)).toBe('fresh')
  })

  test('clears what has expired, whenever a nonce is used for the first time', () => {
    const { clock, book } = open()
    book.use(book.issue(), 1, LIFETIME_s)
    book.use(book.issue(), 1, LIFETIME_s)
    clock.advance((LIFETIME_s + 1) * 1000)
    book.use(book.issue(), 1, LIFETIME_s)
    expect(book.usedCount).toBe(1)
  })
})

test('counts of very many nonces are kept apart', () => {
  const clock = new VirtualClock()
  const book = new NonceBook(clock, new IdSource(), 5000)
  const nonces = Array.from({ length: 6000 }, () => book.issue())
  for (const nonce of nonces) expect(book.use(nonce, 7, LIFETIME_s)).toBe('fresh')
  for (const nonce of nonces.slice(1000)) expect(book.use(nonce, 7, LIFETIME_s)).toBe('replayed')
  expect([book.usedCount, book.forgottenEarly]).toEqual([5000, 1000])
})
