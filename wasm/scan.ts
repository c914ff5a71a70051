// Bytes to spans: start line, one entry for each header line, and the values that each message is asked for.
// Every loop goes forward over the input, so that the work is linear in its length.

import { scanFrom, scanTo } from './address'
import { Char, Class, isBlank } from './char'
import { clearFields, getField, report, setField, setSpan } from './field'
import {
  Field,
  FIELDS,
  HEADER_FIELDS,
  Header,
  HEADERS_MAX,
  HeaderId,
  INDEX,
  INPUT,
  MESSAGE_BYTES_MAX,
  NONE,
  Problem,
} from './layout'
import { contentEnd, findLineFeed } from './line'
import { headerId } from './name'
import { scanStartLine } from './start-line'
import { byte, find, skip, skipSpace, trimEnd } from './step'
import { scanCallId, scanContentLength, scanCSeq, scanExpires, scanMaxForwards } from './value'
import { scanVia } from './via'

/** Fills INDEX for the message at INPUT; its problem is given back too. */
export function scan(length: i32): Problem {
  const end = INPUT + min<u32>(length, MESSAGE_BYTES_MAX)
  clearFields()
  const lineFeed = findLineFeed(INPUT, end, Problem.StartLine)
  if (!scanStartLine(INPUT, contentEnd(INPUT, lineFeed, end))) {
    setField(Field.Problem, Problem.NotSip)
    return Problem.NotSip
  }
  scanBody(scanHeaders(min(lineFeed + 1, end), end), end)
  if (!hasMandatoryHeaders()) report(Problem.Missing)
  return getField(Field.Problem)
}

/** All header lines; the pointer to the body, after the blank line. */
function scanHeaders(start: i32, end: i32): i32 {
  let line = start
  while (line < end) {
    let lineFeed = findLineFeed(line, end, Problem.HeaderLine)
    if (lineFeed < end && contentEnd(line, lineFeed, end) == line) return lineFeed + 1
    // A line that begins with white space continues the one before it (RFC 3261 section 7.3.1).
    while (lineFeed + 1 < end && isBlank(byte(lineFeed + 1))) {
      lineFeed = findLineFeed(lineFeed + 1, end, Problem.HeaderLine)
    }
    scanHeader(line, contentEnd(line, lineFeed, end))
    line = lineFeed + 1
  }
  report(Problem.NoHeaderEnd)
  return end
}

/** HCOLON allows white space before the colon, but no fold. */
function scanHeader(line: i32, lineEnd: i32): void {
  const colon = find(line, lineEnd, Char.Colon)
  let nameEnd = colon
  while (nameEnd > line && isBlank(byte(nameEnd - 1))) nameEnd--
  const id = headerId(line, nameEnd)
  if (colon == lineEnd || (!id && !isToken(line, nameEnd))) return report(Problem.HeaderLine)

  const count = getField(Field.HeaderCount)
  if (count == HEADERS_MAX) return report(Problem.TooManyHeaders)
  const start = skipSpace(colon + 1, lineEnd)
  const end = trimEnd(start, lineEnd)
  const entry = INDEX + (FIELDS + count * HEADER_FIELDS) * 2
  store<u16>(entry + Header.Id * 2, <u16>id)
  store<u16>(entry + Header.NameStart * 2, <u16>(line - INPUT))
  store<u16>(entry + Header.ValueStart * 2, <u16>(start - INPUT))
  store<u16>(entry + Header.ValueEnd * 2, <u16>(end - INPUT))
  setField(Field.HeaderCount, count + 1)
  scanFirst(id, count + 1, start, end)
}

function isToken(start: i32, end: i32): bool {
  return end > start && skip(start, end, Class.Token) == end
}

/** Notes the header's place, and its value where that is one that each message is asked for. */
function scanFirst(id: HeaderId, count: i32, start: i32, end: i32): void {
  const place = placeOf(id)
  if (!place) return
  if (!getField(place)) {
    setField(place, count)
    report(scanValue(id, start, end))
  } else if (isSingle(id)) {
    report(Problem.Duplicate)
  }
}

/** The field for the first header line of that kind. */
function placeOf(id: HeaderId): Field {
  switch (id) {
    case HeaderId.Via: return Field.FirstVia
    case HeaderId.Route: return Field.FirstRoute
    case HeaderId.RecordRoute: return Field.FirstRecordRoute
    case HeaderId.Contact: return Field.FirstContact
    case HeaderId.Authorization: return Field.FirstAuthorization
    case HeaderId.ProxyAuthorization: return Field.FirstProxyAuthorization
    case HeaderId.From: return Field.FromHeader
    case HeaderId.To: return Field.ToHeader
    case HeaderId.CallId: return Field.CallIdHeader
    case HeaderId.CSeq: return Field.CSeqHeader
    case HeaderId.MaxForwards: return Field.MaxForwardsHeader
    case HeaderId.ContentLength: return Field.ContentLengthHeader
    case HeaderId.Expires: return Field.ExpiresHeader
    default: return 0
  }
}

/** May not be there twice. A second Expires does no harm; of the others the two could disagree. */
function isSingle(id: HeaderId): bool {
  switch (id) {
    case HeaderId.From:
    case HeaderId.To:
    case HeaderId.CallId:
    case HeaderId.CSeq:
    case HeaderId.MaxForwards:
    case HeaderId.ContentLength: return true
    default: return false
  }
}

function scanValue(id: HeaderId, start: i32, end: i32): Problem {
  switch (id) {
    case HeaderId.Via: return scanVia(start, end) ? Problem.Ok : Problem.Via
    case HeaderId.From: return scanFrom(start, end) ? Problem.Ok : Problem.From
    case HeaderId.To: return scanTo(start, end) ? Problem.Ok : Problem.To
    case HeaderId.CallId: return scanCallId(start, end) ? Problem.Ok : Problem.CallId
    case HeaderId.CSeq: return scanCSeq(start, end)
    case HeaderId.MaxForwards: return scanMaxForwards(start, end) ? Problem.Ok : Problem.MaxForwards
    case HeaderId.ContentLength: return scanContentLength(start, end) ? Problem.Ok : Problem.ContentLength
    case HeaderId.Expires: scanExpires(start, end)
    default: return Problem.Ok
  }
}

/** The body is as long as Content-Length says; what follows it in a datagram is dropped (RFC 3261 section 18.3). */
function scanBody(start: i32, end: i32): void {
  const length = getField(Field.ContentLength)
  const isWhole = length == NONE || length <= end - start
  if (!isWhole) report(Problem.BodyShort)
  setSpan(Field.BodyStart, start, length != NONE && isWhole ? start + length : end)
}

/** RFC 3261 section 8.1.1 wants Max-Forwards as well, but clients of RFC 2543 leave it out (section 16.3). */
function hasMandatoryHeaders(): bool {
  return (
    getField(Field.FirstVia) != 0 &&
    getField(Field.FromHeader) != 0 &&
    getField(Field.ToHeader) != 0 &&
    getField(Field.CallIdHeader) != 0 &&
    getField(Field.CSeqHeader) != 0
  )
}
