// Call-ID, CSeq, Max-Forwards, Content-Length, Expires: ranges, and what is no number.

import { describe, expect, test } from 'bun:test'
import { Field } from '../../wasm/layout.ts'
import { request, response, Scanned } from './message.ts'

describe('numbers and identifiers', () => {
  test.each([
    ['Ok', 'CSeq', '0009\r\n  OPTIONS'],
    ['Ok', 'CSeq', '4294967295 OPTIONS'],
    ['CSeq', 'CSeq', '4294967296 OPTIONS'],
    ['CSeq', 'CSeq', '36893488147419103232 OPTIONS'],
    ['CSeq', 'CSeq', '-1 OPTIONS'],
    ['CSeq', 'CSeq', '1'],
    ['CSeq', 'CSeq', '1OPTIONS'],
    ['CSeq', 'CSeq', 'OPTIONS'],
    ['CSeq', 'CSeq', '1 OPTIONS x'],
    ['CSeqMethod', 'CSeq', '1 INVITE'],
    ['CSeqMethod', 'CSeq', '1 options'],
    ['CSeqMethod', 'CSeq', '1 OPTION'],
    ['Ok', 'Max-Forwards', '0'],
    ['Ok', 'Max-Forwards', '0068'],
    ['Ok', 'Max-Forwards', '255'],
    ['MaxForwards', 'Max-Forwards', '256'],
    ['MaxForwards', 'Max-Forwards', '300'],
    ['MaxForwards', 'Max-Forwards', '-1'],
    ['MaxForwards', 'Max-Forwards', ''],
    ['Ok', 'Content-Length', '0'],
    ['ContentLength', 'Content-Length', '-999'],
    ['ContentLength', 'Content-Length', 'x'],
    ['ContentLength', 'Content-Length', '65535'],
    ['ContentLength', 'Content-Length', '18446744073709551616'],
    ['BodyShort', 'Content-Length', '9999'],
    ['Ok', 'Call-ID', 'odd.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{'],
    ['CallId', 'Call-ID', ''],
    ['CallId', 'Call-ID', 'two words'],
    ['CallId', 'Call-ID', 'nul\0'],
  ] as const)('%s: %s: %j', (problem, name, value) => {
    const line = 'OPTIONS sip:102@example.com SIP/2.0'
    expect(new Scanned(request({ [name]: value }, line)).problem).toBe(problem)
  })

  test('a response may name any method', () => {
    expect(new Scanned(response('SIP/2.0 200 OK', { CSeq: '1 WHATEVER' })).problem).toBe('Ok')
    expect(new Scanned(response('SIP/2.0 200 OK', { CSeq: '9292394834772304023312 OPTIONS' })).problem).toBe(
      'CSeq',
    )
  })

  test.each([
    ['7', 1, 7],
    ['4294967295', 1, 4294967295],
    ['10000000000000', 1, 4294967295],
    ['never', 0, 0],
    ['-1', 0, 0],
    ['', 0, 0],
  ] as const)('Expires: %j', (value, present, seconds) => {
    const scanned = new Scanned(request({ Expires: value }))
    expect(scanned.problem).toBe('Ok')
    expect([scanned.field(Field.HasExpires), scanned.number(Field.ExpiresHigh)]).toEqual([present, seconds])
  })
})
