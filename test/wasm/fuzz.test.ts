// Whatever bytes come: the scan ends, never traps, and every span lies inside the message.

import { expect, test } from 'bun:test'
import { readCredentials } from '../../src/auth/digest.ts'
import { memory } from '../../src/sip/core.ts'
import {
  CREDENTIALS,
  CREDENTIALS_BYTES,
  CREDENTIALS_BYTES_MAX,
  DIGEST,
  DIGEST_FIELDS,
  Digest,
  Field,
  HEADERS_MAX,
  Header,
  INPUT,
  INPUT_BYTES,
  MESSAGE_BYTES_MAX,
} from '../../wasm/layout.ts'
import { Random } from '../support/random.ts'
import { request, response, Scanned, SPANS } from './message.ts'

const SEED = 3261
const ROUNDS = 20_000

/** Bytes that mean something to the grammar: noise made of them goes deeper than noise of all bytes. */
const MEANINGFUL = Buffer.from(' \t\r\n\r\n:;,<>"\\@/=?%[].0129SIP/2.0zVvfFtTiImMlL\0\xff', 'latin1')

const SEEDS = [
  request({ 'Content-Length': '4' }).concat('body'),
  request({
    Via: 'SIP / 2.0 / UDP [2001:db8::1] : 5060 ; branch = z9hG4bK1\r\n\t;rport, SIP/2.0/TCP b',
    Expires: '60',
  }),
  request({ From: '"A \\"B\\", C" <sip:101@example.com;x=y?z=1>;q="a;b";tag=t', Route: '<sip:a;lr>' }),
  request({ CSeq: '4294967295 INVITE', Contact: '<sip:101@192.0.2.9>;expires=5' }),
  response('SIP/2.0 200 OK', { To: 'sip:102@example.com;tag=x' }),
].map((text) => Buffer.from(text, 'latin1'))

function checkBounds(scanned: Scanned): void {
  const { length } = scanned.bytes
  for (const start of SPANS) {
    const ordered = scanned.field(start) <= scanned.field(start + 1) && scanned.field(start + 1) <= length
    if (!ordered) throw new Error(`${Field[start]} leaves ${scanned.excerpt}`)
  }
  const count = scanned.field(Field.HeaderCount)
  let before = 0
  for (let line = 0; line < count; line++) {
    const name = scanned.part(line, Header.NameStart)
    const start = scanned.part(line, Header.ValueStart)
    const end = scanned.part(line, Header.ValueEnd)
    if (name < before || start <= name || end < start || end > length) {
      throw new Error(`line ${line} leaves ${scanned.excerpt}`)
    }
    before = end
  }
  if (count > HEADERS_MAX) throw new Error('too many headers')
}

function noise(random: Random, length: number): Buffer {
  const meaningful = random.next() < 0.5
  return Buffer.from(
    Array.from({ length }, () => (meaningful ? random.pick([...MEANINGFUL]) : random.below(256))),
  )
}

function mutate(random: Random, seed: Buffer): Buffer {
  const bytes = Buffer.from(seed)
  for (let times = 1 + random.below(4); times > 0; times--) {
    bytes[random.below(bytes.length)] = random.next() < 0.7 ? random.pick([...MEANINGFUL]) : random.below(256)
  }
  const cut = random.below(bytes.length)
  switch (random.below(4)) {
    case 0:
      return bytes.subarray(0, cut)
    case 1:
      return Buffer.concat([bytes.subarray(0, cut), noise(random, random.below(40)), bytes.subarray(cut)])
    case 2:
      return Buffer.concat([bytes.subarray(0, cut), bytes.subarray(random.below(bytes.length))])
    default:
      return bytes
  }
}

test('random bytes', () => {
  const random = new Random(SEED)
  for (let round = 0; round < ROUNDS; round++) checkBounds(new Scanned(noise(random, random.below(120))))
})

test('messages changed, cut and spliced at random', () => {
  const random = new Random(SEED + 1)
  for (let round = 0; round < ROUNDS; round++) checkBounds(new Scanned(mutate(random, random.pick(SEEDS))))
})

test('every message cut at every byte: whole only when it is', () => {
  for (const seed of SEEDS) {
    expect(new Scanned(seed).problem).toBe('Ok')
    for (let length = 0; length < seed.length; length++) {
      const scanned = new Scanned(seed.subarray(0, length))
      checkBounds(scanned)
      if (scanned.problem === 'Ok') throw new Error(`cut at ${length}: ${seed.toString('latin1')}`)
    }
  }
})

test('what was in the memory before does not matter', () => {
  const random = new Random(SEED + 2)
  for (let round = 0; round < 500; round++) {
    const bytes = mutate(random, random.pick(SEEDS))
    memory.fill(random.pick([...MEANINGFUL]), INPUT, INPUT + INPUT_BYTES)
    const first = new Scanned(bytes).index
    memory.fill(random.pick([...MEANINGFUL]), INPUT, INPUT + INPUT_BYTES)
    expect(new Scanned(bytes).index).toEqual(first)
  }
})

// A scan that is linear takes a fraction of a millisecond for the longest message, a quadratic one takes seconds: the
// time limit of the test tells them apart on any machine.
test.each([
  ['carriage returns', '', '\r'],
  ['line feeds', '', '\n'],
  ['blanks', '', ' '],
  ['colons', '', ':'],
  ['NULs', '', '\0'],
  ['method', '', 'M'],
  ['escapes in the Request-URI', 'INVITE sip:', '%'],
  ['@ in the Request-URI', 'INVITE sip:a', '@'],
  ['folds', 'INVITE sip:a SIP/2.0\r\nSubject:', '\r\n '],
  ['empty folds in Via', 'INVITE sip:a SIP/2.0\r\nVia:', '\n\t'],
  ['headers', 'INVITE sip:a SIP/2.0\r\n', 'a:\n'],
  ['headers without a colon', 'INVITE sip:a SIP/2.0\r\n', 'a\n'],
  ['Via parameters', 'INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a', ';a'],
  ['Via values', 'INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a', ',SIP/2.0/UDP a'],
  ['Via headers', 'INVITE sip:a SIP/2.0\r\n', 'v: SIP/2.0/UDP a\n'],
  ['quotes in From', 'INVITE sip:a SIP/2.0\r\nFrom: "', '\\"'],
  ['angle brackets in To', 'INVITE sip:a SIP/2.0\r\nTo: ', '<'],
  ['carriage returns in a header', 'INVITE sip:a SIP/2.0\r\nSubject: ', 'a\r'],
  ['digits in CSeq', 'INVITE sip:a SIP/2.0\r\nCSeq: ', '9'],
])('the longest message full of %s', (_title, start, repeated) => {
  const text = start + repeated.repeat(MESSAGE_BYTES_MAX / repeated.length)
  const bytes = Buffer.from(text, 'latin1').subarray(0, MESSAGE_BYTES_MAX)
  for (let round = 0; round < 20; round++) checkBounds(new Scanned(bytes))
})

test('random and changed credentials', () => {
  const random = new Random(SEED + 3)
  const seed = Buffer.from(
    'Digest username="1\\"01", realm="r", nonce="n" , uri="sip:a", response="0123456789abcdef0123456789abcdef",' +
      ' qop=auth,nc=0000001f, cnonce="c",algorithm=MD5, x=y, opaque=""',
  )
  const fields = new Uint16Array(memory.buffer, memory.byteOffset + DIGEST, DIGEST_FIELDS)
  expect(readCredentials(seed, 0, seed.length)).toBe(true)
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = round % 4 === 0 ? noise(random, random.below(200)) : mutate(random, seed)
    if (round % 64 === 0)
      memory.fill(random.pick([...MEANINGFUL]), CREDENTIALS, CREDENTIALS + CREDENTIALS_BYTES)
    readCredentials(bytes, 0, bytes.length)
    for (let field = Digest.UsernameStart; field <= Digest.AlgorithmStart; field += 2) {
      const ordered = fields[field]! <= fields[field + 1]! && fields[field + 1]! <= bytes.length
      if (!ordered) throw new Error(`${Digest[field]} leaves ${JSON.stringify(bytes.toString('latin1'))}`)
    }
  }
  const long = Buffer.alloc(CREDENTIALS_BYTES_MAX + 1, seed)
  expect(readCredentials(long, 0, long.length)).toBe(false)
})
