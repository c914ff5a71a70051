// Beside RFC 3261 figure 6: every arrow, and those that are not there.

import { describe, expect, test } from 'bun:test'
import { LONG_ms, requestText, responseText, Stage } from './stage.ts'

function trying(reliable = false) {
  const stage = new Stage(reliable)
  const transaction = stage.sends(requestText('OPTIONS'))
  return { stage, transaction }
}

const answer = (status: number) => responseText(status, 'OPTIONS')

describe('Trying', () => {
  test('timer E doubles up to T2, and timer F ends it: 64*T1', () => {
    const { stage, transaction } = trying()
    expect(transaction.state).toBe('trying')
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual([
      '0 OPTIONS',
      '500 OPTIONS',
      '1500 OPTIONS',
      '3500 OPTIONS',
      '7500 OPTIONS',
      '11500 OPTIONS',
      '15500 OPTIONS',
      '19500 OPTIONS',
      '23500 OPTIONS',
      '27500 OPTIONS',
      '31500 OPTIONS',
    ])
    expect(stage.user.heard).toEqual(['32000 timeout'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test('no timer E on a reliable transport, but timer F', () => {
    const { stage } = trying(true)
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual(['0 OPTIONS'])
    expect(stage.user.heard).toEqual(['32000 timeout'])
    expect(stage.leftovers).toBe(0)
  })

  test('a transport error informs the user, once', () => {
    const { stage, transaction } = trying()
    stage.flow.fail('refused')
    stage.flow.fail('refused')
    expect(stage.user.heard).toEqual(['0 refused'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })
})

describe('Proceeding', () => {
  test('timer E goes on, at T2 from then on, and so does timer F', () => {
    const { stage, transaction } = trying()
    stage.clock.advance(600)
    stage.answers(answer(100))
    expect(transaction.state).toBe('proceeding')
    stage.answers(answer(182))
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual([
      '0 OPTIONS',
      '500 OPTIONS',
      '1500 OPTIONS',
      '5500 OPTIONS',
      '9500 OPTIONS',
      '13500 OPTIONS',
      '17500 OPTIONS',
      '21500 OPTIONS',
      '25500 OPTIONS',
      '29500 OPTIONS',
    ])
    expect(stage.user.heard).toEqual(['600 100', '600 182', '32000 timeout'])
    expect(stage.leftovers).toBe(0)
  })

  test('a transport error informs the user', () => {
    const { stage } = trying()
    stage.answers(answer(100))
    stage.flow.fail('closed')
    expect(stage.user.heard).toEqual(['0 100', '0 closed'])
    expect(stage.leftovers).toBe(0)
  })
})

describe('Completed', () => {
  test.each([200, 302, 404, 503, 603])('%i, from Trying and from Proceeding, is passed up once', (status) => {
    for (const provisional of [[], [100]]) {
      const { stage, transaction } = trying()
      for (const before of provisional) stage.answers(answer(before))
      stage.answers(answer(status))
      stage.answers(answer(status))
      stage.answers(answer(100))
      expect(transaction.state).toBe('completed')
      expect(stage.user.heard).toEqual([...provisional.map((before) => `0 ${before}`), `0 ${status}`])
    }
  })

  test('no more timers E and F, and nothing is left of it', () => {
    const { stage, transaction } = trying()
    stage.answers(answer(200))
    expect([transaction.state, stage.leftovers]).toEqual(['completed', 0])
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual(['0 OPTIONS'])
    expect(stage.user.heard).toEqual(['0 200'])
  })

  test('timer K is 0 on a reliable transport', () => {
    const { stage, transaction } = trying(true)
    stage.answers(answer(200))
    expect([transaction.state, stage.leftovers]).toEqual(['completed', 0])
    expect(stage.user.heard).toEqual(['0 200'])
  })

  test('a late transport error means nothing', () => {
    const { stage, transaction } = trying()
    stage.answers(answer(200))
    stage.flow.fail('closed')
    expect(transaction.state).toBe('completed')
    expect(stage.user.heard).toEqual(['0 200'])
  })
})

test('Terminated: answers are strays', () => {
  const { stage } = trying(true)
  stage.answers(answer(200))
  stage.answers(answer(200))
  expect(stage.layer.counts.strayResponses).toBe(1)
})
