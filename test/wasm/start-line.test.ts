// Request-Line and Status-Line: what RFC 4475 does to them.

import { describe, expect, test } from 'bun:test'
import { Field, MethodId } from '../../wasm/layout.ts'
import { request, response, Scanned } from './message.ts'

describe('start line', () => {
  test.each([
    ['NotSip', ''],
    ['NotSip', 'OPTIONS'],
    ['NotSip', 'GET / HTTP/1.1'],
    ['NotSip', 'OPTIONS sip:a SIP'],
    ['NotSip', 'OPTIONS sip:a'],
    ['NotSip', '\0\0\0\0'],
    ['StartLine', 'OPTIONS  sip:a SIP/2.0'],
    ['StartLine', 'OPTIONS sip:a  SIP/2.0'],
    ['StartLine', 'OPTIONS sip:a SIP/2.0  '],
    ['StartLine', ' OPTIONS sip:a SIP/2.0'],
    ['StartLine', 'OPTIONS\tsip:a SIP/2.0'],
    ['StartLine', 'OPT{IONS sip:a SIP/2.0'],
    ['StartLine', 'OPTIONS sip:a SIP/2'],
    ['StartLine', 'OPTIONS sip:a SIP/two.0'],
    ['StartLine', 'OPTIONS SIP/2.0'],
    ['StartLine', 'SIP/2.0 99 Too small'],
    ['StartLine', 'SIP/2.0 700 Too large'],
    ['StartLine', 'SIP/2.0 4294967301 better not break the receiver'],
    ['StartLine', 'SIP/2.0 0200 OK'],
    ['StartLine', 'SIP/2.0 200OK'],
    ['StartLine', 'SIP/2.0'],
    ['Version', 'OPTIONS sip:a SIP/7.0'],
    ['Version', 'OPTIONS sip:a SIP/2.01'],
    ['Version', 'SIP/3.0 200 OK'],
    ['Ok', 'OPTIONS sip:a sip/2.0'],
    ['Ok', 'SIP/2.0 200 OK'],
  ] as const)('%s: %j', (problem, line) => {
    expect(new Scanned(request({}, line)).problem).toBe(problem)
  })

  test.each([
    ['SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe', 200, '= 2**3 * 5**2 \xd0\xbd\xd0\xbe'],
    ['SIP/2.0 100 ', 100, ''],
    ['SIP/2.0 100', 100, ''],
    ['SIP/2.0 699 x', 699, 'x'],
  ] as const)('%j', (line, status, reason) => {
    const scanned = new Scanned(response(line))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.field(Field.StatusCode)).toBe(status)
    expect(scanned.field(Field.MethodId)).toBe(0)
    expect(scanned.span(Field.MethodStart)).toBe(reason)
  })

  test('methods are case-sensitive', () => {
    expect(new Scanned(request({ CSeq: '1 invite' })).methodId).toBe('Other')
    expect(new Scanned(request({ CSeq: '1 INVITE' })).methodId).toBe('INVITE')
  })

  test.each(Object.keys(MethodId).filter((name) => name !== 'Other' && Number.isNaN(Number(name))))(
    '%s',
    (method) => {
      const scanned = new Scanned(request({ CSeq: `1 ${method}` }))
      expect([scanned.problem, scanned.methodId, MethodId[scanned.field(Field.CSeqMethodId)]]).toEqual([
        'Ok',
        method,
        method,
      ])
    },
  )
})
