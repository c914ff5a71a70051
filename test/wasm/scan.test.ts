// Lines, folds and the message as a whole, in the shapes that RFC 4475 tortures parsers with.

import { describe, expect, test } from 'bun:test'
import { Field, HEADERS_MAX } from '../../wasm/layout.ts'
import { request, Scanned } from './message.ts'

describe('lines', () => {
  test('folds are in the value, the white space around it is not', () => {
    const scanned = new Scanned(request({ Subject: ' \r\n\t one\r\n  two \r\n ' }))
    expect(scanned.headers[6]).toBe('Subject=one\r\n  two')
    expect(scanned.problem).toBe('Ok')
  })

  test('lone line feeds end lines too', () => {
    const scanned = new Scanned(request({ Subject: 'a' }).replaceAll('\r\n', '\n').concat('xyz'))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.headers.slice(-2)).toEqual(['CSeq=7 OPTIONS', 'Subject=a'])
    expect(scanned.span(Field.BodyStart)).toBe('xyz')
  })

  test('white space before the colon, empty values, any byte', () => {
    const scanned = new Scanned(request({ 'Subject \t': '', 'X-Bytes': '\0\x01\x7f\xff;;,,;' }))
    expect(scanned.headers.slice(6)).toEqual(['Subject=', 'Other=\0\x01\x7f\xff;;,,;'])
    expect(scanned.problem).toBe('Ok')
  })

  test('a carriage return alone is no line end', () => {
    const scanned = new Scanned(request({ Subject: 'a\rRoute: <sip:evil;lr>' }))
    expect(scanned.problem).toBe('HeaderLine')
    expect(scanned.field(Field.FirstRoute)).toBe(0)
  })

  test('as many headers as there is room for, and one more', () => {
    const fill = 'X: y\r\n'.repeat(HEADERS_MAX - 6)
    const whole = request().replace(/\r\n$/, `${fill}\r\n`)
    expect(new Scanned(whole).problem).toBe('Ok')
    const over = new Scanned(whole.replace(/\r\n$/, 'X: y\r\n\r\nbody'))
    expect(over.problem).toBe('TooManyHeaders')
    expect(over.field(Field.HeaderCount)).toBe(HEADERS_MAX)
    expect(over.span(Field.BodyStart)).toBe('body')
  })

  test('the body ends where Content-Length says', () => {
    const scanned = new Scanned(request({ 'Content-Length': '0002' }).concat('abINVITE sip:a SIP/2.0\r\n'))
    expect(scanned.problem).toBe('Ok')
    expect(scanned.span(Field.BodyStart)).toBe('ab')
  })
})

describe('the message as a whole', () => {
  test.each(['Via', 'From', 'To', 'Call-ID', 'CSeq'])('%s is missing', (name) => {
    expect(new Scanned(request({ [name]: null }, 'OPTIONS sip:a SIP/2.0')).problem).toBe('Missing')
  })

  test.each([
    ['f', '<sip:a@b>;tag=2'],
    ['t', '<sip:a@b>'],
    ['i', 'other'],
    ['cseq', '8 OPTIONS'],
    ['max-forwards', '5'],
  ])('%s is there twice, and the first one counts', (name, value) => {
    const scanned = new Scanned(request({ [name]: value }))
    expect(scanned.problem).toBe('Duplicate')
    expect(scanned.span(Field.FromTagStart)).toBe('f1')
    expect(scanned.span(Field.CallIdStart)).toBe('c1@192.0.2.1')
    expect(scanned.number(Field.CSeqHigh)).toBe(7)
    expect(scanned.field(Field.MaxForwards)).toBe(70)
  })

  test('Content-Length twice', () => {
    expect(new Scanned(request({ 'Content-Length': '0', l: '2' }).concat('ab')).problem).toBe('Duplicate')
  })

  test.each([
    ['HeaderLine', 'no colon here'],
    ['HeaderLine', ': no name'],
    ['HeaderLine', 'two words: x'],
    ['HeaderLine', 'n\xe4me: x'],
  ])('%s: %j', (problem, line) => {
    const scanned = new Scanned(request().replace('\r\nFrom', `\r\n${line}\r\nFrom`))
    expect(scanned.problem).toBe(problem)
    expect(scanned.span(Field.FromTagStart)).toBe('f1')
  })

  test('white space before the first header name', () => {
    expect(new Scanned(request().replace('\r\nVia', '\r\n Via')).problem).toBe('HeaderLine')
  })

  test('no blank line behind the headers', () => {
    const scanned = new Scanned(request().replace(/\r\n$/, ''))
    expect(scanned.problem).toBe('NoHeaderEnd')
    expect(scanned.span(Field.CSeqMethodStart)).toBe('OPTIONS')
  })

  test('the first problem is told, and what an answer needs is there all the same', () => {
    const scanned = new Scanned(
      request(
        { Via: 'SIP/2.0/UDP a;branch=z', To: '<', CSeq: '1 INVITE', 'Max-Forwards': 'x' },
        'OPTIONS <sip:a> SIP/2.0',
      ),
    )
    expect(scanned.problem).toBe('RequestUri')
    expect(scanned.headers).toEqual([
      'Via=SIP/2.0/UDP a;branch=z',
      'MaxForwards=x',
      'From=<sip:101@example.com>;tag=f1',
      'To=<',
      'CallId=c1@192.0.2.1',
      'CSeq=1 INVITE',
    ])
    expect(scanned.span(Field.BranchStart)).toBe('z')
    expect(scanned.number(Field.CSeqHigh)).toBe(1)
  })

  test('lengths that do not end with a vector, for a header value of each', () => {
    for (let length = 0; length < 70; length++) {
      const scanned = new Scanned(
        request({ Subject: 'x'.repeat(length), 'Call-ID': `c${'y'.repeat(length)}` }),
      )
      expect(scanned.problem).toBe('Ok')
      expect(scanned.headers[6]).toBe(`Subject=${'x'.repeat(length)}`)
      expect(scanned.span(Field.CallIdStart)).toBe(`c${'y'.repeat(length)}`)
    }
  })
})

test('an everything-at-once message: odd spacing, folds, compact forms, two values in a Via', () => {
  const scanned = new Scanned(
    [
      'INVITE sip:v@a.example.com;unknownparam SIP/2.0',
      'TO :',
      ' sip:v@a.example.com ;   tag    = 1918181833n',
      'from   : "J R \\\\\\""       <sip:j@example.com>',
      '  ;',
      '  tag = 98asjd8',
      'MaX-fOrWaRdS: 0068',
      'Call-ID: odd.x@192.0.2.1',
      'Content-Length   : 5',
      'cseq: 0009',
      '  INVITE',
      'Via  : SIP  /   2.0',
      ' /UDP',
      '    192.0.2.2;branch=390skdjuw',
      's :',
      'NewFangledHeader:   newfangled value',
      ' continued newfangled value',
      'Content-Type: application/sdp',
      'Route:',
      ' <sip:services.example.com;lr;unknownwith=value;unknown-no-value>',
      'v:  SIP  / 2.0  / TCP     spindle.example.com   ;',
      '  branch  =   z9hG4bK9ikj8  ,',
      ' SIP  /    2.0   / UDP  192.168.255.111   ; branch=',
      ' z9hG4bK30239',
      'm:"Quoted \\"\\"" <sip:j@example.com> ; newparam =',
      '      newvalue ;',
      '  secondparam ; q = 0.33',
      '',
      'v=0\r\n',
    ].join('\r\n'),
  )
  expect(scanned.problem).toBe('Ok')
  expect(scanned.span(Field.ToTagStart)).toBe('1918181833n')
  expect(scanned.span(Field.FromTagStart)).toBe('98asjd8')
  expect(scanned.field(Field.MaxForwards)).toBe(68)
  expect(scanned.number(Field.CSeqHigh)).toBe(9)
  expect(scanned.span(Field.ViaHostStart)).toBe('192.0.2.2')
  expect(scanned.span(Field.BranchStart)).toBe('390skdjuw')
  expect(scanned.field(Field.FirstRoute)).toBe(11)
  expect(scanned.field(Field.FirstContact)).toBe(13)
  expect(scanned.span(Field.BodyStart)).toBe('v=0\r\n')
})
