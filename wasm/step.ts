// The steps that every scan is made of: from a pointer and the end of the input to the pointer after what was read.
// They go sixteen bytes at a time where it pays. A vector may reach past the end of the input, into the slack behind
// it; what is found there does not count.

import { Char, Class, is, isDigit, isLetter, isSpace, vectorsOf } from './char'

export const VECTOR_BYTES = 16

export function byte(at: i32): i32 {
  return <i32>load<u8>(at)
}

export function isAt(at: i32, end: i32, char: i32): bool {
  return at < end && byte(at) == char
}

/** Over all bytes of a class, where there are few. */
export function skip(at: i32, end: i32, which: Class): i32 {
  while (at < end && is(byte(at), which)) at++
  return at
}

export function skipDigits(at: i32, end: i32): i32 {
  while (at < end && isDigit(byte(at))) at++
  return at
}

/** Over all bytes of a class, where there are many: pays from about ten. The tables are told in char.ts. */
export function skipRun(at: i32, end: i32, which: Class): i32 {
  const rows = v128.load(vectorsOf(which))
  const bitOfHigh = v128.load(vectorsOf(which), 16)
  for (; at < end; at += VECTOR_BYTES) {
    const bytes = v128.load(at)
    const row = i8x16.swizzle(rows, v128.and(bytes, i8x16.splat(0x0f)))
    const bit = i8x16.swizzle(bitOfHigh, i8x16.shr_u(bytes, 4))
    const others = i8x16.bitmask(i8x16.ne(v128.and(row, bit), bit))
    if (others) return min(at + ctz(others), end)
  }
  return end
}

/** To the first byte of that value, or the end. */
export function find(at: i32, end: i32, wanted: i32): i32 {
  const sought = i8x16.splat(<i8>wanted)
  for (; at < end; at += VECTOR_BYTES) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(at), sought))
    if (found) return min(at + ctz(found), end)
  }
  return end
}

/** Byte by byte: there is seldom more than one. */
export function skipSpace(at: i32, end: i32): i32 {
  while (at < end && isSpace(byte(at))) at++
  return at
}

/** Where the value ends once the white space behind it is left out. */
export function trimEnd(start: i32, end: i32): i32 {
  while (end > start && isSpace(byte(end - 1))) end--
  return end
}

/** A character with white space around it (SLASH, COLON, EQUAL); the pointer after all that, or 0. */
export function skipSeparator(at: i32, end: i32, separator: i32): i32 {
  at = skipSpace(at, end)
  return isAt(at, end, separator) ? skipSpace(at + 1, end) : 0
}

/** quoted-string, whose first quote is at `at`; 0 when it never closes. */
export function skipQuoted(at: i32, end: i32): i32 {
  for (at++; at < end; at++) {
    const char = byte(at)
    if (char == Char.Quote) return at + 1
    if (char == Char.Backslash) at++
  }
  return 0
}

/** Is the span this word, written in lower case here and in any case there (RFC 3261 section 7.3.1)? */
export function equals(start: i32, end: i32, word: string): bool {
  const length = word.length
  if (end - start != length) return false
  for (let i = 0; i < length; i++) {
    const char = byte(start + i)
    if ((isLetter(char) ? char | 0x20 : char) != word.charCodeAt(i)) return false
  }
  return true
}
