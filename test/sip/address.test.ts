import { describe, expect, test } from 'bun:test'
import { parseAddress } from '../../src/sip/address.ts'
import { wire } from '../../src/sip/message.ts'

describe('name-addr and addr-spec (RFC 3261 section 20.10)', () => {
  test.each([
    ['sip:a@b', '', 'sip:a@b', {}],
    ['<sip:a@b>', '', 'sip:a@b', {}],
    ['sip:a@b;tag=1', '', 'sip:a@b', { tag: '1' }],
    ['<sip:a@b;transport=tcp>;tag=1', '', 'sip:a@b;transport=tcp', { tag: '1' }],
    ['"Bob <the> \\"b\\"" <sip:b@c>;q=0.5', 'Bob <the> "b"', 'sip:b@c', { q: '0.5' }],
    ['Two Words <sip:a@b>', 'Two Words', 'sip:a@b', {}],
    ['  "x"<sip:a@b>  ', 'x', 'sip:a@b', {}],
    ['"folded\r\n name" <sip:a@b>\r\n ;\r\n  tag = 98', 'folded name', 'sip:a@b', { tag: '98' }],
    ['< sip:a@b >', '', 'sip:a@b', {}],
    ['<sip:a@b?x=y,z>', '', 'sip:a@b?x=y,z', {}],
    ['*', '', '*', {}],
    [`${wire('"à"')}<sip:a@b>`, wire('à'), 'sip:a@b', {}],
  ])('%p', (text, displayName, uri, params) => {
    const address = parseAddress(text)
    expect(address).not.toBeNull()
    expect(address?.displayName).toBe(displayName)
    expect(address?.uri).toBe(uri)
    expect([...(address?.params ?? [])]).toEqual(Object.entries(params))
  })

  test.each([
    ['', 'nothing'],
    ['<>', 'no URI'],
    ['<sip:a@b', 'a bracket that never closes'],
    ['"Mr. J. User <sip:j.user@example.com>', 'a quote that never closes'],
    ['sip:a@b?x=y', 'a bare URI with a question mark'],
    ['sip:a@b,c', 'a bare URI with a comma'],
    ['sip:a b', 'a bare URI with white space'],
    ['Bell, Alexander <sip:a.g.bell@example.com>', null],
    ['<sip:a@b\r\n Via: x>', 'a line end in the URI'],
    ['<sip:a\u0000@b>', 'a control character in the URI'],
    ['<sip:a@b <c>', 'a bracket in the URI'],
    ['<sip:a@b>;;', 'a parameter without a name'],
    ['<sip:a@b> x', 'text after the URI'],
    ['<sip:a@b>, <sip:c@d>', 'two values'],
  ])('%p: %s', (text, why) => {
    // A display name without quotes may not hold a comma either, but only a list has to mind it.
    expect(parseAddress(text) === null).toBe(why !== null)
  })

  test('whatever comes in, no line end comes out of URI, name or tag', () => {
    const hostile = '"a\r\n b\\\r\n c" <sip:x@y>;tag="1\r\n 2"'
    const address = parseAddress(hostile)
    expect(
      address === null || !/[\r\n]/.test(`${address.displayName}${[...address.params].flat().join()}`),
    ).toBe(true)
  })
})
