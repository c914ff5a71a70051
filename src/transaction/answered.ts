// Final answers that are given again to whoever repeats his request: timers I and J of RFC 3261 section 17.2.
//
// A server that answers 30,000 requests in a second has a million of them behind it when timer J lets the first one go:
// as objects they would cost more to keep than to answer. Here they are bytes in a log that goes round, found by a hash
// of their key: no timer, and nothing for the garbage collector to walk over. When there are more than its limits hold,
// the oldest goes before its time; whoever repeats a request does so within seconds.

import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { Flow } from '../transport/transport.ts'
import { TRANSACTION_ms } from './timer.ts'

export type AnsweredLimits = Pick<Limits, 'answers_entries' | 'answers_bytes'>

/** What is given again; no bytes where the request is to be absorbed in silence. */
export interface Answer {
  readonly flow: Flow
  readonly bytes: Buffer
}

/** Allocated one by one, so that a small server stays small. A record lies within one of them. */
const SEGMENT_BYTES = 1024 * 1024
/** hash, key length, bytes length, unused: four numbers of 32 bits; before, time, entry: three of 64. */
const HEADER_BYTES = 40
const BEFORE = 2
const TIME = 3
const ENTRY = 4
const SLOTS = 65_536
const FLOWS_PER_PIECE = 1024
/** Of keys that share a slot so many are looked at: whoever makes them up gains nothing. */
const STEPS_MAX = 32

/** Kept where a repetition is absorbed, or is the user's. */
export const NOTHING = new Uint8Array(0)

interface Segment {
  readonly bytes: Buffer
  readonly words: Uint32Array
  readonly numbers: Float64Array
}

export class AnsweredRequests {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #segments: (Segment | undefined)[]
  /** Where the newest record of each slot begins, plus 1; each record says where the one before it does. */
  readonly #slots = new Float64Array(SLOTS)
  readonly #flows: (Flow[] | undefined)[]
  readonly #seed: number
  /** Positions only grow; their place in the log is what is left over after whole rounds. */
  #end = 0
  #count = 0
  #kept_ms = TRANSACTION_ms

  /** `seed`: any number that peers cannot know. */
  constructor(clock: Pick<Clock, 'monotonic'>, limits: AnsweredLimits, seed: number) {
    this.#clock = clock
    this.#flows = new Array<Flow[] | undefined>(
      Math.max(2, Math.ceil(limits.answers_entries / FLOWS_PER_PIECE)),
    )
    this.#segments = new Array<Segment | undefined>(
      Math.max(2, Math.ceil(limits.answers_bytes / SEGMENT_BYTES)),
    )
    this.#seed = seed
  }

  /** For how long answers are kept now: 64*T1, unless so many come that the oldest went before. */
  get kept_ms(): number {
    return this.#kept_ms
  }

  /** `bytes` may be empty. Both texts are copied. It is there for 64*T1 from `since_ms` on, by the monotonic clock. */
  keep(key: string, flow: Flow, bytes: Uint8Array, since_ms: number): void {
    const size = (HEADER_BYTES + key.length + bytes.length + 7) & ~7
    if (size > SEGMENT_BYTES) return
    if ((this.#end % SEGMENT_BYTES) + size > SEGMENT_BYTES) {
      this.#end = Math.ceil(this.#end / SEGMENT_BYTES) * SEGMENT_BYTES
    }
    const at = this.#end % SEGMENT_BYTES
    const segment = this.#segmentAt(this.#end, at === 0 ? this.#clock.monotonic() : null)
    const hash = hashOf(key, this.#seed)
    const slot = hash & (SLOTS - 1)
    segment.words[at >>> 2] = hash
    segment.words[(at >>> 2) + 1] = key.length
    segment.words[(at >>> 2) + 2] = bytes.length
    segment.numbers[(at >>> 3) + BEFORE] = this.#slots[slot]!
    segment.numbers[(at >>> 3) + TIME] = since_ms
    segment.numbers[(at >>> 3) + ENTRY] = this.#count
    for (let n = 0; n < key.length; n++) segment.bytes[at + HEADER_BYTES + n] = key.charCodeAt(n)
    segment.bytes.set(bytes, at + HEADER_BYTES + key.length)
    this.#keepFlow(flow)
    this.#slots[slot] = this.#end + 1
    this.#end += size
    this.#count++
  }

  /** null when there is none, or none any more. */
  find(key: string): Answer | null {
    if (this.#count === 0) return null
    const hash = hashOf(key, this.#seed)
    let position = this.#slots[hash & (SLOTS - 1)]! - 1
    for (let step = 0; step < STEPS_MAX && this.#isThere(position); step++) {
      const segment = this.#segments[this.#segmentOf(position)]!
      const at = position % SEGMENT_BYTES
      if (segment.words[at >>> 2] === hash && holdsKey(segment, at, key)) return this.#answerAt(segment, at)
      position = segment.numbers[(at >>> 3) + BEFORE]! - 1
    }
    return null
  }

  /** null when its time is over, or its flow is not known any more. */
  #answerAt({ bytes, words, numbers }: Segment, at: number): Answer | null {
    const flow = this.#flowOf(numbers[(at >>> 3) + ENTRY]!)
    const age_ms = this.#clock.monotonic() - numbers[(at >>> 3) + TIME]!
    if (flow === null || age_ms >= TRANSACTION_ms) return null
    const start = at + HEADER_BYTES + words[(at >>> 2) + 1]!
    return { flow, bytes: Buffer.from(bytes.subarray(start, start + words[(at >>> 2) + 2]!)) }
  }

  /** In pieces: the collector looks at the whole of a list that was written to. */
  #keepFlow(flow: Flow): void {
    const piece = Math.floor(this.#count / FLOWS_PER_PIECE) % this.#flows.length
    const list = this.#flows[piece] ?? []
    this.#flows[piece] = list
    list[this.#count % FLOWS_PER_PIECE] = flow
  }

  /** The piece that is written to now has what is left of its last round behind the newest. */
  #flowOf(entry: number): Flow | null {
    const pieces = this.#flows.length
    if (entry < (Math.floor(this.#count / FLOWS_PER_PIECE) + 1 - pieces) * FLOWS_PER_PIECE) return null
    return this.#flows[Math.floor(entry / FLOWS_PER_PIECE) % pieces]?.[entry % FLOWS_PER_PIECE] ?? null
  }

  /** Not overwritten since: the segment that is written to now has none of its last round. */
  #isThere(position: number): boolean {
    const round_bytes = this.#segments.length * SEGMENT_BYTES
    const oldest = (Math.floor(this.#end / SEGMENT_BYTES) + 1) * SEGMENT_BYTES - round_bytes
    return position >= Math.max(0, oldest)
  }

  #segmentOf(position: number): number {
    return Math.floor(position / SEGMENT_BYTES) % this.#segments.length
  }

  /** `begun_ms`: the time, when a round of this segment begins. */
  #segmentAt(position: number, begun_ms: number | null): Segment {
    const index = this.#segmentOf(position)
    const there = this.#segments[index]
    if (there !== undefined) {
      if (begun_ms !== null) this.#kept_ms = Math.min(TRANSACTION_ms, begun_ms - there.numbers[TIME]!)
      return there
    }
    const memory = new ArrayBuffer(SEGMENT_BYTES)
    const made = {
      bytes: Buffer.from(memory),
      words: new Uint32Array(memory),
      numbers: new Float64Array(memory),
    }
    this.#segments[index] = made
    return made
  }
}

/** FNV-1a; what a peer could do with keys of one hash is bounded by STEPS_MAX. */
function hashOf(key: string, seed: number): number {
  let hash = seed | 0
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

function holdsKey({ bytes, words }: Segment, at: number, key: string): boolean {
  if (words[(at >>> 2) + 1] !== key.length) return false
  const start = at + HEADER_BYTES
  for (let n = 0; n < key.length; n++) if (bytes[start + n] !== key.charCodeAt(n)) return false
  return true
}
