import { describe, expect, test } from 'bun:test'
import { bareHost, hostText } from '../../src/sip/host.ts'
import {
  canonicalUri,
  parseUri,
  resolveEscapes,
  type SipUri,
  sameUri,
  uriTransport,
} from '../../src/sip/uri.ts'

function uri(text: string): SipUri {
  const parsed = parseUri(text)
  if (parsed === null) throw new Error(`no URI: ${text}`)
  return parsed
}

describe('the parts of a URI (RFC 3261 section 19.1.1)', () => {
  test('all of them', () => {
    const parsed = uri('SIPS:alice:secret@[2001:DB8::0:1]:5061;Transport=TLS;lr?Subject=x&To=y')
    expect({ ...parsed, params: [...parsed.params] }).toEqual({
      scheme: 'sips',
      user: 'alice',
      password: 'secret',
      host: '[2001:db8::1]',
      port: 5061,
      params: [
        ['transport', 'TLS'],
        ['lr', ''],
      ],
      headers: 'Subject=x&To=y',
    })
    expect(uriTransport(parsed)).toBe('tls')
  })

  test('a user may hold what ends other parts', () => {
    const parsed = uri("sip:1_unusual~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1@example.com")
    expect(parsed.user).toBe("1_unusual~(to-be!sure)&isn't+it$/crazy?,/;;*")
    expect(parsed.password).toBe('&it+has=1')
    expect(parsed.host).toBe('example.com')
  })

  test('of a parameter that is there twice the first counts, and none is a property of objects', () => {
    const { params } = uri('sip:a@b;x=1;x=2;__proto__=3')
    expect(params.get('x')).toBe('1')
    expect(params.get('__proto__')).toBe('3')
    expect(params.get('toString')).toBeUndefined()
  })

  test.each([
    'tel:+15551234',
    'sip:',
    'sip:a@',
    'sip:a@b@c',
    'sip:a@b:',
    'sip:a@b:0',
    'sip:a@b:65536',
    'sip:a@b:5060x',
    'sip:a@[::1',
    'sip:a@[::1::2]',
    'sip:a@[12345::]',
    'sip:a@b c',
    'sip:a @b',
    ' sip:a@b',
    'sip:a@b ',
    'sip:a@b\r\nVia: x',
    'sip:a@b;x=\r\n',
    'sip:a\u0000@b',
    'sip:a@b;x=<y>',
    '<sip:a@b>',
    'sip:"a"@b',
    'sip:a@b?x?y z',
  ])('%p is none', (text) => {
    expect(parseUri(text)).toBeNull()
  })
})

/** The examples of section 19.1.4 under which both are equal. */
const EQUAL = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  // RFC 5954 section 4.2.
  ['sip:bob@[2001:db8::9:1]', 'sip:bob@[2001:DB8:0:0:0:0:9:01]'],
  ['sip:%e2%82%ac@example.com', 'sip:%E2%82%AC@example.com'],
  ['sip:\xe2\x82\xac@example.com', 'sip:%E2%82%AC@example.com'],
  ['sip:#21@example.com', 'sip:%2321@example.com'],
  ['sip:a@example.com;LR=', 'sip:a@example.com;lr'],
] as const

/** Those under which they differ, and what follows from the rules. */
const DIFFERENT = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
  ['sip:a@example.com', 'sips:a@example.com'],
  ['sip:a@example.com;user=phone', 'sip:a@example.com'],
  ['sip:a@example.com;ttl=1', 'sip:a@example.com'],
  ['sip:a@example.com;method=INVITE', 'sip:a@example.com'],
  ['sip:a@example.com;maddr=192.0.2.1', 'sip:a@example.com'],
  ['sip:a:one@example.com', 'sip:a:two@example.com'],
  ['sip:a:one@example.com', 'sip:a@example.com'],
  // A reserved character is another one than its escape.
  ['sip:a;b@example.com', 'sip:a%3Bb@example.com'],
  ['sip:a%25%36%31@example.com', 'sip:aa@example.com'],
  // An escaped ampersand ends no header.
  ['sip:a@example.com?x=1%26y=2', 'sip:a@example.com?x=1&y=2'],
] as const

describe('equality (section 19.1.4)', () => {
  test.each(EQUAL)('%s and %s are the same', (one, other) => {
    expect(sameUri(uri(one), uri(other))).toBe(true)
    expect(sameUri(uri(other), uri(one))).toBe(true)
  })

  test.each(DIFFERENT)('%s and %s are not', (one, other) => {
    expect(sameUri(uri(one), uri(other))).toBe(false)
    expect(sameUri(uri(other), uri(one))).toBe(false)
    expect(canonicalUri(uri(one))).not.toBe(canonicalUri(uri(other)))
  })

  test('equal texts mean equal URIs, and the text of a text is itself', () => {
    const all = [...EQUAL, ...DIFFERENT].flat().map(uri)
    for (const one of all) {
      for (const other of all) {
        if (canonicalUri(one) === canonicalUri(other)) expect(sameUri(one, other)).toBe(true)
      }
      expect(canonicalUri(uri(canonicalUri(one)))).toBe(canonicalUri(one))
    }
  })

  test('the text levels case, escapes and the order of parameters', () => {
    expect(canonicalUri(uri('SIP:%61:p%3a@EXAMPLE.com:5070;Z=1;Transport=TCP;a?B=2&a=1'))).toBe(
      'sip:a:p%3A@example.com:5070;a;transport=tcp;z=1?a=1&b=2',
    )
  })

  test('the text is printable, whatever was escaped', () => {
    expect(canonicalUri(uri('sip:a%0d%0aVia:%00@example.com;x=%0a'))).toBe(
      'sip:a%0D%0AVia:%00@example.com;x=%0a',
    )
  })
})

test('escapes are resolved once, and only whole ones', () => {
  expect(resolveEscapes('%61%2541%zz%4')).toBe('a%41%zz%4')
})

test('hosts with and without brackets', () => {
  expect(hostText('::1')).toBe('[::1]')
  expect(hostText('[::1]')).toBe('[::1]')
  expect(hostText('192.0.2.1')).toBe('192.0.2.1')
  expect(bareHost('[::1]')).toBe('::1')
  expect(bareHost('example.com')).toBe('example.com')
})
