// What holds for any message and any URI, shown on generated ones: a seed makes each run the same.

import { describe, expect, test } from 'bun:test'
import { lowerCase } from '../../src/sip/header.ts'
import { HeaderId, type SipMessage } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse.ts'
import { buildResponse, forwardRequest, forwardResponse } from '../../src/sip/serialize.ts'
import { canonicalUri, parseUri, type SipUri, sameUri } from '../../src/sip/uri.ts'
import { Random } from '../support/random.ts'

const ROUNDS = 2000

const VALUES = ['x', 'a, b', '"q\\"<,;"', '<sip:a@b>;c="d"', '\xc3\xa9\xff', '', 'x\r\n y', '\t,\r\n\t,', '0']
const NAMES = [
  'X',
  'x-own',
  "!%*_+`'~.",
  's',
  'Subject',
  'Contact',
  'k',
  'Supported',
  'Route',
  'm',
  'Date',
  'P',
]

/** A request that obeys the grammar, however oddly it is written. */
function randomRequest(random: Random): Buffer {
  const space = () => random.pick(['', ' ', '\t ', '\r\n '])
  const body = random.pick(['', 'v=0\r\n', '\r\n\r\n', '\x00\xff'])
  const lines = [
    `${random.pick(['Via', 'v', 'VIA '])}:${space()}SIP / 2.0/UDP 10.0.0.5;branch=z9hG4bK${random.below(9)};rport`,
    `${random.pick(['From', 'f'])}:${space()}"a, \\"b\\"" <sip:a@b;x>;tag=${random.below(9)}`,
    `${random.pick(['To', 't'])}:${space()}sip:c@d${random.pick([';tag=9', ''])}`,
    `${random.pick(['Call-ID', 'i', 'CALL-id'])}:${space()}${random.below(1e9)}@x`,
    `CSeq:${space()}00${random.below(1e6)} INVITE`,
  ]
  if (random.below(2) > 0) lines.push(`${random.pick(['Content-Length', 'l'])}:${space()}${body.length}`)
  if (random.below(2) > 0) lines.push(`Max-Forwards:${space()}${1 + random.below(255)}`)
  for (let n = random.below(9); n > 0; n--)
    lines.push(`${random.pick(NAMES)}:${space()}${random.pick(VALUES)}`)
  lines.sort(() => random.next() - 0.5)
  const text = `INVITE sip:c@d;y=${random.below(9)} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n${body}`
  return Buffer.from(text, 'latin1')
}

function read(bytes: Buffer): SipMessage {
  const message = parseMessage(bytes)
  if (message.kind === 'failure') throw new Error(`no message: ${bytes.toString('latin1')}`)
  expect([bytes.toString('latin1'), message.problem]).toEqual([bytes.toString('latin1'), 0])
  return message
}

/** All that a hop leaves alone. */
function meaning(message: SipMessage) {
  const edited: readonly HeaderId[] = [HeaderId.Via, HeaderId.MaxForwards, HeaderId.ContentLength]
  const others: [name: string, value: string][] = []
  for (let line = 0; line < message.headerCount; line++) {
    if (!edited.includes(message.headerId(line)))
      others.push([message.headerName(line), message.headerValue(line)])
  }
  const { callId, cseq, cseqMethod, fromTag, fromUri, toTag, toUri, bodyStart, bodyEnd } = message
  const body = message.text(bodyStart, bodyEnd)
  return { callId, cseq, cseqMethod, fromTag, fromUri, toTag, toUri, body, others }
}

describe(`of ${ROUNDS} generated requests`, () => {
  const random = new Random(20)
  const requests = Array.from({ length: ROUNDS }, () => randomRequest(random))
  const edits = { via: 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours', recordRoutes: [], headers: '' }

  test('each is read, written, and read as the same again; three hops change no more than one', () => {
    for (const bytes of requests) {
      const first = read(bytes)
      let message = first
      for (let hop = 1; hop <= 3; hop++) {
        if (message.kind !== 'request') throw new Error('a request became an answer')
        const hops = 70 - hop
        const forwarded = forwardRequest(message, {
          ...edits,
          uri: message.uri,
          removals: [],
          maxForwards: hops,
        })
        message = read(forwarded)
        expect(meaning(message)).toEqual(meaning(first))
        expect(message.kind === 'request' && message.maxForwards).toBe(hops)
      }
    }
  })

  test('the answer to each finds its transaction, on the way there and back', () => {
    for (const bytes of requests) {
      const request = read(bytes)
      if (request.kind !== 'request') throw new Error('no request')
      const uri = 'sip:phone@192.0.2.7'
      const forwarded = read(forwardRequest(request, { ...edits, uri, removals: [], maxForwards: 69 }))
      if (forwarded.kind !== 'request') throw new Error('no request')
      const answer = read(buildResponse(forwarded, 200, { toTag: 'ours' }))
      if (answer.kind !== 'response') throw new Error('no answer')
      expect(answer.branch).toBe('z9hG4bKours')
      const back = read(forwardResponse(answer))
      expect([back.branch, back.callId, back.cseq, back.cseqMethod, back.fromTag]).toEqual([
        request.branch,
        request.callId,
        request.cseq,
        'INVITE',
        request.fromTag,
      ])
      expect(back.toTag).toBe(request.hasToTag ? request.toTag : 'ours')
    }
  })
})

const PARAMS = ['transport=tcp', 'user=phone', 'lr', 'x=1', 'x=2', 'y=%61b', 'ttl=3', 'maddr=h', 'method=BYE']
const HEADERS = ['a=1', 'b=%20', 'Subject=x']

/** Its parts, and another spelling of it that section 19.1.4 calls equal. */
function randomUri(random: Random): { readonly text: string; readonly respelled: string } {
  const user = random.pick(['', 'bob', '%62ob', 'bob:secret', '+49(30)', 'a;b', '\xc3\xa4', '#21', 'BOB'])
  const host = random.pick(['example.com', '192.0.2.1', '[2001:db8::1]', 'h'])
  const port = random.pick(['', ':5060', ':5070'])
  const params = PARAMS.filter(
    (param, n) => random.below(4) === 0 && !PARAMS.slice(0, n).some((one) => one[0] === param[0]),
  )
  const headers = HEADERS.filter(() => random.below(4) === 0)
  const write = (each: {
    readonly user: string
    readonly host: string
    readonly params: readonly string[]
    readonly headers: readonly string[]
  }) => {
    const parameters = each.params.map((param) => `;${param}`).join('')
    const query = each.headers.length === 0 ? '' : `?${each.headers.join('&')}`
    return `sip:${each.user}${each.user === '' ? '' : '@'}${each.host}${port}${parameters}${query}`
  }
  const escaped = user.replace(/^[A-Za-z]/, (char) => `%${char.charCodeAt(0).toString(16)}`)
  const upper = (text: string) => (text.includes('%') ? text : text.toUpperCase())
  return {
    text: write({ user, host, params, headers }),
    respelled: write({
      user: escaped,
      host: host.toUpperCase(),
      params: params.map(upper).toReversed(),
      headers: headers.map(upper).toReversed(),
    }),
  }
}

function uriOf(text: string): SipUri {
  const uri = parseUri(text)
  if (uri === null) throw new Error(`no URI: ${text}`)
  return uri
}

/** Where both have the same parameters, 19.1.4 is an equivalence. */
function hasSameParams(a: SipUri, b: SipUri): boolean {
  const names = (uri: SipUri) => [...uri.params.keys()].map(lowerCase).toSorted().join()
  return names(a) === names(b)
}

describe('of generated URIs (section 19.1.4)', () => {
  test(`equal spellings have equal keys: ${ROUNDS}`, () => {
    const random = new Random(19)
    for (let round = 0; round < ROUNDS; round++) {
      const { text, respelled } = randomUri(random)
      const [one, other] = [uriOf(text), uriOf(respelled)]
      expect([text, respelled, sameUri(one, other), sameUri(other, one)]).toEqual([
        text,
        respelled,
        true,
        true,
      ])
      expect(canonicalUri(one)).toBe(canonicalUri(other))
      expect(canonicalUri(uriOf(canonicalUri(one)))).toBe(canonicalUri(one))
    }
  })

  test('equal keys mean equal URIs, and unequal ones different URIs where their parameters are the same', () => {
    const random = new Random(194)
    const uris = Array.from({ length: 150 }, () => randomUri(random)).flatMap(({ text, respelled }) => [
      uriOf(text),
      uriOf(respelled),
    ])
    let equal = 0
    for (const one of uris) {
      for (const other of uris) {
        const sameKey = canonicalUri(one) === canonicalUri(other)
        if (sameKey) equal++
        if (sameKey || hasSameParams(one, other)) expect(sameUri(one, other)).toBe(sameKey)
        expect(sameUri(one, other)).toBe(sameUri(other, one))
      }
    }
    // Each with itself and with its other spelling.
    expect(equal).toBeGreaterThanOrEqual(600)
  })
})
