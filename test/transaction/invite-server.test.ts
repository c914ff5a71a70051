// Beside RFC 3261 figure 7 and RFC 6026 figure 1 (section 7.1): every arrow, and those that are not there.

import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { InviteServerTransaction } from '../../src/transaction/invite-server.ts'
import { responseOf } from '../support/message.ts'
import { LONG_ms, requestText, respond, Stage } from './stage.ts'

const INVITE = requestText('INVITE')
const ACK = requestText('ACK')

function proceeding(reliable = false): { stage: Stage; transaction: InviteServerTransaction } {
  const stage = new Stage(reliable)
  stage.receives(INVITE)
  const [transaction] = stage.transactions
  if (!(transaction instanceof InviteServerTransaction)) throw new Error('another machine')
  return { stage, transaction }
}

describe('Proceeding', () => {
  test('the INVITE is passed up once; there is nothing to repeat yet', () => {
    const { stage, transaction } = proceeding()
    stage.receives(INVITE)
    expect([transaction.state, transaction.answered]).toEqual(['proceeding', false])
    expect(stage.transactions).toHaveLength(1)
    expect(stage.flow.sent).toEqual([])
  })

  test('each provisional answer is sent, and the last one again for each INVITE', () => {
    const { stage, transaction } = proceeding()
    respond(transaction, 100)
    stage.receives(INVITE)
    respond(transaction, 180)
    stage.clock.advance(500)
    stage.receives(INVITE)
    expect(stage.flow.sent).toEqual(['0 100', '0 100', '0 180', '500 180'])
    expect(stage.flow.bytes[3]).toEqual(stage.flow.bytes[2])
    expect(stage.layer.counts.retransmissionsAbsorbed).toBe(2)
    expect(transaction.state).toBe('proceeding')
  })

  test.each([false, true])(
    '100 by itself when the user says nothing for 200 ms (reliable: %p)',
    (reliable) => {
      const { stage, transaction } = proceeding(reliable)
      stage.clock.advance(LONG_ms)
      expect(stage.flow.sent).toEqual(['200 100'])
      expect(responseOf(stage.flow.bytes[0]!).hasToTag).toBe(false)
      expect(transaction.state).toBe('proceeding')
      respond(transaction, 180)
      expect(stage.flow.sent).toEqual(['200 100', `${LONG_ms} 180`])
    },
  )

  test('it waits for the user, without sending anything by itself', () => {
    const { stage, transaction } = proceeding()
    respond(transaction, 180)
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual(['0 180'])
    expect(transaction.state).toBe('proceeding')
  })

  test('an ACK means nothing here, and is not passed up', () => {
    const { stage, transaction } = proceeding()
    stage.receives(ACK)
    expect(transaction.state).toBe('proceeding')
    expect(stage.acks).toEqual([])
  })

  test('a user that is silent beyond any timer C loses it: nothing stays for ever', () => {
    const { stage, transaction } = proceeding()
    stage.clock.advance(LIMITS.inviteSilence_ms - 1)
    respond(transaction, 180)
    stage.clock.advance(LIMITS.inviteSilence_ms - 1)
    expect(transaction.state).toBe('proceeding')
    stage.clock.advance(1)
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })
})

describe('Completed', () => {
  function completed(reliable = false) {
    const both = proceeding(reliable)
    respond(both.transaction, 486)
    return both
  }

  test('timer G doubles up to T2, and timer H ends it: 64*T1', () => {
    const { stage, transaction } = completed()
    expect([transaction.state, transaction.answered]).toEqual(['completed', true])
    stage.clock.advance(31_999)
    expect(transaction.state).toBe('completed')
    stage.clock.advance(1)
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
    expect(stage.flow.sent).toEqual([
      '0 486',
      '500 486',
      '1500 486',
      '3500 486',
      '7500 486',
      '11500 486',
      '15500 486',
      '19500 486',
      '23500 486',
      '27500 486',
      '31500 486',
    ])
  })

  test('no timer G on a reliable transport, but timer H', () => {
    const { stage, transaction } = completed(true)
    stage.clock.advance(31_999)
    expect(transaction.state).toBe('completed')
    stage.clock.advance(1)
    expect(stage.flow.sent).toEqual(['0 486'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test('the answer again for each INVITE', () => {
    const { stage } = completed()
    stage.clock.advance(100)
    stage.receives(INVITE)
    expect(stage.flow.sent).toEqual(['0 486', '100 486'])
  })

  test('the user can say nothing more', () => {
    const { stage, transaction } = completed()
    for (const status of [180, 200, 500]) respond(transaction, status)
    expect(stage.flow.sent).toEqual(['0 486'])
    expect(transaction.state).toBe('completed')
  })

  test('what cannot leave now may leave later', () => {
    const { stage, transaction } = completed()
    stage.flow.fail('congested')
    expect(transaction.state).toBe('completed')
    stage.clock.advance(500)
    expect(stage.flow.sent).toEqual(['0 486', '500 486'])
  })
})

describe('Confirmed', () => {
  function confirmed(reliable = false) {
    const both = proceeding(reliable)
    respond(both.transaction, 486)
    both.stage.clock.advance(700)
    both.stage.receives(ACK)
    return both
  }

  test('the ACK ends timers G and H, is not passed up, and repetitions are absorbed (timer I)', () => {
    const { stage, transaction } = confirmed()
    expect(transaction.state).toBe('confirmed')
    expect([stage.acks, stage.leftovers]).toEqual([[], 0])
    stage.clock.advance(4999)
    stage.receives(INVITE)
    expect(stage.transactions).toHaveLength(1)
    expect(stage.flow.sent).toEqual(['0 486', '500 486'])
  })

  test('timer I is 0 on a reliable transport', () => {
    const { stage, transaction } = confirmed(true)
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test('further ACKs and INVITEs are absorbed, and the user can say nothing more', () => {
    const { stage, transaction } = confirmed()
    stage.receives(ACK)
    stage.receives(INVITE)
    respond(transaction, 200)
    expect(stage.flow.sent).toEqual(['0 486', '500 486'])
    expect(stage.acks).toEqual([])
    expect(stage.transactions).toHaveLength(1)
    expect(transaction.state).toBe('confirmed')
  })
})

describe('Accepted (RFC 6026)', () => {
  function accepted(reliable = false) {
    const both = proceeding(reliable)
    respond(both.transaction, 180)
    respond(both.transaction, 200)
    return both
  }

  test('INVITEs are absorbed in silence: repeating the 2xx is for the user', () => {
    const { stage, transaction } = accepted()
    stage.receives(INVITE)
    stage.clock.advance(5000)
    expect(stage.flow.sent).toEqual(['0 180', '0 200'])
    expect(stage.transactions).toHaveLength(1)
    expect([transaction.state, transaction.answered]).toEqual(['accepted', true])
  })

  test('each further 2xx of the user is sent, nothing else', () => {
    const { stage, transaction } = accepted()
    for (const status of [200, 180, 486, 299]) respond(transaction, status)
    expect(stage.flow.sent).toEqual(['0 180', '0 200', '0 200', '0 299'])
  })

  test("an ACK is the user's, each one", () => {
    const { stage, transaction } = accepted()
    stage.receives(ACK)
    stage.receives(ACK)
    expect(stage.acks).toHaveLength(2)
    expect(transaction.state).toBe('accepted')
  })

  test.each([false, true])(
    'nothing is left of it but what absorbs INVITEs, for 64*T1 (reliable: %p)',
    (reliable) => {
      const { stage } = accepted(reliable)
      stage.flow.fail('closed')
      expect(stage.leftovers).toBe(0)
      stage.clock.advance(31_999)
      stage.receives(INVITE)
      expect(stage.transactions).toHaveLength(1)
      stage.clock.advance(1)
      stage.receives(INVITE)
      expect(stage.transactions).toHaveLength(2)
    },
  )
})

test('Terminated: nothing is sent any more', () => {
  const { stage, transaction } = proceeding(true)
  respond(transaction, 486)
  stage.receives(ACK)
  for (const status of [100, 200, 486]) respond(transaction, status)
  transaction.onRetransmission()
  expect(stage.flow.sent).toEqual(['0 486'])
})
