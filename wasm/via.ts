// The topmost Via value: via-parm of RFC 3261 section 25.1, with rport of RFC 3581.

import { Char, Class } from './char'
import { getField, setField, setSpan } from './field'
import { Field } from './layout'
import { nameEnd, nameStart, scanParameter, valueEnd, valueStart } from './parameter'
import { equals, isAt, skip, skipDigits, skipSeparator, skipSpace, trimEnd } from './step'
import { portOf, skipHost } from './uri'

/** Fills the fields of the first value in a Via header; false when that value breaks the grammar. */
export function scanVia(start: i32, end: i32): bool {
  setSpan(Field.ViaStart, start, end)
  let at = scanSentProtocol(start, end)
  if (at) at = scanSentBy(at, end)
  while (at && isAt(at, end, Char.Semicolon)) {
    at = scanParameter(at, end)
    if (at) takeParameter()
  }
  if (!at) return false
  setSpan(Field.ViaStart, start, trimEnd(start, at))
  return at == end || isAt(at, end, Char.Comma)
}

/** protocol-name SLASH protocol-version SLASH transport LWS; the pointer to sent-by, or 0. */
function scanSentProtocol(start: i32, end: i32): i32 {
  const version = skipTokenAndSlash(start, end)
  const transport = version ? skipTokenAndSlash(version, end) : 0
  if (!transport) return 0
  const transportEnd = skip(transport, end, Class.Token)
  const sentBy = skipSpace(transportEnd, end)
  if (transportEnd == transport || sentBy == transportEnd) return 0
  setSpan(Field.ViaTransportStart, transport, transportEnd)
  return sentBy
}

function skipTokenAndSlash(start: i32, end: i32): i32 {
  const tokenEnd = skip(start, end, Class.Token)
  return tokenEnd > start ? skipSeparator(tokenEnd, end, Char.Slash) : 0
}

/** host [ COLON port ]; the pointer after it and its white space, or 0. */
function scanSentBy(start: i32, end: i32): i32 {
  const hostEnd = skipHost(start, end)
  if (!hostEnd) return 0
  setSpan(Field.ViaHostStart, start, hostEnd)
  const portStart = skipSeparator(hostEnd, end, Char.Colon)
  if (!portStart) return skipSpace(hostEnd, end)
  const portEnd = skipDigits(portStart, end)
  const port = portOf(portStart, portEnd)
  if (port < 0) return 0
  setField(Field.ViaPort, port)
  return skipSpace(portEnd, end)
}

/** Of a parameter that is there twice the first counts. */
function takeParameter(): void {
  if (equals(nameStart, nameEnd, 'branch')) {
    if (!getField(Field.BranchEnd)) setSpan(Field.BranchStart, valueStart, valueEnd)
  } else if (equals(nameStart, nameEnd, 'rport')) {
    if (!getField(Field.RportEnd)) setSpan(Field.RportStart, nameStart, valueEnd)
  } else if (equals(nameStart, nameEnd, 'received')) {
    if (!getField(Field.ReceivedEnd)) setSpan(Field.ReceivedStart, valueStart, valueEnd)
  }
}
