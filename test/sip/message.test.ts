import { describe, expect, test } from 'bun:test'
import { HeaderId, MethodId, SchemeId, utf8, wire } from '../../src/sip/message.ts'
import { requestOf, responseOf, wireBytes } from '../support/message.ts'

const INVITE = `INVITE sip:bob%20x:pw@[2001:db8::1]:5070;lr?x=y SIP/2.0
v: SIP/2.0/UDP phone.example.com:5062;branch=z9hG4bK1;rport
Max-Forwards: 7
f: "Alice" <sip:alice@example.com>;tag=from-1
t: <sip:bob@example.com> ; tag=to-1
i: call-1@example.com
CSeq: 4294967295 INVITE
Route: <sip:one.example.com;lr>
route : <sip:two.example.com;lr>,
 <sip:three.example.com;lr>
Expires: 120
x-Thing: 1
l: 4

body`

describe('a request', () => {
  const request = requestOf(INVITE)

  test('what every message is asked for', () => {
    expect(request.methodId).toBe(MethodId.INVITE)
    expect(request.method).toBe('INVITE')
    expect(request.uri).toBe('sip:bob%20x:pw@[2001:db8::1]:5070;lr?x=y')
    expect(request.uriScheme).toBe(SchemeId.Sip)
    expect([request.uriUser, request.uriHost, request.uriPort]).toEqual(['bob%20x', '[2001:db8::1]', 5070])
    expect([request.viaHost, request.viaPort, request.branch]).toEqual([
      'phone.example.com',
      5062,
      'z9hG4bK1',
    ])
    expect([request.fromUri, request.fromTag]).toEqual(['sip:alice@example.com', 'from-1'])
    expect([request.toUri, request.toTag, request.hasToTag]).toEqual(['sip:bob@example.com', 'to-1', true])
    expect([request.callId, request.cseq, request.cseqMethod]).toEqual([
      'call-1@example.com',
      4294967295,
      'INVITE',
    ])
    expect([request.maxForwards, request.expires_s, request.hasContentLength]).toEqual([7, 120, true])
    expect(request.text(request.bodyStart, request.bodyEnd)).toBe('body')
  })

  test('headers by their long name, their compact one and in any case', () => {
    expect(request.header(HeaderId.From)).toBe('"Alice" <sip:alice@example.com>;tag=from-1')
    expect(request.headers(HeaderId.Route)).toEqual([
      '<sip:one.example.com;lr>',
      '<sip:two.example.com;lr>,\r\n <sip:three.example.com;lr>',
    ])
    expect(request.header(HeaderId.Contact)).toBeNull()
    expect(request.headers(HeaderId.Contact)).toEqual([])
    expect(request.findHeader(HeaderId.Route, 7)).toBe(7)
    expect(request.findHeader(HeaderId.Route, 8)).toBe(-1)
  })

  test('lines, whole and in order, cover all from the start line to the blank one', () => {
    const names = Array.from({ length: request.headerCount }, (_, line) => request.headerName(line))
    expect(names.join()).toBe('v,Max-Forwards,f,t,i,CSeq,Route,route,Expires,x-Thing,l')
    let end = request.text(0, request.bytes.length).indexOf('\r\n') + 2
    for (let line = 0; line < request.headerCount; line++) {
      expect(request.headerLineSpan(line).start).toBe(end)
      end = request.headerLineSpan(line).end
    }
    expect(end).toBe(request.headersEnd)
    expect(request.text(request.headersEnd, request.bodyStart)).toBe('\r\n')
  })

  test('what is absent', () => {
    const bare = requestOf(
      'OPTIONS tel:1 SIP/2.0\nVia: SIP/2.0/UDP a\nFrom: sip:a@b\nTo: sip:c@d\nCall-ID: 1\nCSeq: 1 OPTIONS',
    )
    expect([bare.branch, bare.viaPort, bare.fromTag, bare.toTag, bare.hasToTag]).toEqual([
      '',
      0,
      '',
      '',
      false,
    ])
    expect([bare.maxForwards, bare.expires_s, bare.hasContentLength]).toEqual([null, null, false])
    expect([bare.uriScheme, bare.uriUser, bare.uriHost]).toEqual([SchemeId.Tel, '', ''])
  })
})

test('a method that nobody knows keeps its case, one that everybody knows too', () => {
  const lines = 'Via: SIP/2.0/UDP a\nFrom: sip:a@b\nTo: sip:c@d\nCall-ID: 1'
  expect(requestOf(`Other sip:a@b SIP/2.0\n${lines}\nCSeq: 1 Other`).method).toBe('Other')
  const lower = requestOf(`invite sip:a@b SIP/2.0\n${lines}\nCSeq: 1 invite`)
  expect([lower.methodId, lower.method, lower.cseqMethod]).toEqual([MethodId.Other, 'invite', 'invite'])
})

test('line ends of one byte', () => {
  const text =
    'OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP a\nFrom: sip:a@b\nTo: sip:c@d\nCall-ID: 1\nCSeq: 1 OPTIONS\n\nbody'
  const request = requestOf(Buffer.from(text))
  expect(request.problem).toBe(0)
  expect(request.headersEnd).toBe(text.indexOf('\n\n') + 1)
  expect(request.headerLineSpan(4).end).toBe(request.headersEnd)
  expect(request.text(request.bodyStart, request.bodyEnd)).toBe('body')
})

test('a response', () => {
  const response = responseOf(
    wireBytes(
      'SIP/2.0 486 Busy Here\nVia: SIP/2.0/UDP a\nFrom: sip:a@b\nTo: sip:c@d;tag=2\nCall-ID: 1\nCSeq: 2 INVITE',
    ),
  )
  expect([response.status, response.reason, response.cseqMethod, response.toTag]).toEqual([
    486,
    'Busy Here',
    'INVITE',
    '2',
  ])
})

test('bytes and text for people', () => {
  expect(utf8(wire('Müller €'))).toBe('Müller €')
  expect(utf8('\xff')).toBe('\ufffd')
})
