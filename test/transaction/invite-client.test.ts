// Beside RFC 3261 figure 5 and RFC 6026 figure 3 (section 7.2): every arrow, and those that are not there.

import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { InviteClientTransaction } from '../../src/transaction/invite-client.ts'
import { LONG_ms, requestText, responseText, Stage } from './stage.ts'

function calling(reliable = false): { stage: Stage; transaction: InviteClientTransaction } {
  const stage = new Stage(reliable)
  const transaction = stage.sends(requestText('INVITE'))
  if (!(transaction instanceof InviteClientTransaction)) throw new Error('another machine')
  return { stage, transaction }
}

const answer = (status: number, toTag = 'b') => responseText(status, 'INVITE', 'z9hG4bK1', toTag)

describe('Calling', () => {
  test('timer A doubles, and timer B ends it: 64*T1', () => {
    const { stage, transaction } = calling()
    expect(transaction.state).toBe('calling')
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual([
      '0 INVITE',
      '500 INVITE',
      '1500 INVITE',
      '3500 INVITE',
      '7500 INVITE',
      '15500 INVITE',
      '31500 INVITE',
    ])
    expect(stage.user.heard).toEqual(['32000 timeout'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test('each retransmission is the same bytes', () => {
    const { stage } = calling()
    stage.clock.advance(4000)
    for (const bytes of stage.flow.bytes) expect(bytes.equals(stage.flow.bytes[0]!)).toBe(true)
  })

  test('no timer A on a reliable transport, but timer B', () => {
    const { stage } = calling(true)
    stage.clock.advance(LONG_ms)
    expect(stage.flow.sent).toEqual(['0 INVITE'])
    expect(stage.user.heard).toEqual(['32000 timeout'])
    expect(stage.leftovers).toBe(0)
  })

  test('a transport error informs the user, once', () => {
    const { stage, transaction } = calling()
    stage.flow.fail('unreachable')
    stage.flow.fail('unreachable')
    stage.clock.advance(LONG_ms)
    expect(stage.user.heard).toEqual(['0 unreachable'])
    expect(stage.flow.sent).toEqual(['0 INVITE'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test.each([200, 299])('%i leads to Accepted at once', (status) => {
    const { stage, transaction } = calling()
    stage.answers(answer(status))
    expect(transaction.state).toBe('accepted')
    expect(stage.user.heard).toEqual([`0 ${status}`])
  })

  test.each([300, 404, 503, 699])('%i leads to Completed at once, with an ACK', (status) => {
    const { stage, transaction } = calling()
    stage.answers(answer(status))
    expect(transaction.state).toBe('completed')
    expect(stage.user.heard).toEqual([`0 ${status}`])
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK'])
  })
})

describe('Proceeding', () => {
  test('a provisional answer ends timers A and B, and each is passed up', () => {
    const { stage, transaction } = calling()
    stage.clock.advance(600)
    stage.answers(answer(100))
    stage.clock.advance(LONG_ms)
    stage.answers(answer(180))
    stage.answers(answer(180))
    expect(stage.flow.sent).toEqual(['0 INVITE', '500 INVITE'])
    expect(stage.user.heard).toEqual(['600 100', '200600 180', '200600 180'])
    expect(transaction.state).toBe('proceeding')
  })

  test('a send that failed before the answer came means nothing any more', () => {
    const { stage, transaction } = calling()
    stage.answers(answer(100))
    stage.flow.fail('closed')
    expect(transaction.state).toBe('proceeding')
    expect(stage.user.heard).toEqual(['0 100'])
  })

  test('a final answer: 2xx to Accepted, others to Completed', () => {
    for (const [status, state] of [
      [200, 'accepted'],
      [486, 'completed'],
    ] as const) {
      const { stage, transaction } = calling()
      stage.answers(answer(180))
      stage.answers(answer(status))
      expect(transaction.state).toBe(state)
      expect(stage.user.heard).toEqual(['0 180', `0 ${status}`])
    }
  })

  test('given up by the user when a CANCEL brought no answer', () => {
    const { stage, transaction } = calling()
    stage.answers(answer(180))
    transaction.abandon()
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
    expect(stage.user.heard).toEqual(['0 180'])
  })

  test('silence beyond any timer C is a timeout: nothing stays for ever', () => {
    const { stage } = calling()
    stage.answers(answer(180))
    stage.clock.advance(LIMITS.inviteSilence_ms - 1)
    stage.answers(answer(180))
    stage.clock.advance(LIMITS.inviteSilence_ms - 1)
    expect(stage.user.heard).toHaveLength(2)
    stage.clock.advance(1)
    expect(stage.user.heard[2]).toEndWith(' timeout')
    expect(stage.leftovers).toBe(0)
  })
})

describe('Completed', () => {
  function completed(reliable = false) {
    const both = calling(reliable)
    both.stage.answers(answer(486))
    return both
  }

  test('the ACK again for each retransmission, with the same bytes, and the user hears nothing', () => {
    const { stage } = completed()
    stage.clock.advance(500)
    stage.answers(answer(486))
    stage.clock.advance(1000)
    stage.answers(answer(486))
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK', '500 ACK', '1500 ACK'])
    expect(stage.user.heard).toEqual(['0 486'])
    expect(stage.flow.bytes[3]).toEqual(stage.flow.bytes[1])
  })

  test('timer D: 32 s, however often the answer came', () => {
    const { stage, transaction } = completed()
    expect([transaction.state, stage.leftovers]).toEqual(['completed', 0])
    stage.clock.advance(20_000)
    stage.answers(answer(486))
    stage.clock.advance(11_999)
    stage.answers(answer(486))
    stage.clock.advance(1)
    stage.answers(answer(486))
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK', '20000 ACK', '31999 ACK'])
  })

  test('timer D is 0 on a reliable transport', () => {
    const { stage, transaction } = completed(true)
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK'])
    expect(stage.user.heard).toEqual(['0 486'])
    expect([transaction.state, stage.leftovers]).toEqual(['terminated', 0])
  })

  test('neither a provisional answer nor a 2xx gets through', () => {
    const { stage, transaction } = completed()
    stage.answers(answer(180))
    stage.answers(answer(200))
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK'])
    expect(stage.user.heard).toEqual(['0 486'])
    expect(transaction.state).toBe('completed')
  })

  test('an ACK that cannot leave means nothing: the user has its answer already', () => {
    const { stage, transaction } = completed()
    stage.flow.fail('unreachable')
    expect([transaction.state, stage.leftovers]).toEqual(['completed', 0])
    expect(stage.user.heard).toEqual(['0 486'])
  })
})

describe('Accepted (RFC 6026)', () => {
  test('every 2xx is passed up, of whatever dialog, and none is acknowledged here', () => {
    const { stage, transaction } = calling()
    stage.answers(answer(200, 'one'))
    stage.clock.advance(500)
    stage.answers(answer(200, 'one'))
    stage.answers(answer(299, 'two'))
    expect(stage.user.heard).toEqual(['0 200'])
    expect(stage.repeated).toEqual([200, 299])
    expect(stage.flow.sent).toEqual(['0 INVITE'])
    expect(transaction.state).toBe('accepted')
  })

  test('nothing else gets through', () => {
    const { stage, transaction } = calling()
    stage.answers(answer(200))
    stage.answers(answer(180))
    stage.answers(answer(486))
    stage.flow.fail('closed')
    expect([stage.user.heard, stage.repeated]).toEqual([['0 200'], []])
    expect(stage.flow.sent).toEqual(['0 INVITE'])
    expect(transaction.state).toBe('accepted')
  })

  test.each([false, true])(
    'nothing is left of it but what passes 2xx up, for 64*T1 (reliable: %p)',
    (reliable) => {
      const { stage } = calling(reliable)
      stage.answers(answer(200))
      expect(stage.leftovers).toBe(0)
      stage.clock.advance(31_999)
      stage.answers(answer(200))
      stage.clock.advance(1)
      stage.answers(answer(200))
      expect(stage.repeated).toEqual([200])
      expect(stage.layer.counts.strayResponses).toBe(1)
    },
  )
})

test('Terminated: answers are strays', () => {
  const { stage } = calling(true)
  stage.answers(answer(486))
  stage.answers(answer(486))
  stage.answers(answer(200))
  expect(stage.layer.counts.strayResponses).toBe(2)
  expect(stage.user.heard).toEqual(['0 486'])
})
