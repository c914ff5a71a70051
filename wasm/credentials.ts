// The value of an Authorization header: credentials of RFC 3261 section 25.1, as RFC 7616 section 3.4 has them now.

import { Char, Class, isHexDigit } from './char'
import { AlgorithmId, CREDENTIALS, CREDENTIALS_BYTES_MAX, DIGEST, DIGEST_BYTES, Digest, Qop } from './layout'
import { digestParameter } from './name'
import { byte, equals, isAt, skip, skipQuoted, skipRun, skipSeparator, skipSpace } from './step'

const NONCE_COUNT_DIGITS = 8

/** Fills DIGEST for the value at CREDENTIALS; false when it is no Digest, breaks the grammar or lacks something. */
export function scanCredentials(length: i32): bool {
  memory.fill(DIGEST, 0, DIGEST_BYTES)
  const end = CREDENTIALS + min<u32>(length, CREDENTIALS_BYTES_MAX)
  const scheme = skipSpace(CREDENTIALS, end)
  const schemeEnd = skip(scheme, end, Class.Token)
  const parameters = skipSpace(schemeEnd, end)
  if (!equals(scheme, schemeEnd, 'digest') || parameters == schemeEnd) return false
  const valid = scanParameters(parameters, end) && isComplete()
  set(Digest.Valid, valid)
  return valid
}

export function get(field: Digest): i32 {
  return <i32>load<u16>(DIGEST + (field << 1))
}

function set(field: Digest, value: i32): void {
  store<u16>(DIGEST + (field << 1), <u16>value)
}

export function startOf(startField: Digest): i32 {
  return CREDENTIALS + get(startField)
}

export function endOf(startField: Digest): i32 {
  return CREDENTIALS + get(startField + 1)
}

/** No parameter's value begins at 0, so that an end of 0 says that there is none. */
function has(startField: Digest): bool {
  return get(startField + 1) != 0
}

function scanParameters(start: i32, end: i32): bool {
  let at = start
  while (true) {
    at = scanParameter(at, end)
    if (!at) return false
    if (at == end) return true
    if (!isAt(at, end, Char.Comma)) return false
    at = skipSpace(at + 1, end)
  }
}

/** name EQUAL ( token / quoted-string ); the pointer after it and the white space behind it, or 0. */
function scanParameter(start: i32, end: i32): i32 {
  const nameEnd = skip(start, end, Class.Token)
  const value = nameEnd > start ? skipSeparator(nameEnd, end, Char.Equals) : 0
  if (!value || value == end) return 0
  const isQuoted = isAt(value, end, Char.Quote)
  const valueEnd = isQuoted ? skipQuoted(value, end) : skipRun(value, end, Class.ParamValue)
  if (valueEnd <= value) return 0

  // Either form is taken for each parameter: clients quote algorithm, qop and nc at will.
  const quote = isQuoted ? 1 : 0
  const field = digestParameter(start, nameEnd)
  if (field) {
    if (has(field)) return 0
    set(field, value + quote - CREDENTIALS)
    set(field + 1, valueEnd - quote - CREDENTIALS)
  }
  return skipSpace(valueEnd, end)
}

/** Reads algorithm, qop and nc; false when one is broken or something needed is not there. */
function isComplete(): bool {
  set(Digest.Algorithm, algorithmId())
  const qop = qopOf()
  set(Digest.Qop, qop)
  const hasAll =
    has(Digest.UsernameStart) &&
    has(Digest.RealmStart) &&
    has(Digest.NonceStart) &&
    has(Digest.UriStart) &&
    has(Digest.ResponseStart)
  if (!hasAll) return false
  return qop == Qop.None || (has(Digest.CnonceStart) && scanNonceCount())
}

/** MD5 when nothing is said (RFC 7616 section 3.3). */
function algorithmId(): AlgorithmId {
  if (!has(Digest.AlgorithmStart)) return AlgorithmId.MD5
  const start = startOf(Digest.AlgorithmStart)
  const end = endOf(Digest.AlgorithmStart)
  if (equals(start, end, 'md5')) return AlgorithmId.MD5
  if (equals(start, end, 'sha-256')) return AlgorithmId.SHA256
  if (equals(start, end, 'sha-512-256')) return AlgorithmId.SHA512256
  return AlgorithmId.Unknown
}

function qopOf(): Qop {
  if (!has(Digest.QopStart)) return Qop.None
  const start = startOf(Digest.QopStart)
  const end = endOf(Digest.QopStart)
  if (equals(start, end, 'auth')) return Qop.Auth
  return equals(start, end, 'auth-int') ? Qop.AuthInt : Qop.Other
}

/** nc-value is 8 hex digits. */
function scanNonceCount(): bool {
  const start = startOf(Digest.NonceCountStart)
  if (endOf(Digest.NonceCountStart) - start != NONCE_COUNT_DIGITS) return false
  let count: u32 = 0
  for (let at = start; at < start + NONCE_COUNT_DIGITS; at++) {
    const char = byte(at)
    if (!isHexDigit(char)) return false
    count = (count << 4) | ((char & 0x0f) + (char > 0x39 ? 9 : 0))
  }
  set(Digest.NonceCountHigh, <i32>(count >> 16))
  set(Digest.NonceCountLow, <i32>(count & 0xffff))
  return true
}
