import { expect, test } from 'bun:test'
import { IdSource, loopHashOf } from '../../src/sip/id.ts'
import { reasonPhrase } from '../../src/sip/status.ts'

test('identifiers are tokens, and none comes twice', () => {
  const ids = new IdSource()
  const seen = new Set<string>()
  for (let n = 0; n < 2000; n++) {
    const tag = ids.tag()
    expect(tag).toMatch(/^[0-9a-f]{20}$/)
    seen.add(tag)
  }
  expect(seen.size).toBe(2000)
})

test('a given source of randomness gives the same identifiers again', () => {
  const counting = () => {
    let next = 0
    return new IdSource((bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = next++
    })
  }
  expect(counting().tag()).toBe('00010203040506070809')
  expect(counting().tag()).toBe(counting().tag())
})

test('a UUID is of version 7: it begins with its time, and none comes twice', () => {
  const ids = new IdSource()
  const made = Array.from({ length: 2000 }, (_, n) => ids.uuid(1_700_000_000_000 + n))
  for (const uuid of made)
    expect(uuid).toMatch(/^018bcfe5-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(made.toSorted()).toEqual(made)
  expect(new Set(made.map((uuid) => uuid.slice(14))).size).toBe(2000)
})

test('the loop hash is read out of branches that can be ours alone', () => {
  const ids = new IdSource()
  expect(loopHashOf(ids.branch('1a2b'))).toBe('1a2b')
  expect(loopHashOf(ids.branch(''))).toBe('')
  for (const other of [
    '',
    'z9hG4bK',
    'z9hG4bK.1a2b',
    '1.2',
    `z9hG4bK${'0'.repeat(19)}.1`,
    `x9hG4bK${'0'.repeat(20)}.1`,
  ]) {
    expect(loopHashOf(other)).toBeNull()
  }
})

test('phrases', () => {
  expect(reasonPhrase(486)).toBe('Busy Here')
  expect(reasonPhrase(299)).toBe('Unknown')
})
