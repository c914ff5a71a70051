import { describe, expect, test } from 'bun:test'
import {
  buildAck,
  buildCancel,
  buildResponse,
  type ForwardEdits,
  forwardRequest,
  forwardResponse,
  Splice,
} from '../../src/sip/serialize.ts'
import { requestOf, responseOf, wireBytes } from '../support/message.ts'
import { Random } from '../support/random.ts'

const EDITS: ForwardEdits = {
  uri: 'sip:bob@192.0.2.7:5070',
  via: 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours',
  recordRoutes: ['<sip:192.0.2.1;lr>'],
  maxForwards: 69,
  removals: [],
  headers: '',
}

const INVITE = `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.5;branch=z9hG4bKa
Max-Forwards: 70
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>
Call-ID: c1
CSeq: 7 INVITE
Content-Length: 4

body`

/** As `wireBytes` makes it, with lines put in the place of others. */
function wireText(...lines: string[]): string {
  return lines.join('\r\n')
}

describe('splicing', () => {
  const source = '0123456789'

  test('edits in any order; insertions before what begins at the same place, in the order given', () => {
    const splice = new Splice(source, 10)
    splice.replace(8, 9, 'EIGHT')
    splice.remove(4, 6)
    splice.remove(2, 4)
    splice.insert(4, '<')
    splice.insert(4, '>')
    splice.insert(2, '|')
    splice.insert(10, '.')
    expect(splice.bytes().toString()).toBe('01|<>67EIGHT9.')
  })

  test('only up to the end given', () => {
    expect(new Splice(source, 4).bytes().toString()).toBe('0123')
  })

  test.each([
    [
      'overlapping',
      [
        [2, 5],
        [4, 6],
      ],
    ],
    [
      'one within another',
      [
        [2, 8],
        [4, 6],
      ],
    ],
    ['backwards', [[5, 4]]],
    ['beyond the end', [[9, 11]]],
    [
      'the same twice',
      [
        [2, 4],
        [2, 4],
      ],
    ],
  ] as const)('%s spans are an error of ours, never other bytes', (_, spans) => {
    const splice = new Splice(source, 10)
    for (const [start, end] of spans) splice.remove(start, end)
    expect(() => splice.bytes()).toThrow(RangeError)
  })
})

describe('forwarding a request (RFC 3261 section 16.6)', () => {
  test('every edit, byte for byte', () => {
    const request = requestOf(
      `INVITE sip:bob@example.com SIP/2.0
Route: <sip:192.0.2.1;lr>, <sip:far.example.com;lr>
Record-Route: <sip:near.example.com;lr>
v: SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKa,
 SIP/2.0/TCP before
max-forwards:  70
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>
Call-ID: c1
CSeq: 7 INVITE
X-Kept :  as  it	is

body`,
    )
    request.source = { host: '192.0.2.99', port: 4000 }
    const route = request.headerValueSpan(0)
    const removals = [{ start: route.start, end: route.start + '<sip:192.0.2.1;lr>, '.length }]
    expect(forwardRequest(request, { ...EDITS, removals, headers: 'X-New: 1\r\n' }).toString('latin1')).toBe(
      wireText(
        'INVITE sip:bob@192.0.2.7:5070 SIP/2.0',
        'Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours',
        'Record-Route: <sip:192.0.2.1;lr>',
        'X-New: 1',
        'Content-Length: 4',
        'Route: <sip:far.example.com;lr>',
        'Record-Route: <sip:near.example.com;lr>',
        'v: SIP/2.0/UDP 10.0.0.5;received=192.0.2.99;rport=4000;branch=z9hG4bKa,',
        ' SIP/2.0/TCP before',
        'max-forwards:  69',
        'From: <sip:alice@example.com>;tag=a',
        'To: <sip:bob@example.com>',
        'Call-ID: c1',
        'CSeq: 7 INVITE',
        'X-Kept :  as  it\tis',
        '',
        'body',
      ),
    )
  })

  test('a first line that goes makes room for ours', () => {
    const request = requestOf(INVITE.replace('\nVia', '\nP-Asserted-Identity: <sip:root@example.com>\nVia'))
    const forwarded = forwardRequest(request, {
      ...EDITS,
      recordRoutes: [],
      removals: [request.headerLineSpan(0)],
    })
    expect(forwarded.toString()).toBe(
      wireBytes(INVITE)
        .toString()
        .replace('sip:bob@example.com SIP', 'sip:bob@192.0.2.7:5070 SIP')
        .replace('SIP/2.0\r\n', 'SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours\r\n')
        .replace('Max-Forwards: 70', 'Max-Forwards: 69'),
    )
  })

  test('what follows the body in a datagram stays behind (section 18.3)', () => {
    const forwarded = forwardRequest(requestOf(`${INVITE}more`), EDITS)
    expect(forwarded.toString().endsWith('\r\n\r\nbody')).toBe(true)
  })

  test('without Max-Forwards one is put in (section 16.6 step 3)', () => {
    const forwarded = requestOf(forwardRequest(requestOf(INVITE.replace('Max-Forwards: 70\n', '')), EDITS))
    expect(forwarded.maxForwards).toBe(69)
  })
})

/** A generated message as the parts it was made of: what must come out can be put together from them. */
interface Parts {
  readonly end: '\r\n' | '\n'
  readonly lines: { text: string; kind: 'via' | 'max-forwards' | 'removed' | 'kept' }[]
  readonly body: string
  readonly hasLength: boolean
}

function randomParts(random: Random, first: string): Parts {
  const end = random.pick(['\r\n', '\n'] as const)
  const space = () => random.pick(['', ' ', '\t', '  ', ` ${end} `, `${end}\t`])
  const name = (long: string, compact: string) => random.pick([long, compact, long.toUpperCase(), `${long} `])
  const junk = () =>
    Array.from({ length: random.below(30) }, () => random.pick([...'ab,;:<>"\\ =\xc3\xa4\x00']))
      .join('')
      .trim()
  const hasLength = random.below(2) === 0
  const body = random.pick(['', 'x', 'v=0\r\n', `${end}${end}`, '\x00\xff\r\nVia: x\r\n\r\n'])
  const lines: Parts['lines'] = [
    { text: `${name('From', 'f')}:${space()}<sip:a@b>;tag=1${space()}`, kind: 'kept' },
    { text: `${name('To', 't')}:${space()}"x, y"${space()}<sip:c@d>`, kind: 'kept' },
    { text: `${name('Call-ID', 'i')}:${space()}abc`, kind: 'kept' },
    { text: `CSeq:${space()}00007${space() || ' '}INVITE`, kind: 'kept' },
  ]
  if (random.below(3) > 0) lines.push({ text: `Max-Forwards:${space()}70`, kind: 'max-forwards' })
  if (hasLength) lines.push({ text: `${name('Content-Length', 'l')}:${space()}${body.length}`, kind: 'kept' })
  for (let n = random.below(8); n > 0; n--) {
    lines.push({
      text: `X-${n}${random.pick(['', ' ', '\t'])}:${space()}${junk()}`,
      kind: random.pick(['kept', 'removed']),
    })
  }
  lines.sort(() => random.next() - 0.5)
  // After the sorting: other Via lines must not come before the one that is looked at.
  lines.splice(random.below(lines.length + 1), 0, { text: first, kind: 'via' })
  return { end, lines, body, hasLength }
}

const ROUNDS = 2000

describe('all that is not edited is byte for byte the same', () => {
  test(`${ROUNDS} generated requests`, () => {
    const random = new Random(3261)
    for (let round = 0; round < ROUNDS; round++) {
      const parts = randomParts(
        random,
        `${random.pick(['Via', 'v', 'VIA'])}: SIP/2.0/UDP 10.0.0.5;branch=x;rport`,
      )
      const { end, lines, body, hasLength } = parts
      const text = `INVITE sip:b@example.com SIP/2.0${end}${lines.map((line) => line.text + end).join('')}${end}${body}`
      const request = requestOf(Buffer.from(text, 'latin1'))
      expect([text, request.problem]).toEqual([text, 0])
      request.source = { host: '192.0.2.99', port: 4000 }
      const removals = lines.flatMap(({ kind }, n) => (kind === 'removed' ? [request.headerLineSpan(n)] : []))
      const kept = lines
        .filter(({ kind }) => kind !== 'removed')
        .map(({ text, kind }) => {
          if (kind === 'via') return `${text.replace('rport', 'received=192.0.2.99;rport=4000')}${end}`
          return `${kind === 'max-forwards' ? text.replace('70', '69') : text}${end}`
        })
      const added = [
        `Via: ${EDITS.via}`,
        `Record-Route: ${EDITS.recordRoutes[0]}`,
        ...(lines.some(({ kind }) => kind === 'max-forwards') ? [] : ['Max-Forwards: 69']),
        'X-New: 1',
        ...(hasLength ? [] : [`Content-Length: ${body.length}`]),
      ].map((line) => `${line}\r\n`)
      expect(
        forwardRequest(request, { ...EDITS, removals, headers: 'X-New: 1\r\n' }).toString('latin1'),
      ).toBe(`INVITE ${EDITS.uri} SIP/2.0${end}${added.join('')}${kept.join('')}${end}${body}`)
    }
  })

  test(`${ROUNDS} generated responses`, () => {
    const random = new Random(6026)
    for (let round = 0; round < ROUNDS; round++) {
      const ours = 'SIP/2.0/UDP 192.0.2.1;branch=x'
      const more = random.pick(['', ', SIP/2.0/UDP z', ' ,\tSIP/2.0/TCP "y', ',a,b'])
      const parts = randomParts(random, `Via: ${ours}${more}`)
      const { end, lines, body, hasLength } = parts
      const head = `SIP/2.0 ${200 + random.below(400)} \xc3\xa4 any phrase${end}`
      const text = `${head}${lines.map((line) => line.text + end).join('')}${end}${body}`
      const kept = lines.flatMap(({ text, kind }) => {
        if (kind !== 'via') return `${text}${end}`
        return more === '' ? [] : `Via: ${more.replace(/^ ?,/, '')}${end}`
      })
      const length = hasLength ? '' : `Content-Length: ${body.length}\r\n`
      expect(forwardResponse(responseOf(Buffer.from(text, 'latin1'))).toString('latin1')).toBe(
        `${head}${kept.join('')}${length}${end}${body}`,
      )
    }
  })
})

describe('an answer of our own (section 8.2.6)', () => {
  const request = requestOf(
    `OPTIONS sip:bob@example.com SIP/2.0
Subject: not taken over
v: SIP/2.0/UDP 10.0.0.5;rport;branch=z9hG4bKa, SIP/2.0/TCP before
t: "Bob"
 <sip:bob@example.com>
CSEQ: 007   OPTIONS
Timestamp: 54
VIA: SIP/2.0/UDP last
i: c1
f: <sip:alice@example.com>;tag=a`,
  )
  request.source = { host: '192.0.2.99', port: 4000 }
  const vias = [
    'Via: SIP/2.0/UDP 10.0.0.5;received=192.0.2.99;rport=4000;branch=z9hG4bKa, SIP/2.0/TCP before',
    'Via: SIP/2.0/UDP last',
  ] as const

  test('what it takes over, and the tag', () => {
    expect(buildResponse(request, 404, { toTag: 'ours', headers: 'Server: x\r\n' }).toString()).toBe(
      wireText(
        'SIP/2.0 404 Not Found',
        vias[0],
        'To: "Bob"',
        ' <sip:bob@example.com>;tag=ours',
        'CSeq: 007   OPTIONS',
        vias[1],
        'Call-ID: c1',
        'From: <sip:alice@example.com>;tag=a',
        'Server: x',
        'Content-Length: 0',
        '',
        '',
      ),
    )
  })

  test('100 takes Timestamp over and has no tag (section 8.2.6.1)', () => {
    const trying = buildResponse(request, 100).toString()
    expect(trying).toContain('\r\nTimestamp: 54\r\n')
    expect(trying).not.toContain(';tag=ours')
  })

  test('a tag that is there stays the only one', () => {
    const inDialog = requestOf(INVITE.replace('<sip:bob@example.com>', '<sip:bob@example.com>;tag=theirs'))
    expect(buildResponse(inDialog, 481, { toTag: 'ours' }).toString()).toContain(
      'To: <sip:bob@example.com>;tag=theirs\r\n',
    )
  })

  test('a body, a phrase', () => {
    const answer = buildResponse(request, 200, {
      reason: 'Fine',
      body: { type: 'text/plain', text: 'h\xe9' },
    })
    const text = answer.toString('latin1')
    expect(text.startsWith('SIP/2.0 200 Fine\r\n')).toBe(true)
    expect(text.endsWith('Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nh\xe9')).toBe(true)
  })

  test('of what is there twice, only the first is taken over', () => {
    const twice = requestOf(INVITE.replace('To:', 'From: <sip:other@example.com>\nTo: <sip:x@y>\nTo:'))
    const answer = buildResponse(twice, 400, { toTag: 'ours' }).toString()
    expect(answer.match(/^From: .*$/gm)).toEqual(['From: <sip:alice@example.com>;tag=a'])
    expect(answer.match(/^To: .*$/gm)).toEqual(['To: <sip:x@y>;tag=ours'])
  })
})

describe('requests of our own, hop by hop', () => {
  const sent = requestOf(
    `INVITE sip:bob@192.0.2.7 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours
Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa
Route: <sip:one;lr>, <sip:two;lr>
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>
Route: <sip:three;lr>
Call-ID: c1
CSeq: 7 INVITE
Max-Forwards: 3
Proxy-Authorization: Digest secret`,
  )
  const busy = responseOf(
    `SIP/2.0 486 Busy Here
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>;tag=b
Call-ID: c1
CSeq: 7 INVITE`,
  )

  function hopByHop(method: string, to: string, more: readonly string[]): string {
    return wireText(
      `${method} sip:bob@192.0.2.7 SIP/2.0`,
      'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKours',
      'Route: <sip:one;lr>, <sip:two;lr>',
      'Route: <sip:three;lr>',
      'Max-Forwards: 70',
      'From: <sip:alice@example.com>;tag=a',
      `To: ${to}`,
      'Call-ID: c1',
      `CSeq: 7 ${method}`,
      ...more,
      'Content-Length: 0',
      '',
      '',
    )
  }

  test('ACK: one Via, the To of the answer (section 17.1.1.3)', () => {
    expect(buildAck(sent, busy).toString()).toBe(hopByHop('ACK', '<sip:bob@example.com>;tag=b', []))
  })

  test('CANCEL: one Via, the To of the request (section 9.1), and why (RFC 3326)', () => {
    expect(buildCancel(sent, 'Reason: SIP;cause=200\r\n').toString()).toBe(
      hopByHop('CANCEL', '<sip:bob@example.com>', ['Reason: SIP;cause=200']),
    )
  })
})
