// The thin edge to the WASM header scanner: bytes are copied in once, offsets come out.

import assert from 'node:assert'
import {
  FIELDS,
  Field,
  HEADER_FIELDS,
  INDEX,
  INDEX_BYTES,
  INPUT,
  MESSAGE_BYTES_MAX,
} from '../../wasm/layout.ts'
import { core, memory } from './core.ts'

const live = new Uint16Array(core.memory.buffer, INDEX, INDEX_BYTES / 2)

/**
 * The index of a message: what wasm/layout.ts says under Field and Header, its problem included. This is the scanner's
 * own memory: the next call overwrites it, so who wants it longer than that takes `keep` of it.
 * The caller sees to it that the message is not longer than MESSAGE_BYTES_MAX.
 */
export function scan(bytes: Uint8Array): Uint16Array {
  assert(bytes.length <= MESSAGE_BYTES_MAX)
  memory.set(bytes, INPUT)
  core.scan(bytes.length)
  return live
}

/** A copy of the part of an index that is in use. */
export function keep(index: Uint16Array): Uint16Array {
  return index.slice(0, FIELDS + index[Field.HeaderCount]! * HEADER_FIELDS)
}
