// Many datagrams in one call of the kernel, by the C library's recvmmsg and sendmmsg: nothing is made for a datagram
// but the bytes that are handed up. The layout is that of Linux on 64-bit little-endian machines.

import { ptr, read } from 'bun:ffi'
import type { Family } from '../sip/host.ts'
import { openCLibrary } from './c-library.ts'
import { NAME_BYTES, NAME_WORDS } from './socket-name.ts'

/** Read in one call: few enough that the clock is looked at often. */
const RECEIVE_DATAGRAMS = 32
/** The largest UDP datagram is shorter: nothing is ever cut. Pages that no datagram has touched take no memory. */
const RECEIVE_BYTES = 0x10000
/** Between two of them, so that the beginnings of all do not compete for the same lines of the processor's cache. */
const RECEIVE_GAP_BYTES = 17 * 64
const SEND_DATAGRAMS = 256
/** Room for the bytes of a batch, one behind the other: 1 KiB for each, or a few of the largest. */
const SEND_BYTES = 256 * 1024

const HEADER_BYTES = 64
const VECTOR_BYTES = 16
const WORD_BYTES = 4
/** struct mmsghdr and struct iovec, in words. Pointers are two of them. */
const Header = { name: 0, nameBytes: 2, vector: 4, vectors: 6, flags: 12, bytes: 14 } as const
const Vector = { start: 0, bytes: 2 } as const

const MSG_PEEK = 0x02
const MSG_TRUNC = 0x20
const MSG_DONTWAIT = 0x40
const EINTR = 4
const EAGAIN = 11
const EMSGSIZE = 90
const ECONNREFUSED = 111

const library =
  process.arch === 'x64' || process.arch === 'arm64'
    ? openCLibrary({
        recv: { args: ['i32', 'ptr', 'usize', 'i32'], returns: 'i32' },
        recvmmsg: { args: ['i32', 'ptr', 'u32', 'i32', 'ptr'], returns: 'i32' },
        sendmmsg: { args: ['i32', 'ptr', 'u32', 'i32'], returns: 'i32' },
        __errno_location: { args: [], returns: 'ptr' },
      })
    : null
/** Each thread has its own; this module is this thread's. */
const errorNumberAt = library?.__errno_location() ?? null

export const hasDatagramRings: boolean = library !== null && errorNumberAt !== null

/**
 * Headers, vectors, names and bytes in ONE buffer, made before any pointer into it is taken and never replaced: Bun
 * moves a small typed array when its buffer is first asked for, and pointers taken before would be wild.
 */
class MessageMemory {
  readonly words: Uint32Array
  readonly bytes: Buffer
  readonly address: number
  readonly vectorsAt: number
  readonly namesAt: number
  readonly bytesAt: number

  constructor(slots: number, family: Family, payload_bytes: number) {
    this.vectorsAt = (slots * HEADER_BYTES) / WORD_BYTES
    this.namesAt = this.vectorsAt + (slots * VECTOR_BYTES) / WORD_BYTES
    this.bytesAt = Math.ceil(((this.namesAt + slots * NAME_WORDS) * WORD_BYTES) / 64) * 64
    const memory = new ArrayBuffer(this.bytesAt + payload_bytes)
    this.words = new Uint32Array(memory)
    this.bytes = Buffer.from(memory)
    this.address = ptr(this.words)
    for (let slot = 0; slot < slots; slot++) {
      const header = this.headerAt(slot)
      this.#point(header + Header.name, (this.namesAt + slot * NAME_WORDS) * WORD_BYTES)
      this.words[header + Header.nameBytes] = NAME_BYTES[family]
      this.#point(header + Header.vector, this.#vectorAt(slot) * WORD_BYTES)
      this.words[header + Header.vectors] = 1
    }
  }

  headerAt(slot: number): number {
    return (slot * HEADER_BYTES) / WORD_BYTES
  }

  setVector(slot: number, start: number, length: number): void {
    const vector = this.#vectorAt(slot)
    this.#point(vector + Vector.start, start)
    this.words[vector + Vector.bytes] = length
  }

  #vectorAt(slot: number): number {
    return this.vectorsAt + (slot * VECTOR_BYTES) / WORD_BYTES
  }

  #point(word: number, offset: number): void {
    const target = this.address + offset
    this.words[word] = target % 0x1_0000_0000
    this.words[word + 1] = Math.floor(target / 0x1_0000_0000)
  }
}

/** One for all sockets of a family, as what it holds is handed up before the next call. */
export class ReceiveRing {
  readonly size = RECEIVE_DATAGRAMS
  readonly #memory: MessageMemory
  readonly #stride = RECEIVE_BYTES + RECEIVE_GAP_BYTES

  constructor(family: Family) {
    this.#memory = new MessageMemory(RECEIVE_DATAGRAMS, family, RECEIVE_DATAGRAMS * this.#stride)
    for (let slot = 0; slot < RECEIVE_DATAGRAMS; slot++) {
      this.#memory.setVector(slot, this.#startOf(slot), RECEIVE_BYTES)
    }
  }

  /** How many came, at most `most`, which is `size` at most. 0 for an error too: it belongs to no datagram. */
  receive(fd: number, most: number): number {
    return Math.max(0, library?.recvmmsg(fd, this.#memory.address, most, MSG_DONTWAIT, null) ?? 0)
  }

  /** Whether a datagram waits; it stays where it is. */
  hasMore(fd: number): boolean {
    return (library?.recv(fd, this.#memory.address, 0, MSG_PEEK | MSG_DONTWAIT) ?? -1) >= 0
  }

  get words(): Uint32Array {
    return this.#memory.words
  }

  /** Where the name of its sender begins in `words`. */
  nameAt(slot: number): number {
    return this.#memory.namesAt + slot * NAME_WORDS
  }

  isCut(slot: number): boolean {
    return (this.words[this.#memory.headerAt(slot) + Header.flags]! & MSG_TRUNC) !== 0
  }

  /** A copy of its own: parts of a larger buffer would keep all of that alive for as long as one of them is. */
  bytesOf(slot: number): Buffer {
    const length = this.words[this.#memory.headerAt(slot) + Header.bytes]!
    const start = this.#startOf(slot)
    const bytes = Buffer.allocUnsafeSlow(length)
    this.#memory.bytes.copy(bytes, 0, start, start + length)
    return bytes
  }

  #startOf(slot: number): number {
    return this.#memory.bytesAt + slot * this.#stride
  }
}

export type Refusal = 'full' | 'refused' | 'too-large' | 'unreachable'

/** The datagrams that one socket sends next. */
export class SendRing {
  readonly size = SEND_DATAGRAMS
  readonly #memory: MessageMemory
  readonly #family: Family
  /** Where each ends, from the beginning of them all; the first one is there for the sake of its beginning. */
  readonly #ends = new Uint32Array(SEND_DATAGRAMS + 1)
  #count = 0

  constructor(family: Family) {
    this.#family = family
    this.#memory = new MessageMemory(SEND_DATAGRAMS, family, SEND_BYTES)
  }

  get count(): number {
    return this.#count
  }

  /** Copies them. Not when there is no room: then what is here must be sent before. */
  put(bytes: Uint8Array, name: Uint32Array): boolean {
    const slot = this.#count
    const start = this.#ends[slot]!
    if (slot === SEND_DATAGRAMS || start + bytes.length > SEND_BYTES) return false
    const memory = this.#memory
    memory.bytes.set(bytes, memory.bytesAt + start)
    memory.setVector(slot, memory.bytesAt + start, bytes.length)
    const words = memory.namesAt + slot * NAME_WORDS
    // sockaddr_in ends with eight bytes that mean nothing.
    const count = this.#family === 4 ? 2 : NAME_WORDS
    for (let word = 0; word < count; word++) memory.words[words + word] = name[word]!
    this.#ends[slot + 1] = start + bytes.length
    this.#count = slot + 1
    return true
  }

  /** How many left, from this one on; or why not even that one did. */
  send(fd: number, from: number): number | Refusal {
    const { address } = this.#memory
    for (;;) {
      const sent = library?.sendmmsg(fd, address + from * HEADER_BYTES, this.#count - from, MSG_DONTWAIT) ?? 0
      if (sent >= 0) return sent
      // Read before anything else can fail on this thread.
      const error = errorNumberAt === null ? 0 : read.i32(errorNumberAt, 0)
      if (error !== EINTR) return refusalOf(error)
    }
  }

  /** Bytes of those between, together. */
  bytesBetween(from: number, to: number): number {
    return this.#ends[to]! - this.#ends[from]!
  }

  copyOf(slot: number): Buffer {
    const at = this.#memory.bytesAt
    return Buffer.copyBytesFrom(this.#memory.bytes, at + this.#ends[slot]!, this.bytesBetween(slot, slot + 1))
  }

  clear(): void {
    this.#count = 0
  }
}

function refusalOf(error: number): Refusal {
  switch (error) {
    case EAGAIN:
      return 'full'
    case ECONNREFUSED:
      return 'refused'
    case EMSGSIZE:
      return 'too-large'
    default:
      return 'unreachable'
  }
}
