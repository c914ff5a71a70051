// From and To: name-addr or addr-spec, with parameters (RFC 3261 sections 20.10 and 25.1).

import { Char, Class } from './char'
import { getField, setSpan } from './field'
import { Field } from './layout'
import { nameEnd, nameStart, scanParameter, valueEnd, valueStart } from './parameter'
import { byte, equals, isAt, skipQuoted, skipRun, skipSpace, trimEnd } from './step'
import { skipUri } from './uri'

export function scanFrom(start: i32, end: i32): bool {
  return scanAddress(start, end, Field.FromUriStart, Field.FromTagStart)
}

export function scanTo(start: i32, end: i32): bool {
  return scanAddress(start, end, Field.ToUriStart, Field.ToTagStart)
}

/** Fills the spans of URI and tag; false when the value breaks the grammar. */
function scanAddress(start: i32, end: i32, uriField: Field, tagField: Field): bool {
  const at = scanUri(start, end, uriField)
  return at != 0 && scanTag(at, end, tagField)
}

/** Reads up to the parameters; the pointer to their first semicolon or to the end, or 0. */
function scanUri(start: i32, end: i32, uriField: Field): i32 {
  if (start == end) return 0
  if (byte(start) == Char.Quote) {
    const quoted = skipQuoted(start, end)
    const open = quoted ? skipSpace(quoted, end) : end
    return isAt(open, end, Char.Less) ? scanBracketed(open, end, uriField) : 0
  }
  // A display name without quotes ends at `<`; without one this is an addr-spec, whose semicolon starts the
  // header's own parameters (section 20.10).
  const stop = skipRun(start, end, Class.Display)
  if (isAt(stop, end, Char.Less)) return scanBracketed(stop, end, uriField)
  const uriEnd = trimEnd(start, stop)
  if (skipUri(start, uriEnd) != uriEnd) return 0
  setSpan(uriField, start, uriEnd)
  return stop
}

function scanBracketed(open: i32, end: i32, uriField: Field): i32 {
  const close = skipUri(open + 1, end)
  if (!isAt(close, end, Char.Greater)) return 0
  setSpan(uriField, open + 1, close)
  return skipSpace(close + 1, end)
}

/** Of a tag that is there twice the first counts. */
function scanTag(at: i32, end: i32, tagField: Field): bool {
  while (isAt(at, end, Char.Semicolon)) {
    at = scanParameter(at, end)
    if (!at) return false
    const isTag = valueEnd > valueStart && equals(nameStart, nameEnd, 'tag')
    if (isTag && !getField(tagField + 1)) setSpan(tagField, valueStart, valueEnd)
  }
  return at == end
}
