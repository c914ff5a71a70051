import { describe, expect, test } from 'bun:test'
import { parseAddress } from '../../src/sip/address.ts'
import {
  lowerCase,
  oneLine,
  parseParams,
  parseSeconds,
  quote,
  splitList,
  trimSpace,
  unquote,
} from '../../src/sip/header.ts'
import { loopHashOf } from '../../src/sip/id.ts'
import { parseMessage } from '../../src/sip/parse.ts'
import { buildResponse, forwardRequest } from '../../src/sip/serialize.ts'
import { canonicalUri, parseUri, resolveEscapes, sameUri } from '../../src/sip/uri.ts'
import { parseSentBy, topViaEdit, viaValues } from '../../src/sip/via.ts'

/** As long as a message may be. */
const LENGTH = 65_000
/** Linear work takes some milliseconds; quadratic work over this length takes seconds. */
const CPU_MS_MAX = 250

/** A start, a unit that is repeated, an end: what backtracking chokes on. */
const SHAPES: readonly (readonly [start: string, unit: string, end: string])[] = [
  ['', ' ', ''],
  ['', ' ', 'x'],
  ['', '\t ', ';'],
  ['', '\r\n ', '"'],
  [';', ' ', 'x y'],
  [';a', ' ', ','],
  [';a=', ' ', '"'],
  ['', ';', ''],
  ['', ';a', '<'],
  ['', ';a=b', '"'],
  ['', ';a="', ''],
  [';a="', '\\"', ''],
  [';a="', '\\a', '"x'],
  ['', ',', '"'],
  ['', '"', ''],
  ['', '\\', '"'],
  ['', '<', ''],
  ['', '>', '<'],
  ['sip:', 'a', '<'],
  ['sip:', ':', ' '],
  ['sip:', ':a', '@ '],
  ['sip:', '@', ''],
  ['sip:a@', '[', ''],
  ['sip:a@[', ':', ''],
  ['sip:a@[', 'a', ']'],
  ['sip:a@', '1', ':'],
  ['sip:a@', 'a.', ':x'],
  ['sip:a@b', ';a', ' '],
  ['sip:a@b', ';', '"'],
  ['sip:a@b?', '&a=b', ' '],
  ['sip:a@b?', '?', '"'],
  ['sip:', '%41', '@b'],
  ['sip:', '%', '@b'],
  ['<sip:a@b>', ';a=b', ' x'],
  ['"', 'a', '"<sip:a@b'],
  ['"', '\\', '<sip:a@b>'],
  ['SIP/2.0/UDP ', 'a', ''],
  ['SIP/2.0/UDP a', ';branch', ''],
  ['SIP/2.0/UDP a;', ' ', 'branch'],
  ['SIP/2.0/UDP a;branch', ' ', 'x'],
  ['SIP', ' ', '/'],
  ['SIP/2.0/', 'a', ''],
  ['SIP/2.0/UDP a', ';rport', ''],
  ['SIP/2.0/UDP a', ' ;', 'received'],
  ['', '\xa0', ''],
  ['', '\x00', ''],
  ['', '\r', '\n'],
  ['', '\n', '\r'],
  ['', '9', 'x'],
]

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  trimSpace,
  lowerCase,
  splitList,
  parseParams,
  unquote,
  'unquote a quoted string': (text) => unquote(`"${text}"`),
  oneLine,
  quote,
  parseSeconds,
  parseAddress,
  parseUri,
  resolveEscapes,
  'sameUri and canonicalUri': (text) => {
    const uri = parseUri(text) ?? parseUri(`sip:${encodeURIComponent(text)}@b;x=1`)
    return uri === null ? null : [sameUri(uri, uri), canonicalUri(uri)]
  },
  parseSentBy,
  loopHashOf,
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function hostileText(start: string, unit: string, end: string): string {
  return start + unit.repeat(Math.floor((LENGTH - start.length - end.length) / unit.length)) + end
}

describe('no text of 64 KB takes more than linear time, or throws', () => {
  for (const [name, read] of Object.entries(READERS)) {
    test.each(SHAPES)(`${name}: %p %p ... %p`, (start, unit, end) => {
      const text = hostileText(start, unit, end)
      expect(cpuMs(() => read(text))).toBeLessThan(CPU_MS_MAX)
    })
  }
})

/** The same text as the value of each header that is looked into, as display name, and as Request-URI. */
function messagesWith(text: string): Buffer[] {
  const headers = (via: string, from: string, rest: string) =>
    `Via: ${via}\r\nFrom: ${from}\r\nTo: <sip:b@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n${rest}\r\n\r\n`
  const via = 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1'
  const from = '<sip:a@example.com>;tag=1'
  return [
    `INVITE sip:b@example.com SIP/2.0\r\n${headers(text, from, 'X: y')}`,
    `INVITE sip:b@example.com SIP/2.0\r\n${headers(`SIP/2.0/UDP a${text}`, from, 'X: y')}`,
    `INVITE sip:b@example.com SIP/2.0\r\n${headers(via, text, 'X: y')}`,
    `INVITE sip:b@example.com SIP/2.0\r\n${headers(via, from, `Contact: ${text}`)}`,
    `INVITE ${text} SIP/2.0\r\n${headers(via, from, 'X: y')}`,
    text,
  ].map((message) => Buffer.from(message, 'latin1'))
}

describe('nor does a message of them', () => {
  test.each(SHAPES)('%p %p ... %p', (start, unit, end) => {
    const text = hostileText(start, unit, end).slice(0, LENGTH - 300)
    for (const bytes of messagesWith(text)) {
      const used = cpuMs(() => {
        const message = parseMessage(bytes)
        if (message.kind !== 'request') return
        message.source = { host: '192.0.2.9', port: 5060 }
        topViaEdit(message)
        viaValues(message, 70)
        const answer = buildResponse(message, 400, { toTag: 'x' })
        expect(answer.subarray(0, 12).toString()).toBe('SIP/2.0 400 ')
        const edits = {
          uri: 'sip:c@192.0.2.2',
          via: 'SIP/2.0/UDP x',
          recordRoutes: [],
          removals: [],
          headers: '',
        }
        forwardRequest(message, { ...edits, maxForwards: 69 })
      })
      expect(used).toBeLessThan(CPU_MS_MAX)
    }
  })
})
