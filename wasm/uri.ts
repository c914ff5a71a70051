// URIs: SIP-URI and SIPS-URI in their parts, any other scheme as it is (RFC 3261 sections 19.1 and 25.1).

import { Char, Class, isDigit, isHexDigit } from './char'
import { setField, setSpan } from './field'
import { Field, INPUT, SchemeId } from './layout'
import { decimal } from './number'
import { byte, equals, find, isAt, skip, skipDigits, skipRun } from './step'

const PORT_MAX: i64 = 65535

/** Where the scheme's colon is, 0 when there is no scheme or nothing behind it. */
function schemeColon(start: i32, end: i32): i32 {
  if (start >= end || isDigit(byte(start))) return 0
  const colon = skip(start, end, Class.Token)
  return colon > start && colon + 1 < end && byte(colon) == Char.Colon ? colon : 0
}

function schemeId(start: i32, colon: i32): SchemeId {
  if (equals(start, colon, 'sip')) return SchemeId.Sip
  if (equals(start, colon, 'sips')) return SchemeId.Sips
  if (equals(start, colon, 'tel')) return SchemeId.Tel
  return SchemeId.Other
}

/** Over all that may stand in a URI, when it begins with a scheme; otherwise 0. */
export function skipUri(start: i32, end: i32): i32 {
  const colon = schemeColon(start, end)
  return colon ? skipRun(colon, end, Class.Uri) : 0
}

/** Fills the fields of the Request-URI; false when it breaks the grammar. */
export function scanRequestUri(start: i32, end: i32): bool {
  setSpan(Field.UriStart, start, end)
  if (skipUri(start, end) != end) return false
  const colon = schemeColon(start, end)
  const scheme = schemeId(start, colon)
  setField(Field.UriScheme, scheme)
  if (scheme != SchemeId.Sip && scheme != SchemeId.Sips) return true

  // userinfo may hold any of `;?/&=+$,`, but nothing after the host may hold a bare `@`: the first one ends userinfo.
  const hostpart = colon + 1
  const at = find(hostpart, end, Char.At)
  if (at == end) return scanHostPort(hostpart, end)
  return scanUserInfo(hostpart, at) && scanHostPort(at + 1, end)
}

function scanUserInfo(start: i32, end: i32): bool {
  const userEnd = find(start, end, Char.Colon)
  setSpan(Field.UriUserStart, start, userEnd)
  return userEnd > start && skip(start, userEnd, Class.User) == userEnd && hasWholeEscapes(start, end)
}

function hasWholeEscapes(start: i32, end: i32): bool {
  for (let at = find(start, end, Char.Percent); at < end; at = find(at + 1, end, Char.Percent)) {
    if (at + 2 >= end || !isHexDigit(byte(at + 1)) || !isHexDigit(byte(at + 2))) return false
  }
  return true
}

function scanHostPort(start: i32, end: i32): bool {
  const hostEnd = skipHost(start, end)
  if (!hostEnd) return false
  setSpan(Field.UriHostStart, start, hostEnd)
  let next = hostEnd
  if (isAt(next, end, Char.Colon)) {
    next = skipDigits(hostEnd + 1, end)
    const port = portOf(hostEnd + 1, next)
    if (port < 0) return false
    setField(Field.UriPort, port)
  }
  const hasParams = isAt(next, end, Char.Semicolon)
  setField(Field.UriParamsStart, (hasParams ? next : end) - INPUT)
  return next == end || hasParams || byte(next) == Char.Question
}

/** hostname, IPv4address or IPv6reference; the pointer after it, or 0. */
export function skipHost(start: i32, end: i32): i32 {
  if (start >= end) return 0
  if (byte(start) != Char.BracketOpen) {
    const hostEnd = skip(start, end, Class.Host)
    return hostEnd > start ? hostEnd : 0
  }
  const close = skip(start + 1, end, Class.Ipv6)
  return close > start + 1 && isAt(close, end, Char.BracketClose) ? close + 1 : 0
}

/** -1 when it is no port. */
export function portOf(start: i32, end: i32): i32 {
  const port = decimal(start, end)
  return port <= PORT_MAX ? <i32>port : -1
}
