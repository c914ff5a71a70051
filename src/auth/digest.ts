// Digest arithmetic in the WASM core: the thin edge to its memory. What it gives is a number or a copy.

import assert from 'node:assert'
import {
  AlgorithmId,
  CREDENTIALS,
  CREDENTIALS_BYTES_MAX,
  DIGEST,
  DIGEST_FIELDS,
  Digest,
  HA1,
  HA1_BYTES,
  HASH_INPUT,
  HASH_INPUT_BYTES_MAX,
  HASH_OUTPUT,
  MAC_BYTES,
  MAC_KEY,
  MAC_KEY_BYTES,
  METHOD,
  METHOD_BYTES_MAX,
} from '../../wasm/layout.ts'
import { core, memory } from '../sip/core.ts'
import type { Algorithm } from '../store/store.ts'

export type QopName = 'none' | 'auth' | 'auth-int' | 'other'

const fields = new Uint16Array(core.memory.buffer, DIGEST, DIGEST_FIELDS)

/** By AlgorithmId. */
const ALGORITHMS: readonly (Algorithm | null)[] = [null, 'MD5', 'SHA-256', 'SHA-512-256']
const ALGORITHM_IDS: Readonly<Record<Algorithm, AlgorithmId>> = {
  MD5: AlgorithmId.MD5,
  'SHA-256': AlgorithmId.SHA256,
  'SHA-512-256': AlgorithmId.SHA512256,
}
const HASH_BYTES: Readonly<Record<Algorithm, number>> = { MD5: 16, 'SHA-256': 32, 'SHA-512-256': 32 }

/** By Qop. */
const QOPS: readonly QopName[] = ['none', 'auth', 'auth-int', 'other']

/** The value of an Authorization or Proxy-Authorization header; false when it is no whole Digest or too long. */
export function readCredentials(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > CREDENTIALS_BYTES_MAX) {
    // Whoever asks nevertheless must not be told of the credentials read before.
    fields.fill(0)
    return false
  }
  memory.set(bytes.subarray(start, end), CREDENTIALS)
  return core.scanCredentials(end - start) === 1
}

/**
 * The credentials read last. They live in the core's memory until the next `readCredentials`, so never ask after an
 * await. A quoted value is given as it stood between its quotes, escapes included.
 */
export const credentials = {
  get username(): string {
    return utf8(Digest.UsernameStart)
  },
  /** Without making a text of it. */
  hasUsername(text: string): boolean {
    return isText(Digest.UsernameStart, text)
  },
  hasRealm(text: string): boolean {
    return isText(Digest.RealmStart, text)
  },
  get realm(): string {
    return utf8(Digest.RealmStart)
  },
  get nonce(): string {
    return latin1(Digest.NonceStart)
  },
  get uri(): string {
    return latin1(Digest.UriStart)
  },
  get opaque(): string {
    return latin1(Digest.OpaqueStart)
  },
  get cnonce(): string {
    return latin1(Digest.CnonceStart)
  },
  get qop(): QopName {
    return QOPS[fields[Digest.Qop]!] ?? 'other'
  },
  /** null: one that we do not know, or a `-sess` variant. */
  get algorithm(): Algorithm | null {
    return ALGORITHMS[fields[Digest.Algorithm]!] ?? null
  },
  /** 0 without qop. */
  get nonceCount(): number {
    return fields[Digest.NonceCountHigh]! * 0x10000 + fields[Digest.NonceCountLow]!
  },
  /** Was the response made with this HA1, for a request of this method? */
  matches(method: string, ha1: string): boolean {
    const algorithm = fields[Digest.Algorithm]!
    if (method.length > METHOD_BYTES_MAX || ha1.length > HA1_BYTES) return false
    // An HA1 of another algorithm's length would leave a part of the last one behind it.
    if (ha1.length !== (algorithm === AlgorithmId.MD5 ? HA1_BYTES / 2 : HA1_BYTES)) return false
    memory.write(ha1, HA1, 'latin1')
    return core.checkResponse(algorithm, memory.write(method, METHOD, 'latin1')) === 1
  },
}

/** H(username:realm:password) as lower-case hex (RFC 7616 section 3.4.2). All together: HASH_INPUT_BYTES_MAX. */
export function computeHa1(algorithm: Algorithm, username: string, realm: string, password: string): string {
  const text = `${username}:${realm}:${password}`
  assert(Buffer.byteLength(text) <= HASH_INPUT_BYTES_MAX)
  core.hash(ALGORITHM_IDS[algorithm], memory.write(text, HASH_INPUT, 'utf8'))
  const ha1 = memory.toString('hex', HASH_OUTPUT, HASH_OUTPUT + HASH_BYTES[algorithm])
  // The password is not left lying in memory.
  memory.fill(0, HASH_INPUT, HASH_INPUT + HASH_INPUT_BYTES_MAX)
  return ha1
}

/**
 * A keyed hash of a text, one character for each byte, as 11 characters of base64url: nobody without the key, of 16
 * bytes, can make it. 64 bits are enough for what can only be guessed by asking us.
 */
export function mac(key: Uint8Array, text: string): string {
  assert(key.length === MAC_KEY_BYTES)
  // Call-IDs may be as long as a message.
  const signed = text.length > HASH_INPUT_BYTES_MAX ? Bun.SHA256.hash(text, 'hex') : text
  memory.set(key, MAC_KEY)
  core.mac(memory.write(signed, HASH_INPUT, 'latin1'))
  return memory.toString('base64url', HASH_OUTPUT, HASH_OUTPUT + MAC_BYTES)
}

/** Bytes and characters are the same as long as both are ASCII, as they nearly always are. */
function isText(startField: Digest, text: string): boolean {
  const start = CREDENTIALS + fields[startField]!
  const length = CREDENTIALS + fields[startField + 1]! - start
  let all = 0
  if (length === text.length) {
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at)
      all |= code
      if (memory[start + at] !== code && code < 0x80) return false
    }
    if (all < 0x80) return true
  }
  return utf8(startField) === text
}

function latin1(startField: Digest): string {
  return memory.toString('latin1', CREDENTIALS + fields[startField]!, CREDENTIALS + fields[startField + 1]!)
}

function utf8(startField: Digest): string {
  return memory.toString('utf8', CREDENTIALS + fields[startField]!, CREDENTIALS + fields[startField + 1]!)
}
