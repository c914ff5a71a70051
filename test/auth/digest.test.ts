// The digest edge: what is read out of an Authorization value, and which responses are right.

import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { computeHa1, credentials, mac, readCredentials } from '../../src/auth/digest.ts'
import type { Algorithm } from '../../src/store/store.ts'
import { CREDENTIALS_BYTES_MAX, HASH_INPUT_BYTES_MAX } from '../../wasm/layout.ts'

/** H() of RFC 7616 by OpenSSL. */
const HASHES: Readonly<Record<Algorithm, (text: string) => string>> = {
  MD5: (text) => createHash('md5').update(text).digest('hex'),
  'SHA-256': (text) => createHash('sha256').update(text).digest('hex'),
  'SHA-512-256': (text) => createHash('sha512-256').update(text).digest('hex'),
}
const ALGORITHMS: readonly Algorithm[] = ['MD5', 'SHA-256', 'SHA-512-256']

function read(value: string): boolean {
  // In the middle of other bytes, as in a message.
  const bytes = Buffer.from(`Authorization: ${value}\r\nCSeq: 1`)
  return readCredentials(bytes, 15, bytes.length - 9)
}

const PARTS: Readonly<Record<string, string | null>> = {
  username: '"101"',
  realm: '"example.com"',
  nonce: '"abc"',
  uri: '"sip:example.com"',
  response: '"0123456789abcdef0123456789abcdef"',
}

function digest(changes: Record<string, string | null> = {}): string {
  const parts = Object.entries({ ...PARTS, ...changes }).filter(([, value]) => value !== null)
  return `Digest ${parts.map(([name, value]) => `${name}=${value}`).join(', ')}`
}

const WITH_QOP = { qop: 'auth', nc: '00000001', cnonce: '"c"' }

describe('credentials', () => {
  test('every parameter', () => {
    const value = digest({ opaque: '"o"', qop: 'auth', nc: '8000001F', cnonce: '"c"', algorithm: 'SHA-256' })
    expect(read(value)).toBe(true)
    const { username, realm, nonce, uri, opaque, cnonce, qop, nonceCount, algorithm } = credentials
    expect({ username, realm, nonce, uri, opaque, cnonce, qop, nonceCount, algorithm }).toEqual({
      username: '101',
      realm: 'example.com',
      nonce: 'abc',
      uri: 'sip:example.com',
      opaque: 'o',
      cnonce: 'c',
      qop: 'auth',
      nonceCount: 0x8000001f,
      algorithm: 'SHA-256',
    })
  })

  test('what is absent is empty, whatever was read before', () => {
    read(digest({ ...WITH_QOP, opaque: '"o"', algorithm: 'SHA-256' }))
    expect(read(digest())).toBe(true)
    expect([credentials.opaque, credentials.cnonce, credentials.qop]).toEqual(['', '', 'none'])
    expect([credentials.nonceCount, credentials.algorithm]).toEqual([0, 'MD5'])
  })

  test('any order, spacing, case, folds, tokens for strings and strings for tokens, unknown parameters', () => {
    const value =
      'dIGEST  Algorithm="sha-512-256" ,NC="0000000a"\r\n , x-new="a,b=\\"c\\"",CNONCE=c,response="r",' +
      '\tQop = "auth",uri=sip:example.com, realm="a b", nonce=n,y=z, username="J\\"\u00e4"'
    expect(read(value)).toBe(true)
    expect([credentials.algorithm, credentials.nonceCount, credentials.cnonce]).toEqual([
      'SHA-512-256',
      10,
      'c',
    ])
    expect([credentials.qop, credentials.realm, credentials.username]).toEqual(['auth', 'a b', 'J\\"\u00e4'])
  })

  test.each([
    ['auth-int', 'auth-int'],
    ['token', 'other'],
    ['"auth,auth-int"', 'other'],
  ] as const)('qop %s', (qop, name) => {
    // Without quotes a comma ends the value; within, there is no such qop.
    expect(read(digest({ ...WITH_QOP, qop }))).toBe(true)
    expect(credentials.qop).toBe(name)
    expect(credentials.matches('REGISTER', '0'.repeat(32))).toBe(false)
  })

  test.each(['MD5-sess', 'SHA-1', 'SHA-256-sess', '""'])('unknown algorithm %s', (algorithm) => {
    expect(read(digest({ algorithm }))).toBe(true)
    expect(credentials.algorithm).toBeNull()
    expect(credentials.matches('REGISTER', '0'.repeat(64))).toBe(false)
  })

  test.each([
    ['another scheme', digest().replace('Digest', 'Basic')],
    ['no scheme', digest().replace('Digest ', '')],
    ['nothing', ''],
    ['the scheme alone', 'Digest'],
    ['the scheme and a blank', 'Digest '],
    ['no comma', digest().replace(',', '')],
    ['two commas', digest().replace(',', ',,')],
    ['a comma at the end', `${digest()},`],
    ['no value', digest({ x: '' })],
    ['an open quote', digest({ x: '"y' })],
    ['something behind a quote', digest({ x: '"y"z' })],
    ['a name that is no token', digest({ 'x y': 'z' })],
    ['qop without cnonce', digest({ qop: 'auth', nc: '00000001' })],
    ['qop without nc', digest({ qop: 'auth', cnonce: '"c"' })],
    ['a short nc', digest({ ...WITH_QOP, nc: '1' })],
    ['a long nc', digest({ ...WITH_QOP, nc: '000000001' })],
    ['nc that is not hex', digest({ ...WITH_QOP, nc: '0000000g' })],
    ['more than there is room for', digest({ x: `"${'y'.repeat(CREDENTIALS_BYTES_MAX)}"` })],
    ...Object.keys(PARTS).map((name) => [`no ${name}`, digest({ [name]: null })] as const),
    ...Object.keys(PARTS).map(
      (name) => [`two of ${name}`, `${digest()}, ${name.toUpperCase()}="x"`] as const,
    ),
  ])('refused: %s', (_title, value) => {
    expect(read(value)).toBe(false)
    expect(credentials.matches('REGISTER', '0'.repeat(32))).toBe(false)
  })

  test('refused for its length, nothing of the one before is left', () => {
    read(digest())
    const long = Buffer.alloc(CREDENTIALS_BYTES_MAX + 1, digest())
    expect(readCredentials(long, 0, long.length)).toBe(false)
    expect([credentials.username, credentials.nonce, credentials.algorithm]).toEqual(['', '', null])
  })
})

describe('the examples of the RFCs', () => {
  test('RFC 2617 section 3.5', () => {
    const ha1 = computeHa1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life')
    expect(ha1).toBe('939e7578ed9e3c518a452acee763bce9')
    expect(
      read(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ' +
          'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", ' +
          'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"',
      ),
    ).toBe(true)
    expect(credentials.matches('GET', ha1)).toBe(true)
    expect(credentials.matches('PUT', ha1)).toBe(false)
  })

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ] as const)('RFC 7616 section 3.9.1, %s', (algorithm, response) => {
    const value =
      'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
      `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
      `cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="${response}", ` +
      'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    expect(read(value)).toBe(true)
    const ha1 = computeHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life')
    expect(credentials.matches('GET', ha1)).toBe(true)
  })
})

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const hash = HASHES[algorithm]
  const ha1 = hash('101:example.com:secret')
  const ha2 = hash('REGISTER:sip:example.com')
  const responses = {
    qop: hash(`${ha1}:abc:00000001:c:auth:${ha2}`),
    none: hash(`${ha1}:abc:${ha2}`),
  }
  const answer = (response: string, changes: Record<string, string> = WITH_QOP) =>
    digest({ ...changes, algorithm, response: `"${response}"` })
  const proves = (value: string, method = 'REGISTER', secret = ha1): boolean =>
    read(value) && credentials.matches(method, secret)

  test('HA1', () => {
    expect(computeHa1(algorithm, '101', 'example.com', 'secret')).toBe(ha1)
    expect(computeHa1(algorithm, 'J\u00e4s\u00f8n', 'r', '\u20ac')).toBe(hash('J\u00e4s\u00f8n:r:\u20ac'))
  })

  test('the right response, in either case, with qop and without', () => {
    expect(proves(answer(responses.qop))).toBe(true)
    expect(proves(answer(responses.qop.toUpperCase()))).toBe(true)
    expect(proves(answer(responses.none, {}))).toBe(true)
    expect(proves(answer(responses.none))).toBe(false)
    expect(proves(answer(responses.qop, {}))).toBe(false)
  })

  test('the right response to a nonce that is not there proves nothing', () => {
    const response = hash(`${ha1}::00000001:c:auth:${ha2}`)
    expect(read(answer(response).replace('nonce="abc", ', ''))).toBe(false)
    expect(credentials.matches('REGISTER', ha1)).toBe(false)
  })

  test('auth-int is not checked as if it were auth', () => {
    const response = hash(`${ha1}:abc:00000001:c:auth-int:${ha2}`)
    for (const wrong of [response, responses.none]) {
      expect(proves(answer(wrong, { ...WITH_QOP, qop: 'auth-int' }))).toBe(false)
    }
  })

  test('one wrong digit, wherever it is', () => {
    for (let at = 0; at < responses.qop.length; at++) {
      const wrong = responses.qop[at] === '0' ? '1' : '0'
      expect(proves(answer(responses.qop.slice(0, at) + wrong + responses.qop.slice(at + 1)))).toBe(false)
    }
  })

  test.each<[string, (right: string) => string]>([
    ['empty', () => ''],
    ['short', (right) => right.slice(1)],
    ['long', (right) => `${right}0`],
    ['not hex', (right) => right.replace(/^./, 'g')],
    // Bit 0x20 tells the cases of a letter apart; in a digit it must not be overlooked.
    [
      'digits without that bit',
      (right) => right.replace(/[0-9]/, (digit) => String.fromCharCode(digit.charCodeAt(0) & ~0x20)),
    ],
    ['zeros', (right) => '0'.repeat(right.length)],
  ])('a response that is %s', (_title, spoil) => {
    expect(proves(answer(spoil(responses.qop)))).toBe(false)
  })

  test('another method, secret, nonce count or URI', () => {
    expect(proves(answer(responses.qop), 'INVITE')).toBe(false)
    expect(proves(answer(responses.qop), 'REGISTER', hash('101:example.com:guess'))).toBe(false)
    expect(proves(answer(responses.qop, { ...WITH_QOP, nc: '00000002' }))).toBe(false)
    expect(proves(answer(responses.qop, { ...WITH_QOP, uri: '"sip:other"' }))).toBe(false)
  })

  test('an HA1 or a method that does not fit is no match', () => {
    expect(proves(answer(responses.qop), 'REGISTER', '')).toBe(false)
    expect(proves(answer(responses.qop), 'REGISTER', ha1.slice(1))).toBe(false)
    expect(proves(answer(responses.qop), 'REGISTER', `${ha1}00`)).toBe(false)
    expect(proves(answer(responses.qop), 'REGISTER'.repeat(9))).toBe(false)
  })

  test('values of every length that moves the end of a block', () => {
    for (let length = 1; length < 200; length += 1) {
      const uri = `sip:${'u'.repeat(length)}`
      const cnonce = 'c'.repeat(200 - length)
      const response = hash(`${ha1}:abc:00000001:${cnonce}:auth:${hash(`REGISTER:${uri}`)}`)
      expect(proves(answer(response, { ...WITH_QOP, cnonce: `"${cnonce}"`, uri: `"${uri}"` }))).toBe(true)
    }
  })

  test('a value as long as there is room for', () => {
    const bare = Buffer.byteLength(answer(responses.qop, { ...WITH_QOP, uri: '""' }))
    const uri = 'u'.repeat(CREDENTIALS_BYTES_MAX - bare)
    const response = hash(`${ha1}:abc:00000001:c:auth:${hash(`REGISTER:${uri}`)}`)
    expect(proves(answer(response, { ...WITH_QOP, uri: `"${uri}"` }))).toBe(true)
  })
})

describe('a keyed hash', () => {
  const key = Uint8Array.from({ length: 16 }, (_, n) => n)
  /** The first bytes of 00 01 02 ..., as in the vectors of the paper's own program. */
  const counted = (length: number) => String.fromCharCode(...Array.from({ length }, (_, n) => n))
  const hex = (text: string) => Buffer.from(text, 'base64url').toString('hex')

  test.each([
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [15, 'e545be4961ca29a1'],
    [16, 'db9bc2577fcc2a3f'],
    [63, '724506eb4c328a95'],
  ])('of %i bytes is SipHash-2-4', (length, expected) => {
    expect(hex(mac(key, counted(length)))).toBe(expected)
  })

  test('is another with another key, and of a text of any length', () => {
    const other = new Uint8Array(16)
    expect(mac(other, 'one')).not.toBe(mac(key, 'one'))
    const long = 'x'.repeat(HASH_INPUT_BYTES_MAX)
    const all = [long, `${long}x`, `${long}y`, `${long}${long}`].map((text) => mac(key, text))
    expect(new Set(all).size).toBe(all.length)
    expect(() => mac(new Uint8Array(15), 'one')).toThrow()
  })
})
