// The values of Call-ID, CSeq, Max-Forwards, Content-Length and Expires (RFC 3261 sections 20 and 25.1).

import { Class } from './char'
import { getField, setField, setNumber, setSpan } from './field'
import { Field, INPUT, MESSAGE_BYTES_MAX, Problem } from './layout'
import { methodId } from './name'
import { decimal, MAX_U32 } from './number'
import { skip, skipDigits, skipRun, skipSpace } from './step'

const MAX_FORWARDS_MAX: i64 = 255

/** callid, taken as any row of visible characters: nothing is ever read out of it. */
export function scanCallId(start: i32, end: i32): bool {
  setSpan(Field.CallIdStart, start, end)
  return end > start && skipRun(start, end, Class.Visible) == end
}

/** 1*DIGIT LWS Method; the method must be the request's own (section 8.1.1.5). */
export function scanCSeq(start: i32, end: i32): Problem {
  const numberEnd = skipDigits(start, end)
  const methodStart = skipSpace(numberEnd, end)
  const value = decimal(start, numberEnd)
  if (value < 0 || value > MAX_U32 || methodStart == numberEnd || methodStart == end) return Problem.CSeq
  if (skip(methodStart, end, Class.Token) != end) return Problem.CSeq
  setNumber(Field.CSeqHigh, <u32>value)
  setSpan(Field.CSeqMethodStart, methodStart, end)
  setField(Field.CSeqMethodId, methodId(methodStart, end))
  return isResponse() || isRequestMethod(methodStart, end) ? Problem.Ok : Problem.CSeqMethod
}

/** Only a response has no method token at the very start. */
function isResponse(): bool {
  return getField(Field.MethodStart) != 0
}

function isRequestMethod(start: i32, end: i32): bool {
  const length = getField(Field.MethodEnd)
  return end - start == length && memory.compare(start, INPUT, length) == 0
}

export function scanMaxForwards(start: i32, end: i32): bool {
  const value = decimal(start, end)
  if (value < 0 || value > MAX_FORWARDS_MAX) return false
  setField(Field.MaxForwards, <i32>value)
  return true
}

export function scanContentLength(start: i32, end: i32): bool {
  const value = decimal(start, end)
  if (value < 0 || value >= MESSAGE_BYTES_MAX) return false
  setField(Field.ContentLength, <i32>value)
  return true
}

/** One that is no number counts as absent, one that is too large is cut (section 20.19, RFC 4475 section 3.1.2.4). */
export function scanExpires(start: i32, end: i32): void {
  const value = decimal(start, end)
  if (value < 0) return
  setField(Field.HasExpires, 1)
  setNumber(Field.ExpiresHigh, <u32>min(value, MAX_U32))
}
