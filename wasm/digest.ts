// Digest access authentication: is the response that was given the one that HA1 makes? (RFC 7616 section 3.4.1)

import { endOf, get, startOf } from './credentials'
import { AlgorithmId, Digest, HA1, HASH_INPUT, HASH_INPUT_BYTES_MAX, HASH_OUTPUT, METHOD } from './layout'
import { METHOD_BYTES_MAX, Qop, SCRATCH } from './layout'
import { Char } from './char'
import { md5 } from './md5'
import { sha256 } from './sha256'
import { sha512256 } from './sha512'
import { byte } from './step'

const HEX_DIGITS = memory.data<u8>([48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 97, 98, 99, 100, 101, 102])

// What the hash functions leave of SCRATCH: a hash, and then the text that is hashed, which is not much longer than
// the credentials that it is made of.
const HASH = SCRATCH + 1536
const TEXT = SCRATCH + 2048

/** Hashes HASH_INPUT into HASH_OUTPUT. */
export function hash(algorithm: AlgorithmId, length: i32): void {
  hashTo(algorithm, HASH_INPUT, min<u32>(length, HASH_INPUT_BYTES_MAX), HASH_OUTPUT)
}

/** Does the response in the credentials scanned last fit the HA1 at HA1 and the method at METHOD? */
export function checkResponse(algorithm: AlgorithmId, methodLength: i32): bool {
  const qop = get(Digest.Qop)
  if (!get(Digest.Valid) || !hashBytes(algorithm) || (qop != Qop.None && qop != Qop.Auth)) return false

  let at = append(TEXT, METHOD, METHOD + min<u32>(methodLength, METHOD_BYTES_MAX))
  at = appendField(at, Digest.UriStart)
  hashTo(algorithm, TEXT, at - TEXT, HASH)

  at = append(TEXT, HA1, HA1 + hashBytes(algorithm) * 2)
  at = appendField(at, Digest.NonceStart)
  if (qop == Qop.Auth) {
    at = appendField(at, Digest.NonceCountStart)
    at = appendField(at, Digest.CnonceStart)
    at = appendField(at, Digest.QopStart)
  }
  at = appendHash(appendColon(at), hashBytes(algorithm))
  hashTo(algorithm, TEXT, at - TEXT, HASH)
  return isResponse(hashBytes(algorithm))
}

function hashBytes(algorithm: AlgorithmId): i32 {
  switch (algorithm) {
    case AlgorithmId.MD5: return 16
    case AlgorithmId.SHA256:
    case AlgorithmId.SHA512256: return 32
    default: return 0
  }
}

function hashTo(algorithm: AlgorithmId, input: i32, length: i32, output: i32): void {
  switch (algorithm) {
    case AlgorithmId.MD5: return md5(input, length, output)
    case AlgorithmId.SHA256: return sha256(input, length, output)
    case AlgorithmId.SHA512256: return sha512256(input, length, output)
  }
}

function append(at: i32, start: i32, end: i32): i32 {
  memory.copy(at, start, end - start)
  return at + end - start
}

function appendColon(at: i32): i32 {
  store<u8>(at, Char.Colon)
  return at + 1
}

function appendField(at: i32, startField: Digest): i32 {
  return append(appendColon(at), startOf(startField), endOf(startField))
}

/** HASH in lower-case hex, as H() is defined (section 3.3). */
function appendHash(at: i32, bytes: i32): i32 {
  for (let i = 0; i < bytes; i++) {
    const value = byte(HASH + i)
    store<u8>(at + i * 2, load<u8>(HEX_DIGITS + (value >> 4)))
    store<u8>(at + i * 2 + 1, load<u8>(HEX_DIGITS + (value & 0x0f)))
  }
  return at + bytes * 2
}

/** Compares with HASH in a time that tells nothing of where they differ; the length is no secret. */
function isResponse(bytes: i32): bool {
  const response = startOf(Digest.ResponseStart)
  if (endOf(Digest.ResponseStart) - response != bytes * 2) return false
  appendHash(TEXT, bytes)
  let different = 0
  for (let i = 0; i < bytes * 2; i++) different |= lowerCase(byte(response + i)) ^ byte(TEXT + i)
  return different == 0
}

/** Upper-case hex digits become lower-case ones, without a branch. */
function lowerCase(char: i32): i32 {
  return char | (<i32>(<u32>(char - 0x41) < 6) << 5)
}
