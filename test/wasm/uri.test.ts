// The Request-URI and its parts (RFC 3261 section 19.1, RFC 5118 section 4).

import { describe, expect, test } from 'bun:test'
import { Field, SchemeId } from '../../wasm/layout.ts'
import { request, Scanned } from './message.ts'

describe('Request-URI', () => {
  const METHOD = "!unusual-Method0123456789_*+`.%here'~"
  test.each([
    // URI, scheme, user, host, port, params
    ['sip:102@example.com', 'Sip', '102', 'example.com', 0, ''],
    [
      'SIPS:alice:secret@example.com:5061;lr?Subject=x',
      'Sips',
      'alice',
      'example.com',
      5061,
      ';lr?Subject=x',
    ],
    ['sip:user;par=u%40example.net@example.com', 'Sip', 'user;par=u%40example.net', 'example.com', 0, ''],
    [
      'sip:odd.~(x!y)&it+has$/a?,/;;*:&p=1,w!*$@example.com',
      'Sip',
      'odd.~(x!y)&it+has$/a?,/;;*',
      'example.com',
      0,
      '',
    ],
    ['sip:sips%3Auser%40example.com@example.net', 'Sip', 'sips%3Auser%40example.com', 'example.net', 0, ''],
    ['sip:nul-%00-nul@example.com', 'Sip', 'nul-%00-nul', 'example.com', 0, ''],
    ['sip:#21#@example.com', 'Sip', '#21#', 'example.com', 0, ''],
    ['sip:[2001:db8::10]', 'Sip', '', '[2001:db8::10]', 0, ''],
    ['sip:102@[2001:db8::10]:5070;x', 'Sip', '102', '[2001:db8::10]', 5070, ';x'],
    ['sip:[2001:db8::10:5070]', 'Sip', '', '[2001:db8::10:5070]', 0, ''],
    ['sip:[::ffff:192.0.2.10]', 'Sip', '', '[::ffff:192.0.2.10]', 0, ''],
    ['sip:example.com?Route=%3Csip:a%3E', 'Sip', '', 'example.com', 0, ''],
    ['tel:+1-201-555-0123;phone-context=x', 'Tel', '', '', 0, ''],
    ['soap.beep://192.0.2.103:3002', 'Other', '', '', 0, ''],
    ['nobodyKnowsThisScheme:totallyopaque', 'Other', '', '', 0, ''],
  ] as const)('%s', (uri, scheme, user, host, port, params) => {
    const scanned = new Scanned(request({ CSeq: `1 ${METHOD}` }, `${METHOD} ${uri} SIP/2.0`))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.methodId).toBe('Other')
    expect(scanned.span(Field.MethodStart)).toBe(METHOD)
    expect(scanned.span(Field.UriStart)).toBe(uri)
    expect(SchemeId[scanned.field(Field.UriScheme)]).toBe(scheme)
    expect(scanned.span(Field.UriUserStart)).toBe(user)
    expect(scanned.span(Field.UriHostStart)).toBe(host)
    expect(scanned.field(Field.UriPort)).toBe(port)
    const paramsStart = scanned.field(Field.UriParamsStart)
    if (host !== '')
      expect(scanned.bytes.toString('latin1', paramsStart, scanned.field(Field.UriEnd))).toBe(params)
  })

  test.each([
    '<sip:102@example.com>',
    'sip:102@example.com; lr',
    'sip:102@exa\tmple.com',
    'sip:',
    'sip:@example.com',
    'sip:102@',
    '102',
    ':102',
    '5ip:102@example.com',
    'sip:2001:db8::10',
    'sip:[2001:db8::10',
    'sip:[]',
    'sip:a@[2001:db8::10]x',
    'sip:102@example.com:65536',
    'sip:102@example.com:',
    'sip:10%2@example.com',
    'sip:10%2g2@example.com',
    'sip:1"02@example.com',
    'sip:102@b@c',
    'sip:102@exa\x01mple.com',
  ])('broken: %j', (uri) => {
    const scanned = new Scanned(request({}, `OPTIONS ${uri} SIP/2.0`))
    expect(scanned.problem).toBe('RequestUri')
    expect(scanned.span(Field.UriStart)).toBe(uri)
    expect(scanned.span(Field.CallIdStart)).toBe('c1@192.0.2.1')
  })
})
