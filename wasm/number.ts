// Numbers as RFC 3261 writes them: 1*DIGIT, leading zeros allowed.

import { Char } from './char'
import { byte, skipDigits } from './step'

export const MAX_U32: i64 = 0xffff_ffff

/** Above every number that means anything; a longer row of digits stays here. */
const SATURATED: i64 = MAX_U32 + 1

/** The value of a span that is nothing but digits; -1 when it is not. */
export function decimal(start: i32, end: i32): i64 {
  if (start == end || skipDigits(start, end) != end) return -1
  let value: i64 = 0
  for (let at = start; at < end; at++) {
    value = min<i64>(value * 10 + (byte(at) - Char.Zero), SATURATED)
  }
  return value
}
