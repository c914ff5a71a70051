import { describe, expect, test } from 'bun:test'
import { PROBLEM_NAMES } from '../../src/sip/parse.ts'
import { Receiver, replyFlow } from '../../src/transaction/receiver.ts'
import type { Address, Flow } from '../../src/transport/transport.ts'
import { requestOf, wireBytes } from '../support/message.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { RecordingFlow, requestText, responseText, Stage } from './stage.ts'

describe('bytes to a transaction', () => {
  function receiving() {
    const stage = new Stage(false)
    const defects: unknown[] = []
    const receiver = new Receiver(stage.layer, { onDefect: (error) => defects.push(error) })
    const failures = () =>
      Object.fromEntries(
        PROBLEM_NAMES.map((name, n) => [name, receiver.parseFailures[n]!]).filter(([, n]) => n),
      )
    const receives = (text: string) => receiver.onBytes(wireBytes(text), stage.flow)
    return { stage, defects, failures, receives }
  }

  test('a request is marked with where it came from', () => {
    const { stage, receives, failures } = receiving()
    receives(requestText('OPTIONS'))
    expect(stage.requests[0]?.source).toEqual({ host: '192.0.2.5', port: 5060 })
    expect(failures()).toEqual({})
  })

  test('a response finds its transaction', () => {
    const { stage, receives } = receiving()
    stage.sends(requestText('OPTIONS'))
    receives(responseText(200, 'OPTIONS'))
    expect(stage.user.heard).toEqual(['0 200'])
  })

  test('a broken request is counted, and goes on to be answered', () => {
    const { stage, receives, failures } = receiving()
    receives(requestText('OPTIONS').replace('CSeq: 7', 'CSeq: x'))
    expect(stage.requests).toHaveLength(1)
    expect(failures()).toEqual({ cseq: 1 })
  })

  test('what nobody can answer is counted, and that is all', () => {
    const { stage, receives, failures } = receiving()
    receives('hello')
    receives(requestText('OPTIONS').replace('Via', 'X'))
    receives(responseText(200, 'OPTIONS').replace('CSeq: 7', 'CSeq: x'))
    expect([stage.requests, stage.flow.sent]).toEqual([[], []])
    expect(failures()).toEqual({ not_sip: 1, via: 1, cseq: 1 })
  })

  test('code of ours that throws is told, and the next message is served', () => {
    const { stage, receives, defects } = receiving()
    stage.onDefect = () => {
      throw new Error('a defect in telling of a defect')
    }
    stage.answering = () => {
      stage.answering = () => {}
      throw new Error('a defect')
    }
    receives(requestText('OPTIONS'))
    receives(requestText('OPTIONS', 'z9hG4bK2'))
    expect(defects).toEqual([new Error('a defect in telling of a defect')])
    expect(stage.requests).toHaveLength(2)
  })
})

describe('where an answer goes (RFC 3261 section 18.2.2, RFC 3581 section 4)', () => {
  const clock = new VirtualClock()
  const other = new RecordingFlow(clock, false)

  /** What replyFlow asks for; null when it stays with the flow that the request came by. */
  function asked(via: string, flow: RecordingFlow, found: Flow | null = other): Address | null {
    let wanted: Address | null = null
    const request = requestOf(requestText('OPTIONS').replace('192.0.2.5;', `${via};`))
    const reply = replyFlow(request, flow, (_transport, peer, local) => {
      expect(local).toEqual(flow.local)
      wanted = peer
      return found
    })
    expect(reply).toBe(wanted === null || found === null ? flow : other)
    return wanted
  }

  test('over UDP to where it came from, when rport asks so', () => {
    expect(asked('10.0.0.5:4000;rport', new RecordingFlow(clock, false))).toBeNull()
  })

  test('otherwise to the port in Via, of the host that it came from', () => {
    const flow = new RecordingFlow(clock, false)
    expect(asked('10.0.0.5:4000', flow)).toEqual({ host: '192.0.2.5', port: 4000 })
    expect(asked('10.0.0.5', flow)).toBeNull()
    expect(asked('10.0.0.5:5060', flow)).toBeNull()
  })

  test('where there is no other way, back the way it came', () => {
    expect(asked('10.0.0.5:4000', new RecordingFlow(clock, false), null)).toEqual({
      host: '192.0.2.5',
      port: 4000,
    })
  })

  test('over its connection, and over another once that is gone', () => {
    const flow = new RecordingFlow(clock, true)
    expect(asked('10.0.0.5:4000', flow)).toBeNull()
    flow.open = false
    expect(asked('10.0.0.5:4000;rport', flow)).toEqual({ host: '192.0.2.5', port: 4000 })
    expect(asked('10.0.0.5', flow)).toEqual({ host: '192.0.2.5', port: 5060 })
  })
})
