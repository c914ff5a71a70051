import { describe, expect, test } from 'bun:test'
import type { SipResponse } from '../../src/sip/message.ts'
import { HEADERS_MAX } from '../../wasm/layout.ts'
import { responseOf, wireBytes } from '../support/message.ts'
import { RecordingFlow, RecordingUser, requestText, respond, responseText, Stage } from './stage.ts'

describe('requests to server transactions (RFC 3261 section 17.2.3)', () => {
  test('by branch, sent-by and method', () => {
    const stage = new Stage(false)
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'a.example.com'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'a.example.com'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'b.example.com'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'a.example.com:5062'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK2', 'a.example.com'))
    stage.receives(requestText('MESSAGE', 'z9hG4bK1', 'a.example.com'))
    expect(stage.transactions).toHaveLength(5)
    expect(stage.layer.counts.retransmissionsAbsorbed).toBe(1)
  })

  test('an answer goes to the one that asked', () => {
    const stage = new Stage(false)
    const other = new RecordingFlow(stage.clock, false)
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'a.example.com'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK1', 'b.example.com'), other)
    respond(stage.transactions[1]!, 200)
    expect([stage.flow.sent, other.sent]).toEqual([[], ['0 200']])
  })

  test('an ACK to the INVITE of its branch, a CANCEL to one of its own', () => {
    const stage = new Stage(false)
    stage.receives(requestText('INVITE'))
    const [invite] = stage.transactions
    stage.receives(requestText('CANCEL'))
    expect(stage.transactions).toHaveLength(2)
    const cancel = stage.transactions[1]!
    expect(cancel.method).toBe('CANCEL')
    expect<unknown>(stage.layer.inviteOf(stage.requests[1]!)).toBe(invite)
    respond(invite!, 487)
    stage.receives(requestText('ACK'))
    expect(invite!.state).toBe('confirmed')
    expect(stage.acks).toEqual([])
  })

  test('neither when the branch is another', () => {
    const stage = new Stage(false)
    stage.receives(requestText('INVITE'))
    respond(stage.transactions[0]!, 486)
    stage.receives(requestText('ACK', 'z9hG4bK2'))
    expect(stage.transactions[0]!.state).toBe('completed')
    expect(stage.acks).toHaveLength(1)
    stage.receives(requestText('CANCEL', 'z9hG4bK2'))
    expect(stage.layer.inviteOf(stage.requests[1]!)).toBeNull()
  })

  test('a CANCEL means no request but an INVITE', () => {
    const stage = new Stage(false)
    stage.receives(requestText('OPTIONS'))
    stage.receives(requestText('CANCEL'))
    expect(stage.layer.inviteOf(stage.requests[1]!)).toBeNull()
  })

  test("the ACK for a 2xx has a branch of its own and is the user's", () => {
    const stage = new Stage(false)
    stage.receives(requestText('INVITE'))
    respond(stage.transactions[0]!, 200)
    stage.receives(requestText('ACK', 'z9hG4bK-of-its-own'))
    expect(stage.acks).toHaveLength(1)
  })
})

describe('clients of RFC 2543, whose branch is not unique or absent', () => {
  const BRANCHES = ['1', 'z9hG4bK', 'Z9HG4BK1']

  test.each(BRANCHES)(
    'branch %p: what stays the same is Request-URI, From tag, Call-ID, CSeq and Via',
    (branch) => {
      const first = requestText('INVITE', branch)
      const others = [
        first.replace('sip:bob@', 'sip:carol@'),
        first.replace('tag=a', 'tag=b'),
        first.replace('Call-ID: c1', 'Call-ID: c2'),
        first.replace('CSeq: 7', 'CSeq: 8'),
        first.replace(`branch=${branch}`, `branch=${branch}x`),
      ]
      const stage = new Stage(false)
      stage.receives(first)
      stage.receives(first)
      expect(stage.transactions).toHaveLength(1)
      for (const other of others) stage.receives(other)
      expect(stage.transactions).toHaveLength(6)
    },
  )

  test('the ACK has the tag of our answer, and finds its INVITE', () => {
    const stage = new Stage(false)
    stage.receives(requestText('INVITE', '1'))
    const [invite] = stage.transactions
    respond(invite!, 486)
    stage.receives(requestText('ACK', '1').replace('bob@example.com>', 'bob@example.com>;tag=ours'))
    expect(invite!.state).toBe('confirmed')
  })

  test('a CANCEL finds its INVITE', () => {
    const stage = new Stage(false)
    stage.receives(requestText('INVITE', '1'))
    stage.receives(requestText('CANCEL', '1'))
    expect<unknown>(stage.layer.inviteOf(stage.requests[1]!)).toBe(stage.transactions[0])
  })

  test('requests of two dialogs differ by the To tag alone', () => {
    const stage = new Stage(false)
    for (const tag of ['one', 'two', 'one']) {
      stage.receives(
        requestText('BYE', '1').replace('To: <sip:bob@example.com>', `To: <sip:bob@example.com>;tag=${tag}`),
      )
    }
    expect(stage.transactions).toHaveLength(2)
  })

  test('no branch at all', () => {
    const stage = new Stage(false)
    const text = requestText('OPTIONS').replace(';branch=z9hG4bK1', '')
    stage.receives(text)
    stage.receives(text)
    expect(stage.transactions).toHaveLength(1)
  })
})

describe('responses to client transactions (section 17.1.3)', () => {
  test('by branch and method of CSeq', () => {
    const stage = new Stage(false)
    stage.sends(requestText('OPTIONS'))
    stage.answers(responseText(200, 'OPTIONS', 'z9hG4bK2'))
    stage.answers(responseText(200, 'MESSAGE'))
    expect(stage.user.heard).toEqual([])
    expect(stage.layer.counts.strayResponses).toBe(2)
    stage.answers(responseText(200, 'OPTIONS'))
    expect(stage.user.heard).toEqual(['0 200'])
  })

  test('a CANCEL has the branch of its INVITE, and both hear their own answers', () => {
    const stage = new Stage(false)
    const cancelling = new RecordingUser(stage.clock, stage.upstream)
    stage.sends(requestText('INVITE'))
    stage.answers(responseText(180, 'INVITE'))
    stage.sends(requestText('CANCEL'), cancelling)
    stage.answers(responseText(200, 'CANCEL'))
    stage.answers(responseText(487, 'INVITE'))
    expect(stage.user.heard).toEqual(['0 180', '0 487'])
    expect(cancelling.heard).toEqual(['0 200'])
  })
})

describe('limits', () => {
  test('a full table of servers: 503 with Retry-After, and room again once one has ended', () => {
    const stage = new Stage(false, { serverTransactions: 2 })
    for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3']) stage.receives(requestText('OPTIONS', branch))
    expect(stage.transactions).toHaveLength(2)
    expect(stage.flow.sent).toEqual(['0 503'])
    const refusal = responseOf(stage.flow.bytes[0]!)
    expect(refusal.text(0, refusal.headersEnd)).toContain('\r\nRetry-After: 5\r\n')
    expect([refusal.branch, refusal.hasToTag]).toEqual(['z9hG4bK3', true])
    expect(stage.layer.admission.refused.server_transactions).toBe(1)
    respond(stage.transactions[0]!, 200)
    stage.clock.advance(32_000)
    stage.receives(requestText('OPTIONS', 'z9hG4bK3'))
    expect(stage.transactions).toHaveLength(3)
  })

  test('so many bytes that the table counts as full, and room again once they are gone', () => {
    const size = wireBytes(requestText('OPTIONS')).length
    const stage = new Stage(true, { serverTransactions_bytes: 2 * size })
    for (const branch of ['z9hG4bK1', 'z9hG4bK2', 'z9hG4bK3']) stage.receives(requestText('OPTIONS', branch))
    expect(stage.flow.sent).toEqual(['0 503'])
    respond(stage.transactions[0]!, 200)
    stage.receives(requestText('OPTIONS', 'z9hG4bK4'))
    expect(stage.flow.sent).toEqual(['0 503', '0 200'])
    expect(stage.transactions).toHaveLength(3)
  })

  test('a full table still answers retransmissions, takes ACKs, and lets calls be cancelled', () => {
    const stage = new Stage(false, { serverTransactions: 1 })
    stage.receives(requestText('INVITE'))
    respond(stage.transactions[0]!, 180)
    stage.receives(requestText('INVITE'))
    stage.receives(requestText('CANCEL'))
    stage.receives(requestText('CANCEL', 'z9hG4bK2'))
    expect(stage.flow.sent).toEqual(['0 180', '0 180', '0 503'])
    expect(stage.transactions.map(({ method }) => method)).toEqual(['INVITE', 'CANCEL'])
  })

  test('a full table of clients takes nothing more, and nothing is sent', () => {
    const stage = new Stage(false, { clientTransactions: 1 })
    stage.sends(requestText('OPTIONS'))
    expect(() => stage.sends(requestText('OPTIONS', 'z9hG4bK2'))).toThrow('the table is full')
    expect(stage.flow.sent).toEqual(['0 OPTIONS'])
    expect(stage.layer.admission.refused.client_transactions).toBe(1)
  })

  test.each([
    ['headers', 'X: y\n'.repeat(HEADERS_MAX)],
    ['bytes', `X: ${'y'.repeat(65_536)}\n`],
  ])('an INVITE with too many %s to be acknowledged is not sent', (_, lines) => {
    const stage = new Stage(false)
    const bytes = wireBytes(requestText('INVITE').replace('Max-Forwards', `${lines}Max-Forwards`))
    expect(stage.layer.request('INVITE', 'z9hG4bK1', bytes, stage.flow, stage.user)).toBeNull()
    expect([stage.flow.sent, stage.leftovers]).toEqual([[], 0])
  })
})

describe('code of ours that throws', () => {
  test('over a request: 500, told, and the next request is served', () => {
    const stage = new Stage(false)
    stage.answering = (request, transaction) => {
      if (request.branch === 'z9hG4bK1') throw new Error('a defect')
      respond(transaction, 200)
    }
    stage.receives(requestText('INVITE'))
    stage.receives(requestText('OPTIONS', 'z9hG4bK2'))
    expect(stage.flow.sent).toEqual(['0 500', '0 200'])
    expect(responseOf(stage.flow.bytes[0]!).hasToTag).toBe(true)
    expect(stage.defects).toEqual([new Error('a defect')])
  })

  test('after its answer: the answer stands', () => {
    const stage = new Stage(false)
    stage.answering = (_, transaction) => {
      respond(transaction, 404)
      throw new Error('a defect')
    }
    stage.receives(requestText('OPTIONS'))
    expect(stage.flow.sent).toEqual(['0 404'])
    expect(stage.defects).toHaveLength(1)
  })

  test('over an ACK or a response: told, and nothing else', () => {
    const stage = new Stage(false)
    class Throwing extends RecordingUser {
      override onResponse(_response: SipResponse): void {
        throw new Error('a defect')
      }
    }
    stage.sends(requestText('INVITE'), new Throwing(stage.clock, stage.upstream))
    stage.answers(responseText(486, 'INVITE'))
    expect(stage.flow.sent).toEqual(['0 INVITE', '0 ACK'])
    expect(stage.defects).toHaveLength(1)
    stage.onAck = () => {
      throw new Error('a defect')
    }
    stage.receives(requestText('ACK', 'z9hG4bK2'))
    expect(stage.defects).toHaveLength(2)
  })
})

describe.each([false, true])('in the end nothing is left (reliable: %p)', (reliable) => {
  test('of a hundred transactions of each kind, however they went', () => {
    const stage = new Stage(reliable)
    for (let n = 0; n < 100; n++) {
      const branch = `z9hG4bK${n}`
      for (const method of ['INVITE', 'OPTIONS']) {
        stage.receives(requestText(method, branch))
        stage.sends(requestText(method, branch))
        if (n % 4 > 0) stage.answers(responseText(180, method, branch))
        if (n % 4 > 1) stage.answers(responseText(n % 4 === 2 ? 200 : 486, method, branch))
        const transaction = stage.transactions.at(-1)!
        if (n % 3 > 0) respond(transaction, n % 3 === 1 ? 200 : 486)
        if (n % 2 === 0) stage.receives(requestText('ACK', branch))
      }
      stage.clock.advance(50)
    }
    const { open } = stage.layer.counts
    expect(stage.layer.serverCount).toBe(open.server + open['invite-server'])
    stage.clock.advance(26 * 3_600_000)
    expect(stage.leftovers).toBe(0)
    expect(Object.values(open)).toEqual([0, 0, 0, 0])
  })
})
