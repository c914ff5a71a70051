import { describe, expect, test } from 'bun:test'
import type { Line } from './line.ts'
import { answersTo, pick, requestText, routesOf } from './text.ts'

const line: Line = { transport: 'UDP', host: '127.0.0.11', port: 5070, send() {} }

const INVITE = requestText({
  method: 'INVITE',
  uri: 'sip:100001@127.0.0.11:5070',
  line,
  branch: 's1x2x3x4',
  from: '<sip:100000@elsewhere.example>;tag=1',
  to: '<sip:100001@bench.example>',
  callId: '1-2-3@127.0.0.11',
  cseq: 1,
  contact: '100000',
  headers: 'Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\n',
})

describe('a phone that is called', () => {
  test('rings and answers, with what a response takes from its request', () => {
    const [ringing = '', ok = ''] = answersTo(INVITE, line)
    expect(ringing).toStartWith('SIP/2.0 180 Ringing\r\n')
    expect(ok).toStartWith('SIP/2.0 200 OK\r\n')
    for (const answer of [ringing, ok]) {
      expect(pick(answer)).toMatchObject({
        vias: 'Via: SIP/2.0/UDP 127.0.0.11:5070;branch=z9hG4bKs1x2x3x4;rport\r\n',
        recordRoutes: 'Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\n',
        to: 'To: <sip:100001@bench.example>;tag=callee',
        cseq: 'CSeq: 1 INVITE\r\n',
        contact: 'Contact: <sip:100001@127.0.0.11:5070>',
      })
    }
  })

  test('is silent at an ACK', () => {
    expect(answersTo(INVITE.replaceAll('INVITE', 'ACK'), line)).toEqual([])
  })
})

test.each([
  ['', ''],
  ['Record-Route: <sip:a;lr>\r\n', 'Route: <sip:a;lr>\r\n'],
  ['Record-Route: <sip:a;lr>\r\nRecord-Route: <sip:b;lr>\r\n', 'Route: <sip:b;lr>, <sip:a;lr>\r\n'],
  ['Record-Route: <sip:a;lr>, <sip:b;lr>\r\n', 'Route: <sip:b;lr>, <sip:a;lr>\r\n'],
])('the route of the caller is the record reversed: %p', (recorded, routes) => {
  expect(routesOf(recorded)).toBe(routes)
})
