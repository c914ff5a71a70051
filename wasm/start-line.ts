// Request-Line and Status-Line (RFC 3261 sections 7.1, 7.2 and 25.1).

import { Char, Class, isBlank } from './char'
import { report, setField, setSpan } from './field'
import { Field, Problem } from './layout'
import { methodId } from './name'
import { decimal } from './number'
import { byte, equals, skip, skipDigits, skipSpace, trimEnd } from './step'
import { scanRequestUri } from './uri'

const SCHEME_BYTES = 4
const STATUS_MIN: i64 = 100
const STATUS_MAX: i64 = 699

/** `SIP/` begins a SIP-Version; the pointer after it, or 0. */
function skipSipSlash(start: i32, end: i32): i32 {
  const version = start + SCHEME_BYTES
  if (version > end || byte(version - 1) != Char.Slash) return 0
  return equals(start, version - 1, 'sip') ? version : 0
}

/** Reports what is wrong with the digits after `SIP/`. */
function checkVersion(start: i32, end: i32): void {
  const dot = skipDigits(start, end)
  const isNumber =
    dot > start && dot + 1 < end && byte(dot) == Char.Dot && skipDigits(dot + 1, end) == end
  if (!isNumber) report(Problem.StartLine)
  else if (!equals(start, end, '2.0')) report(Problem.Version)
}

/** False when this is no SIP at all. */
export function scanStartLine(start: i32, end: i32): bool {
  const version = skipSipSlash(start, end)
  if (!version) return scanRequestLine(start, end)
  scanStatusLine(version, end)
  return true
}

/** Method SP Request-URI SP SIP-Version, each SP exactly one space. */
function scanRequestLine(start: i32, lineEnd: i32): bool {
  const end = trimEnd(start, lineEnd)
  let versionStart = end
  while (versionStart > start && !isBlank(byte(versionStart - 1))) versionStart--
  const version = skipSipSlash(versionStart, end)
  if (!version) return false

  const methodEnd = skip(start, versionStart, Class.Token)
  setSpan(Field.MethodStart, start, methodEnd)
  setField(Field.MethodId, methodId(start, methodEnd))
  if (end < lineEnd || methodEnd == start || byte(methodEnd) != Char.Space) report(Problem.StartLine)

  const between = skipSpace(methodEnd, versionStart)
  const uriEnd = trimEnd(between, versionStart)
  if (between != methodEnd + 1 || uriEnd + 1 != versionStart || byte(uriEnd) != Char.Space) {
    report(Problem.StartLine)
  }
  if (!scanRequestUri(between, uriEnd)) report(Problem.RequestUri)
  checkVersion(version, end)
  return true
}

/** SIP-Version SP Status-Code SP Reason-Phrase. Many leave out the last SP when the phrase is empty. */
function scanStatusLine(version: i32, end: i32): void {
  const versionEnd = skipToBlank(version, end)
  checkVersion(version, versionEnd)
  const codeStart = min(versionEnd + 1, end)
  const codeEnd = skipDigits(codeStart, end)
  const code = decimal(codeStart, codeEnd)
  if (code >= STATUS_MIN && code <= STATUS_MAX && codeEnd - codeStart == 3) setField(Field.StatusCode, <i32>code)
  else report(Problem.StartLine)
  if (codeEnd < end && byte(codeEnd) != Char.Space) report(Problem.StartLine)
  setSpan(Field.MethodStart, min(codeEnd + 1, end), end)
}

function skipToBlank(at: i32, end: i32): i32 {
  while (at < end && !isBlank(byte(at))) at++
  return at
}
