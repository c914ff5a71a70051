// Beside RFC 3261 figure 8: every arrow, and those that are not there.

import { describe, expect, test } from 'bun:test'
import { LONG_ms, requestText, respond, Stage } from './stage.ts'

const OPTIONS = requestText('OPTIONS')

function trying(reliable = false) {
  const stage = new Stage(reliable)
  stage.receives(OPTIONS)
  const transaction = stage.transactions[0]!
  return { stage, transaction }
}

describe('Trying', () => {
  test('the request is passed up once, and repeated in silence', () => {
    const { stage, transaction } = trying()
    stage.receives(OPTIONS)
    expect([transaction.state, transaction.answered]).toEqual(['trying', false])
    expect(stage.transactions).toHaveLength(1)
    expect(stage.flow.sent).toEqual([])
  })

  test('never answered, it ends once its other side has long given up', () => {
    const { stage, transaction } = trying()
    stage.clock.advance(63_999)
    expect(transaction.state).toBe('proceeding')
    stage.clock.advance(1)
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
    respond(transaction, 200)
    expect(stage.flow.sent).toEqual(['3500 100'])
  })

  test.each([false, true])(
    'a 100 by itself once timer E of the other side has reached T2, reliable: %p (RFC 4320 section 4.1)',
    (reliable) => {
      const { stage, transaction } = trying(reliable)
      stage.clock.advance(3499)
      expect([transaction.state, stage.flow.sent]).toEqual(['trying', []])
      stage.clock.advance(1)
      expect([transaction.state, stage.flow.sent]).toEqual(['proceeding', ['3500 100']])
      stage.receives(OPTIONS)
      respond(transaction, 200)
      expect(stage.flow.sent).toEqual(['3500 100', '3500 100', '3500 200'])
    },
  )

  test('no 100 once it is answered, nor a second one', () => {
    const answered = trying()
    respond(answered.transaction, 200)
    answered.stage.clock.advance(LONG_ms)
    expect(answered.stage.flow.sent).toEqual(['0 200'])
    const told = trying()
    respond(told.transaction, 100)
    told.stage.clock.advance(4000)
    expect(told.stage.flow.sent).toEqual(['0 100'])
  })

  test('its 100 tells how long it lay here (RFC 3261 section 8.2.6.1)', () => {
    const stage = new Stage(false)
    stage.receives(`${OPTIONS.trimEnd()}\r\nTimestamp: 54\r\n\r\n`)
    stage.clock.advance(3500)
    expect(stage.flow.bytes[0]!.toString()).toContain('\r\nTimestamp: 54 3.5\r\n')
  })
})

describe('Proceeding', () => {
  test('each provisional answer is sent, and the last one again for each request', () => {
    const { stage, transaction } = trying()
    respond(transaction, 100)
    respond(transaction, 182)
    stage.receives(OPTIONS)
    expect(stage.flow.sent).toEqual(['0 100', '0 182', '0 182'])
    expect([transaction.state, transaction.answered]).toEqual(['proceeding', false])
  })

  test('what cannot leave now may be asked for again', () => {
    const { stage, transaction } = trying()
    respond(transaction, 100)
    stage.flow.fail('congested')
    stage.receives(OPTIONS)
    expect(stage.flow.sent).toEqual(['0 100', '0 100'])
    expect(transaction.state).toBe('proceeding')
  })
})

describe('Completed', () => {
  test.each([200, 302, 404, 503, 603])(
    '%i, from Trying and from Proceeding, is sent once by itself',
    (status) => {
      for (const provisional of [[], [100]]) {
        const { stage, transaction } = trying()
        for (const before of provisional) respond(transaction, before)
        respond(transaction, status)
        expect([transaction.state, transaction.answered]).toEqual(['completed', true])
        stage.clock.advance(LONG_ms)
        expect(stage.flow.sent).toEqual([...provisional, status].map((each) => `0 ${each}`))
      }
    },
  )

  test('again for each request, with the same bytes; timer J: 64*T1, however often', () => {
    const { stage, transaction } = trying()
    respond(transaction, 200)
    stage.clock.advance(31_999)
    stage.receives(OPTIONS)
    expect(stage.flow.sent).toEqual(['0 200', '31999 200'])
    expect(stage.flow.bytes[1]).toEqual(stage.flow.bytes[0])
    expect([stage.transactions.length, stage.leftovers]).toEqual([1, 0])
    stage.clock.advance(1)
    stage.receives(OPTIONS)
    expect(stage.transactions).toHaveLength(2)
  })

  test('timer J is 0 on a reliable transport', () => {
    const { stage, transaction } = trying(true)
    respond(transaction, 200)
    expect(stage.flow.sent).toEqual(['0 200'])
    expect([transaction.state, stage.leftovers]).toEqual(['completed', 0])
    stage.receives(OPTIONS)
    expect(stage.transactions).toHaveLength(2)
  })

  test('the user can say nothing more', () => {
    const { stage, transaction } = trying()
    for (const status of [404, 100, 200, 500]) respond(transaction, status)
    expect(stage.flow.sent).toEqual(['0 404'])
  })
})
