// Answers that are given again: what is kept, for how long, and what goes first when there is no room.

import { describe, expect, test } from 'bun:test'
import { AnsweredRequests } from '../../src/transaction/answered.ts'
import { TRANSACTION_ms } from '../../src/transaction/timer.ts'
import { Random } from '../support/random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { RecordingFlow } from './stage.ts'

const MEGABYTE = 1024 * 1024

function kept({ entries = 1000, bytes = 2 * MEGABYTE } = {}) {
  const clock = new VirtualClock()
  const answers = new AnsweredRequests(clock, { answers_entries: entries, answers_bytes: bytes }, 7)
  const flow = new RecordingFlow(clock, false)
  const keep = (key: string, text: string) => answers.keep(key, flow, Buffer.from(text), clock.monotonic())
  const found = (key: string) => answers.find(key)?.bytes.toString() ?? null
  return { clock, answers, flow, keep, found }
}

test('an answer is found by its key, with its flow, for 64*T1', () => {
  const { clock, answers, flow, keep, found } = kept()
  expect(found('a')).toBeNull()
  keep('a', 'one')
  keep('b', '')
  clock.advance(TRANSACTION_ms - 1)
  expect([found('a'), found('b'), found('ab'), found('')]).toEqual(['one', '', null, null])
  expect(answers.find('a')?.flow).toBe(flow)
  clock.advance(1)
  expect([found('a'), found('b')]).toEqual([null, null])
})

test('of two with one key the later is found', () => {
  const { keep, found } = kept()
  keep('a', 'one')
  keep('a', 'two')
  expect(found('a')).toBe('two')
})

test('what is found is a copy: it stays as it is while the log goes round', () => {
  const { answers, keep } = kept()
  keep('a', 'one')
  const { bytes } = answers.find('a')!
  for (let n = 0; n < 100; n++) keep(`more ${n}`, 'x'.repeat(60_000))
  expect([bytes.toString(), answers.find('a')]).toEqual(['one', null])
})

describe('at its limits', () => {
  test('of bytes the oldest go, and it says for how long they stayed', () => {
    const { clock, answers, keep, found } = kept()
    const newest: string[] = []
    for (let n = 0; n < 100; n++) {
      keep(`key ${n}`, 'x'.repeat(50_000))
      clock.advance(100)
      newest.push(`key ${n}`)
    }
    const there = newest.filter((key) => found(key) !== null)
    expect(there).toEqual(newest.slice(-there.length))
    expect(there.length).toBeGreaterThan(20)
    expect(answers.kept_ms).toBeGreaterThan(1000)
    expect(answers.kept_ms).toBeLessThan(5000)
  })

  test('of entries too', () => {
    const { keep, found } = kept({ entries: 2048 })
    for (let n = 0; n < 5000; n++) keep(`key ${n}`, `${n}`)
    const there = Array.from({ length: 5000 }, (_, n) => n).filter((n) => found(`key ${n}`) !== null)
    expect(there.length).toBeGreaterThan(1000)
    expect(there.length).toBeLessThanOrEqual(2048)
    expect(there[0]).toBe(5000 - there.length)
    for (const n of there) expect(found(`key ${n}`)).toBe(`${n}`)
  })

  test('longer than a segment nothing is kept', () => {
    const { keep, found } = kept()
    keep('a', 'x'.repeat(MEGABYTE))
    expect(found('a')).toBeNull()
  })
})

test('ten thousand of any length: each is found as it was kept, or not at all', () => {
  const { keep, found } = kept({ entries: 5000 })
  const random = new Random(3)
  const texts = new Map<string, string>()
  for (let n = 0; n < 10_000; n++) {
    const key = `${'k'.repeat(random.below(40))}${n}`
    texts.set(key, `${n}`.repeat(1 + random.below(300)))
    keep(key, texts.get(key)!)
    const [one = ''] = [...texts.keys()].slice(-1 - random.below(200), undefined)
    expect([null, texts.get(one)]).toContain(found(one))
  }
})
