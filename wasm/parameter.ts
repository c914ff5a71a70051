// One parameter of a header: `;name` or `;name=value` (generic-param, RFC 3261 section 25.1).

import { Char, Class } from './char'
import { byte, skip, skipQuoted, skipRun, skipSeparator, skipSpace } from './step'

/** The parameter read last. The value is empty when there is none; a quoted one keeps its quotes. */
export let nameStart: i32 = 0
export let nameEnd: i32 = 0
export let valueStart: i32 = 0
export let valueEnd: i32 = 0

/** Reads the parameter whose semicolon is at `at`; the pointer after it and the white space behind it, or 0. */
export function scanParameter(at: i32, end: i32): i32 {
  nameStart = skipSpace(at + 1, end)
  nameEnd = skip(nameStart, end, Class.Token)
  if (nameEnd == nameStart) return 0
  valueStart = valueEnd = nameEnd
  const value = skipSeparator(nameEnd, end, Char.Equals)
  if (!value) return skipSpace(nameEnd, end)
  if (value == end) return 0
  valueStart = value
  valueEnd = byte(value) == Char.Quote ? skipQuoted(value, end) : skipRun(value, end, Class.ParamValue)
  if (valueEnd <= valueStart) return 0
  return skipSpace(valueEnd, end)
}
