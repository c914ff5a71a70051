import { describe, expect, test } from 'bun:test'
import { parseSentBy, topViaEdit, viaValue, viaValues } from '../../src/sip/via.ts'
import { requestOf } from '../support/message.ts'

function requestVia(...vias: string[]) {
  return requestOf(
    `OPTIONS sip:b@example.com SIP/2.0
${vias.join('\n')}
From: <sip:a@example.com>;tag=1
To: <sip:b@example.com>
Call-ID: 1@example.com
CSeq: 1 OPTIONS`,
  )
}

/** The top Via line as it leaves, when the request came from that address. */
function edited(via: string, host: string, port: number): string {
  const request = requestVia(via)
  request.source = { host, port }
  const edit = topViaEdit(request)
  const value = request.headerValueSpan(0)
  if (edit === null) return request.headerValue(0)
  return request.text(value.start, edit.start) + edit.text + request.text(edit.end, value.end)
}

describe('received and rport (RFC 3261 section 18.2.1, RFC 3581 section 4)', () => {
  test.each([
    ['the address is the one in sent-by', 'SIP/2.0/UDP 192.0.2.1;branch=x', 'SIP/2.0/UDP 192.0.2.1;branch=x'],
    [
      'the address is another one',
      'SIP/2.0/UDP 10.1.1.1:4540;branch=x',
      'SIP/2.0/UDP 10.1.1.1:4540;branch=x;received=192.0.2.1',
    ],
    ['sent-by is a name', 'SIP/2.0/UDP phone;branch=x', 'SIP/2.0/UDP phone;branch=x;received=192.0.2.1'],
    [
      'the port is asked for',
      'SIP/2.0/UDP 10.1.1.1:4540;rport;branch=x',
      'SIP/2.0/UDP 10.1.1.1:4540;received=192.0.2.1;rport=9988;branch=x',
    ],
    [
      'the port is asked for, and the address is right',
      'SIP/2.0/UDP 192.0.2.1;branch=x;rport',
      'SIP/2.0/UDP 192.0.2.1;branch=x;received=192.0.2.1;rport=9988',
    ],
    [
      'a port is claimed',
      'SIP/2.0/UDP 192.0.2.1; RPORT = 1 ;branch=x',
      'SIP/2.0/UDP 192.0.2.1; received=192.0.2.1;rport=9988 ;branch=x',
    ],
    [
      'an address is claimed',
      'SIP/2.0/UDP 192.0.2.1;received=203.0.113.9;branch=x',
      'SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;branch=x',
    ],
    [
      'an address without a value',
      'SIP/2.0/UDP 192.0.2.1;received;branch=x',
      'SIP/2.0/UDP 192.0.2.1;received=192.0.2.1;branch=x',
    ],
    [
      'both are claimed',
      'SIP/2.0/UDP a;received=203.0.113.9;branch=x;rport=1;y',
      'SIP/2.0/UDP a;received=192.0.2.1;branch=x;rport=9988;y',
    ],
    [
      'both are claimed, the other way round',
      'SIP/2.0/UDP a;rport;branch=x;received;y',
      'SIP/2.0/UDP a;rport=9988;branch=x;received=192.0.2.1;y',
    ],
    [
      'only the topmost of several',
      'SIP/2.0/UDP a;branch=x , SIP/2.0/UDP b;rport;received=203.0.113.9',
      'SIP/2.0/UDP a;branch=x;received=192.0.2.1 , SIP/2.0/UDP b;rport;received=203.0.113.9',
    ],
    [
      'names within other names and quotes',
      'SIP/2.0/UDP 192.0.2.1;xrport;y=";rport;received=z";branch=x',
      'SIP/2.0/UDP 192.0.2.1;xrport;y=";rport;received=z";branch=x',
    ],
    [
      'folded everywhere',
      'SIP / 2.0\r\n / UDP\r\n a\r\n ;\r\n rport\r\n ;branch=x',
      'SIP / 2.0\r\n / UDP\r\n a\r\n ;\r\n received=192.0.2.1;rport=9988\r\n ;branch=x',
    ],
  ])('%s', (_, came, leaves) => {
    expect(edited(`Via: ${came}`, '192.0.2.1', 9988)).toBe(leaves)
  })

  test('IPv6: brackets in sent-by, none in received (section 25.1)', () => {
    expect(edited('Via: SIP/2.0/UDP [2001:db8::9:1];branch=x', '2001:db8::9:1', 5060)).toBe(
      'SIP/2.0/UDP [2001:db8::9:1];branch=x',
    )
    expect(edited('Via: SIP/2.0/UDP [2001:db8::9:1]:6050;rport;branch=x', '2001:db8::9:255', 6051)).toBe(
      'SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255;rport=6051;branch=x',
    )
    // RFC 5118 section 4.5: a received in brackets is accepted, but ours is put in its place.
    expect(
      edited('Via: SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=x', '2001:db8::9:255', 5060),
    ).toBe('SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=x')
  })

  test('nothing changes in a request of our own, nor in one without a Via value', () => {
    expect(topViaEdit(requestVia('Via: SIP/2.0/UDP a;rport;branch=x'))).toBeNull()
    const empty = requestVia('Via:')
    empty.source = { host: '192.0.2.1', port: 9988 }
    expect(topViaEdit(empty)?.end ?? empty.headerValueSpan(0).end).toBe(empty.headerValueSpan(0).end)
  })
})

describe('all values', () => {
  const request = requestVia(
    'Via: SIP/2.0/UDP one;branch=1 ,\r\n SIP/2.0/TCP two:5070;x="a,b";branch=2',
    'Subject: between',
    'v: SIP/2.0/UDP [2001:db8::1]:5080',
  )

  test('topmost first, over lines and commas, not more than asked for', () => {
    const values = [
      'SIP/2.0/UDP one;branch=1',
      'SIP/2.0/TCP two:5070;x="a,b";branch=2',
      'SIP/2.0/UDP [2001:db8::1]:5080',
    ]
    expect(viaValues(request, 70)).toEqual(values)
    expect(viaValues(request, 2)).toEqual(values.slice(0, 2))
  })

  test.each([
    ['SIP/2.0/UDP one;branch=1', { host: 'one', port: 0, branch: '1' }],
    ['SIP/2.0/TCP two:5070;x="a,b";branch=2', { host: 'two', port: 5070, branch: '2' }],
    ['SIP/2.0/UDP [2001:db8::1]:5080', { host: '[2001:db8::1]', port: 5080, branch: '' }],
    [
      'SIP / 2.0 / UDP  192.168.255.111  ; branch=\r\n z9hG4bK30239',
      { host: '192.168.255.111', port: 0, branch: 'z9hG4bK30239' },
    ],
    ['sip/2.0/udp a : 5 ;BRANCH = x;y', { host: 'a', port: 5, branch: 'x' }],
  ])('%p', (value, sentBy) => {
    expect(parseSentBy(value)).toEqual(sentBy)
  })

  test.each(['', 'SIP/2.0/UDP', 'SIP/3.0/UDP a', 'HTTP/1.1/UDP a', 'SIP/2.0 a'])('%p is none', (value) => {
    expect(parseSentBy(value)).toBeNull()
  })

  test('what we write is read back', () => {
    expect(viaValue('udp', '2001:db8::1', 5060, 'z9hG4bKx')).toBe(
      'SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKx',
    )
    expect(parseSentBy(viaValue('tcp', '192.0.2.1', 5070, 'z9hG4bKx'))).toEqual({
      host: '192.0.2.1',
      port: 5070,
      branch: 'z9hG4bKx',
    })
  })
})
