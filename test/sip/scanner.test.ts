// The edge to the WASM scanner: every field of a message, and how long an index lives.

import { expect, test } from 'bun:test'
import { keep, scan } from '../../src/sip/scanner.ts'
import { FIELDS, Field, HEADER_FIELDS, MethodId, NONE, SchemeId } from '../../wasm/layout.ts'
import { request, response, Scanned } from '../wasm/message.ts'

const REGISTER = request(
  {
    Via: 'SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bK-77-1;received=198.51.100.7',
    From: '"Alice" <sip:101@example.com>;tag=a1b2',
    To: '<sip:101@example.com>',
    CSeq: '70001 REGISTER',
    Contact: '<sip:101@192.0.2.10:5062>',
    Expires: '3600',
    'Content-Length': '3',
  },
  'REGISTER sip:example.com:5070;transport=udp SIP/2.0',
)

test('every field of a REGISTER', () => {
  const scanned = new Scanned(`${REGISTER}abcd`)
  expect(scanned.problem).toBe('Ok')
  expect(scanned.methodId).toBe('REGISTER')
  expect(scanned.span(Field.MethodStart)).toBe('REGISTER')
  expect(scanned.field(Field.StatusCode)).toBe(0)
  expect(scanned.span(Field.UriStart)).toBe('sip:example.com:5070;transport=udp')
  expect(scanned.field(Field.UriScheme)).toBe(SchemeId.Sip)
  expect(scanned.span(Field.UriUserStart)).toBe('')
  expect(scanned.span(Field.UriHostStart)).toBe('example.com')
  expect(scanned.field(Field.UriPort)).toBe(5070)
  expect(
    scanned.bytes.toString('latin1', scanned.field(Field.UriParamsStart), scanned.field(Field.UriEnd)),
  ).toBe(';transport=udp')
  expect(scanned.span(Field.ViaStart)).toBe(
    'SIP/2.0/UDP 192.0.2.10:5062;rport;branch=z9hG4bK-77-1;received=198.51.100.7',
  )
  expect(scanned.span(Field.ViaTransportStart)).toBe('UDP')
  expect(scanned.span(Field.ViaHostStart)).toBe('192.0.2.10')
  expect(scanned.field(Field.ViaPort)).toBe(5062)
  expect(scanned.span(Field.BranchStart)).toBe('z9hG4bK-77-1')
  expect(scanned.span(Field.RportStart)).toBe('rport')
  expect(scanned.span(Field.ReceivedStart)).toBe('198.51.100.7')
  expect(scanned.span(Field.FromUriStart)).toBe('sip:101@example.com')
  expect(scanned.span(Field.FromTagStart)).toBe('a1b2')
  expect(scanned.span(Field.ToUriStart)).toBe('sip:101@example.com')
  expect(scanned.span(Field.ToTagStart)).toBe('')
  expect(scanned.field(Field.ToTagEnd)).toBe(0)
  expect(scanned.span(Field.CallIdStart)).toBe('c1@192.0.2.1')
  expect(scanned.number(Field.CSeqHigh)).toBe(70001)
  expect(scanned.span(Field.CSeqMethodStart)).toBe('REGISTER')
  expect(scanned.field(Field.CSeqMethodId)).toBe(MethodId.REGISTER)
  expect(scanned.field(Field.MaxForwards)).toBe(70)
  expect(scanned.field(Field.ContentLength)).toBe(3)
  expect(scanned.field(Field.HasExpires)).toBe(1)
  expect(scanned.number(Field.ExpiresHigh)).toBe(3600)
  expect(scanned.span(Field.BodyStart)).toBe('abc')
  const places = [
    Field.FirstVia,
    Field.MaxForwardsHeader,
    Field.FromHeader,
    Field.ToHeader,
    Field.CallIdHeader,
  ]
  expect(places.map((place) => scanned.field(place))).toEqual([1, 2, 3, 4, 5])
  const more = [Field.CSeqHeader, Field.FirstContact, Field.ExpiresHeader, Field.ContentLengthHeader]
  expect(more.map((place) => scanned.field(place))).toEqual([6, 7, 8, 9])
})

test('what is absent says so, whatever the message before had', () => {
  new Scanned(REGISTER)
  const scanned = new Scanned(request({ 'Max-Forwards': null }))
  expect(scanned.problem).toBe('Ok')
  expect(scanned.field(Field.MaxForwards)).toBe(NONE)
  expect(scanned.field(Field.ContentLength)).toBe(NONE)
  const absent = [Field.HasExpires, Field.FirstContact, Field.FirstRoute, Field.RportEnd, Field.ReceivedEnd]
  expect(absent.map((field) => scanned.field(field))).toEqual([0, 0, 0, 0, 0])
  expect(scanned.span(Field.BodyStart)).toBe('')
})

test('the index is live, and kept only as far as it is used', () => {
  const first = scan(Buffer.from(REGISTER))
  const kept = keep(first)
  expect(kept.length).toBe(FIELDS + 9 * HEADER_FIELDS)
  scan(Buffer.from(response('SIP/2.0 404 Not Found')))
  expect(first[Field.StatusCode]).toBe(404)
  expect(kept[Field.StatusCode]).toBe(0)
})
