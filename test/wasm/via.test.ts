// The topmost Via value: its fields, and what breaks it.

import { describe, expect, test } from 'bun:test'
import { Field } from '../../wasm/layout.ts'
import { request, Scanned } from './message.ts'

describe('Via', () => {
  test.each([
    // value, first value, transport, host, port, branch, rport, received
    ['SIP/2.0/UDP a.example', 'SIP/2.0/UDP a.example', 'UDP', 'a.example', 0, '', '', ''],
    [
      'SIP  / 2.0\r\n /TCP  a.example  : 5070 ;\r\n  branch  =  z9,x',
      'SIP  / 2.0\r\n /TCP  a.example  : 5070 ;\r\n  branch  =  z9',
      'TCP',
      'a.example',
      5070,
      'z9',
      '',
      '',
    ],
    [
      'SIP/2.0/UDP a;branch=z1 , SIP/2.0/TCP b;branch=z2',
      'SIP/2.0/UDP a;branch=z1',
      'UDP',
      'a',
      0,
      'z1',
      '',
      '',
    ],
    [
      'SIP/2.0/UDP a;x="1,2;\\"3";branch=z1',
      'SIP/2.0/UDP a;x="1,2;\\"3";branch=z1',
      'UDP',
      'a',
      0,
      'z1',
      '',
      '',
    ],
    [
      'SIP/2.0/TLS-SCTP [2001:db8::9]:5061;BRANCH=z;RPORT=7;Received=[2001:db8::8]',
      'SIP/2.0/TLS-SCTP [2001:db8::9]:5061;BRANCH=z;RPORT=7;Received=[2001:db8::8]',
      'TLS-SCTP',
      '[2001:db8::9]',
      5061,
      'z',
      'RPORT=7',
      '[2001:db8::8]',
    ],
    [
      'SIP/2.0/UDP [2001:db8::9];received=2001:db8::8;branch=a/b+c==',
      'SIP/2.0/UDP [2001:db8::9];received=2001:db8::8;branch=a/b+c==',
      'UDP',
      '[2001:db8::9]',
      0,
      'a/b+c==',
      '',
      '2001:db8::8',
    ],
    [
      'SIP/2.0/UNKNOWN my_host;rport;branch=one;branch=two',
      'SIP/2.0/UNKNOWN my_host;rport;branch=one;branch=two',
      'UNKNOWN',
      'my_host',
      0,
      'one',
      'rport',
      '',
    ],
  ] as const)('%j', (value, first, transport, host, port, branch, rport, received) => {
    const scanned = new Scanned(request({ Via: value }))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.span(Field.ViaStart)).toBe(first)
    expect(scanned.span(Field.ViaTransportStart)).toBe(transport)
    expect(scanned.span(Field.ViaHostStart)).toBe(host)
    expect(scanned.field(Field.ViaPort)).toBe(port)
    expect(scanned.span(Field.BranchStart)).toBe(branch)
    expect(scanned.span(Field.RportStart)).toBe(rport)
    expect(scanned.span(Field.ReceivedStart)).toBe(received)
  })

  test('the first of several headers is the topmost', () => {
    const scanned = new Scanned(request({ Via: 'SIP/2.0/UDP a;branch=z1', v: 'SIP/2.0/UDP b;branch=z2' }))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.span(Field.ViaHostStart)).toBe('a')
  })

  test.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0 a',
    'SIP/2.0/UDP a;;,;,,',
    'SIP/2.0/UDP a;',
    'SIP/2.0/UDP a;branch=',
    'SIP/2.0/UDP a;=z9',
    'SIP/2.0/UDP a b',
    'SIP/2.0/UDP a:x',
    'SIP/2.0/UDP a:65536',
    'SIP/2.0/UDP [2001:db8::9',
    'SIP/2.0/UDP 2001:db8::9',
    'SIP/2.0/UDP a;x="y',
    'SIP/2.0/UDP <a>',
    ', SIP/2.0/UDP a',
  ])('broken: %j', (value) => {
    const scanned = new Scanned(request({ Via: value }))
    expect(scanned.problem).toBe('Via')
    expect(scanned.span(Field.CallIdStart)).toBe('c1@192.0.2.1')
  })
})
