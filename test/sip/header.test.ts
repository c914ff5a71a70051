import { describe, expect, test } from 'bun:test'
import {
  listEnds,
  lowerCase,
  oneLine,
  parseParams,
  parseSeconds,
  quote,
  splitList,
  trimSpace,
  unquote,
} from '../../src/sip/header.ts'
import { utf8, wire } from '../../src/sip/message.ts'

describe('lists (RFC 3261 section 7.3.1)', () => {
  test.each([
    ['', []],
    ['  ', []],
    ['one', ['one']],
    ['one,two', ['one', 'two']],
    [' one ,\r\n two ', ['one', 'two']],
    ['"Bell, A." <sip:a@b>, <sip:c,d@e>;q=0.5', ['"Bell, A." <sip:a@b>', '<sip:c,d@e>;q=0.5']],
    ['"escaped \\", still" <sip:a@b>,x', ['"escaped \\", still" <sip:a@b>', 'x']],
    [',,one,,', ['one']],
    ['"never closed, <sip:a@b>', ['"never closed, <sip:a@b>']],
    ['<never closed, b', ['<never closed, b']],
    ['<sip:a"@b>, <sip:c"@d>', ['<sip:a"@b>', '<sip:c"@d>']],
  ])('%p', (text, values) => {
    expect(splitList(text)).toEqual(values)
  })

  test('the ends are offsets of commas, and of the end', () => {
    expect(listEnds('a,"b,",c')).toEqual([1, 6, 8])
  })
})

describe('parameters', () => {
  test.each([
    ['', {}],
    [';lr', { lr: '' }],
    [';Expires=3600;Q=0.5', { expires: '3600', q: '0.5' }],
    [' ; tag = abc ;\r\n x = "a;b, \\"c\\"" ', { tag: 'abc', x: 'a;b, "c"' }],
    [';+sip.instance="<urn:uuid:1>"', { '+sip.instance': '<urn:uuid:1>' }],
    [';__proto__=1;constructor=2', { ['__proto__']: '1', constructor: '2' }],
    [';host=[2001:db8::1]', { host: '[2001:db8::1]' }],
  ])('%p', (text, expected) => {
    expect([...(parseParams(text) ?? [])]).toEqual(Object.entries(expected))
  })

  test.each([
    [';a;a', 'a name twice'],
    [';a;A', 'a name twice, in another case'],
    [';', 'no name'],
    [';;', 'no name'],
    [';=x', 'no name'],
    [';a=', 'no value'],
    [';a="x', 'a quote that never closes'],
    ['a', 'no semicolon'],
    [';a,b', 'a comma'],
    [';a=\u0000', 'a control character'],
    [';a=b c', 'two words'],
  ])('%p is refused: %s', (text) => {
    expect(parseParams(text)).toBeNull()
  })
})

describe('text', () => {
  test('bytes of UTF-8 that JavaScript takes for white space or for capitals stay as they are', () => {
    const grave = wire(' à ')
    expect(trimSpace(grave)).toBe(wire('à'))
    expect(utf8(trimSpace(wire('À à')))).toBe('À à')
    expect(lowerCase(wire('ÀBC'))).toBe(wire('Àbc'))
    expect(lowerCase('ABC-Def')).toBe('abc-def')
    expect(parseParams(`;name=${wire('à')}`)?.get('name')).toBe(wire('à'))
    expect(splitList(wire('x,à'))).toEqual(['x', wire('à')])
  })

  test.each([
    ['"a"', 'a'],
    ['"a \\"b\\" \\\\"', 'a "b" \\'],
    ['"', '"'],
    ['""', ''],
    ['plain', 'plain'],
    ['"folded\r\n  text"', 'folded text'],
    ['two\r\n\twords', 'two words'],
  ])('unquote %p', (quoted, text) => {
    expect(unquote(quoted)).toBe(text)
  })

  test('nothing that is quoted can end a line', () => {
    const hostile = 'a"b\\c\r\nVia: x\u0000\u007f\u010a\u{1f600}'
    const quoted = quote(hostile)
    expect(quoted).toBe('"a\\"b\\\\c  Via: x  ??"')
    expect(Buffer.from(quoted, 'latin1').includes(0x0a)).toBe(false)
    expect(quote(wire('Müller'))).toBe(`"${wire('Müller')}"`)
  })

  test('what was quoted is read back', () => {
    for (const text of ['', 'a', '"', '\\', 'a "b" \\ c', wire('àé')]) expect(unquote(quote(text))).toBe(text)
  })

  test('a line is one line', () => {
    expect(oneLine('a\r\n b\nc\rd')).toBe('a b c d')
  })
})

test.each([
  ['0', 0],
  ['3600', 3600],
  ['0003600', 3600],
  ['4294967296', 0xffffffff],
  ['9'.repeat(64), 0xffffffff],
  ['9'.repeat(65), null],
  ['', null],
  ['-1', null],
  ['1.5', null],
  ['0x10', null],
  ['1e3', null],
  [' 1', null],
])('delta-seconds %p', (text, seconds) => {
  expect(parseSeconds(text)).toBe(seconds)
})
