// From and To: display names of all kinds, quoted ones that look like something else, tags.

import { describe, expect, test } from 'bun:test'
import { Field } from '../../wasm/layout.ts'
import { request, Scanned } from './message.ts'

describe.each([
  ['From', Field.FromUriStart, Field.FromTagStart],
  ['To', Field.ToUriStart, Field.ToTagStart],
] as const)('%s', (name, uriField, tagField) => {
  test.each([
    ['sip:101@example.com', 'sip:101@example.com', ''],
    ['sip:101@example.com;tag=t', 'sip:101@example.com', 't'],
    ['\r\n sip:101@example.com ;   tag    = 1918181833n', 'sip:101@example.com', '1918181833n'],
    ['<sip:101@example.com;x=y?z=1>;tag=t', 'sip:101@example.com;x=y?z=1', 't'],
    ['"J \\\\\\"" <sip:101@example.com>\r\n  ;\r\n  tag = 98asjd8', 'sip:101@example.com', '98asjd8'],
    ['"Bell, A; <x@y>" <sip:101@example.com>;q="a;tag=no";TAG=yes', 'sip:101@example.com', 'yes'],
    ['caller<sip:101@example.com>;tag=323', 'sip:101@example.com', '323'],
    ['Anne  van der Berg <sip:101@[2001:db8::1]>;tag=a/b==', 'sip:101@[2001:db8::1]', 'a/b=='],
    ['M\xc3\xbcller (office) <sip:101@example.com>', 'sip:101@example.com', ''],
    ['"\0nul" <sip:n%00l@example.com>;lone', 'sip:n%00l@example.com', ''],
    ['isbn:2983792873', 'isbn:2983792873', ''],
    ['<http://www.example.com>;tag=3234233', 'http://www.example.com', '3234233'],
    ['<tel:+12015550123>;tag=one;tag=two', 'tel:+12015550123', 'one'],
  ] as const)('%j', (value, uri, tag) => {
    const scanned = new Scanned(request({ [name]: value }))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.span(uriField)).toBe(uri)
    expect(scanned.span(tagField)).toBe(tag)
  })

  test.each([
    '',
    '"Mr. J. User <sip:101@example.com>',
    '"J" sip:101@example.com',
    'Bell, Alexander <sip:101@example.com>;tag=43',
    '"W" < sip:101@example.com >',
    '<sip:101@example.com',
    '<>',
    '<101>',
    '101',
    'sip:101@example.com, sip:102@example.com',
    'sip:101@example.com?Subject=x',
    '<sip:101@example.com>;',
    '<sip:101@example.com>;;tag=x',
    '<sip:101@example.com>;tag=',
    '<sip:101@example.com> tag=x',
    'sip:101@example.com tag=x',
  ])('broken: %j', (value) => {
    const scanned = new Scanned(request({ [name]: value }))
    expect(scanned.problem).toBe(name)
    expect(scanned.span(Field.CallIdStart)).toBe('c1@192.0.2.1')
  })
})
