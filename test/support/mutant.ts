// Messages that have gone wrong, in ways that follow from a seed.

import type { Random } from './random.ts'

/** As long as a datagram may be. */
const BYTES_MAX = 65_507
const JUNK_BYTES_MAX = 2000
/** What parsers trip over. */
const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\r\n ',
  '\0',
  '"',
  '\\',
  '<',
  '>',
  ';',
  ',',
  ':',
  '@',
  '%',
  '%00',
  '=',
  ' ',
  '\t',
  '[::1]',
  'sip:',
  'SIP/2.0',
  'Via: ',
  'Content-Length: 4294967297\r\n',
  'l: 7\r\n',
  'Route: <sip:127.0.0.1;lr>\r\n',
  ';rport',
  ';received=203.0.113.9',
  ';branch=z9hG4bK',
  ';tag=',
  'Contact: *\r\n',
  '99999999999999999999',
  '-1',
  '\xff\xfe',
  '\xc3',
]

/** `number` makes its transaction another one than that of earlier mutants, nearly always. */
export function mutant(random: Random, seeds: readonly Buffer[], number: number): Buffer {
  if (random.below(20) === 0) return junk(random)
  let bytes = random.pick(seeds)
  if (random.below(10) > 0) bytes = renumbered(bytes, number)
  for (let changes = random.below(5); changes > 0; changes--) bytes = changed(random, bytes, seeds)
  return bytes.subarray(0, BYTES_MAX)
}

function junk(random: Random): Buffer {
  return Buffer.from(Array.from({ length: random.below(JUNK_BYTES_MAX) }, () => random.below(256)))
}

function renumbered(bytes: Buffer, number: number): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('z9hG4bK', `z9hG4bK${number}x`), 'latin1')
}

function changed(random: Random, bytes: Buffer, seeds: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1)
  const to = Math.min(bytes.length, at + 1 + random.below(random.pick([2, 20, 200])))
  const [before, middle, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)]
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([before, Buffer.from([random.below(256)]), after])
    case 1:
      return Buffer.concat([before, Buffer.from(random.pick(TOKENS), 'latin1'), middle, after])
    case 2:
      return Buffer.concat([before, Buffer.from(random.pick(TOKENS), 'latin1'), after])
    case 3:
      return Buffer.concat([before, after])
    case 4:
      return Buffer.concat([
        before,
        ...Array.from({ length: random.pick([2, 10, 300]) }, () => middle),
        after,
      ])
    case 5:
      return before
    case 6:
      return Buffer.concat([before, random.pick(seeds).subarray(at)])
    default:
      return withLineMoved(random, bytes)
  }
}

function withLineMoved(random: Random, bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').split('\r\n')
  const [line = ''] = lines.splice(random.below(lines.length), 1)
  lines.splice(random.below(lines.length + 1), 0, line)
  return Buffer.from(lines.join('\r\n'), 'latin1')
}
