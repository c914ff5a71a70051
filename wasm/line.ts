// Line ends: CRLF, and a lone line feed, which is not in the grammar but does no harm.

import { Char } from './char'
import { report } from './field'
import { Problem } from './layout'
import { byte, VECTOR_BYTES } from './step'

/**
 * The next line feed, or `end`. A carriage return without one has no place in the grammar, and other servers might
 * take it for a line end: it is a problem.
 */
export function findLineFeed(from: i32, end: i32, problem: Problem): i32 {
  const lineFeed = i8x16.splat(<i8>Char.LineFeed)
  const carriageReturn = i8x16.splat(<i8>Char.CarriageReturn)
  for (let at = from; at < end; at += VECTOR_BYTES) {
    const bytes = v128.load(at)
    let ends = i8x16.bitmask(v128.or(i8x16.eq(bytes, lineFeed), i8x16.eq(bytes, carriageReturn)))
    while (ends) {
      const found = at + ctz(ends)
      if (found >= end) return end
      if (byte(found) == Char.LineFeed) return found
      if (found + 1 < end && byte(found + 1) == Char.LineFeed) return found + 1
      report(problem)
      ends &= ends - 1
    }
  }
  return end
}

/** Where the line's content ends: the carriage return before the line feed belongs to the line end. */
export function contentEnd(start: i32, lineFeed: i32, end: i32): i32 {
  return lineFeed < end && lineFeed > start && byte(lineFeed - 1) == Char.CarriageReturn ? lineFeed - 1 : lineFeed
}
