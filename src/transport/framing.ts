// A stream of bytes into whole messages by Content-Length (RFC 3261 section 18.3). Pure: no socket, no clock. Each byte
// is looked at once, however it is cut into chunks, and copied at most twice.

import { ContentLength } from './content-length.ts'

export type FramingProblem =
  | 'headers-too-long'
  /** In these three the message was handed up without its body, so that it can be answered with a 400. */
  | 'message-too-long'
  | 'no-content-length'
  /** Content-Length is there, but is no number or two different ones. */
  | 'bad-content-length'

export interface FramerUser {
  /** A whole message: its bytes are nobody else's. */
  onMessage(bytes: Buffer): void
  /** RFC 5626 section 3.5.1: a double CRLF between messages wants a single one back. */
  onPing(): void
  /** Where the next message starts is unknown: nothing more comes out of this framer. */
  onUnframed(problem: FramingProblem): void
}

export interface FramingLimits {
  readonly streamHeader_bytes: number
  readonly streamMessage_bytes: number
}

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const NOTHING = Buffer.alloc(0)
const HELD_BYTES_MIN = 1024
/** CRLF CRLF. */
const PING_BYTES = 4

export class StreamFramer {
  readonly #limits: FramingLimits
  readonly #user: FramerUser
  readonly #length = new ContentLength()
  /** A chunk as it came, or what was held of earlier ones with the chunk behind it. */
  #bytes: Buffer = NOTHING
  #end = 0
  #owned = false
  /** The first byte of the message at hand, of its line at hand, and the first not yet searched for that line's end. */
  #start = 0
  #line = 0
  #search = 0
  #phase: 'between' | 'headers' | 'body' | 'stopped' = 'between'
  #body_end = 0
  /** How much of CRLF CRLF has come, between messages. */
  #ping = 0

  constructor(limits: FramingLimits, user: FramerUser) {
    this.#limits = limits
    this.#user = user
  }

  /** A message has begun and is not whole. */
  get partial(): boolean {
    return this.#phase === 'headers' || this.#phase === 'body'
  }

  /** Memory kept for it. */
  get held_bytes(): number {
    return this.#bytes.length
  }

  push(chunk: Buffer): void {
    if (this.#phase === 'stopped') return
    this.#take(chunk)
    for (let more = true; more; ) {
      if (this.#phase === 'between') more = this.#skipEmptyLines()
      else if (this.#phase === 'headers') more = this.#readLine()
      else if (this.#phase === 'body') more = this.#readBody()
      else more = false
    }
    this.#hold()
  }

  /** Nothing is handed up any more, not even from the chunk at hand. */
  stop(): void {
    this.#phase = 'stopped'
  }

  /** The chunk itself when nothing was held: most messages come whole in one. */
  #take(chunk: Buffer): void {
    if (this.#end === 0) {
      this.#bytes = chunk
      this.#start = 0
      this.#end = chunk.length
      this.#owned = false
      return
    }
    const needed = this.#end + chunk.length
    // Doubling keeps the copying linear in what has come.
    if (needed > this.#bytes.length) this.#move(0, Math.max(needed, this.#bytes.length * 2))
    this.#bytes.set(chunk, this.#end)
    this.#end = needed
  }

  /** Keeps what belongs to an unfinished message, in memory of our own: small, and not the whole chunk. */
  #hold(): void {
    if (!this.partial) {
      this.#bytes = NOTHING
      this.#end = 0
    } else if (!this.#owned || this.#start > 0) {
      this.#move(this.#start, Math.max(this.#end - this.#start, HELD_BYTES_MIN))
    }
  }

  #move(from: number, capacity_bytes: number): void {
    const moved = Buffer.allocUnsafeSlow(capacity_bytes)
    moved.set(this.#bytes.subarray(from, this.#end))
    this.#bytes = moved
    this.#owned = true
    this.#end -= from
    this.#start -= from
    this.#line -= from
    this.#search -= from
    this.#body_end -= from
  }

  /** RFC 3261 section 7.5: CRLF before a start line is ignored, but for the pings among them. */
  #skipEmptyLines(): boolean {
    let at = this.#start
    for (; at < this.#end; at++) {
      const byte = this.#bytes[at]
      if (byte !== CR && byte !== LF) break
      if (byte === (this.#ping % 2 === 0 ? CR : LF)) this.#ping++
      else this.#ping = byte === CR ? 1 : 0
      if (this.#ping < PING_BYTES) continue
      this.#ping = 0
      this.#user.onPing()
      if (this.#phase === 'stopped') return false
    }
    this.#start = at
    if (at === this.#end) return false
    this.#ping = 0
    this.#line = at
    this.#search = at
    this.#length.reset()
    this.#phase = 'headers'
    return true
  }

  #readLine(): boolean {
    const found = this.#findLineFeed()
    const end = found === -1 ? this.#end : found + 1
    if (end - this.#start > this.#limits.streamHeader_bytes) return this.#unframed('headers-too-long')
    this.#search = end
    if (found === -1) return false
    const first = this.#bytes[this.#line]
    if (first === LF || (first === CR && found === this.#line + 1)) return this.#endHeaders(end)
    if (first === SPACE || first === TAB) this.#length.readFold(this.#bytes, this.#line, found)
    else this.#length.readLine(this.#bytes, this.#line, found)
    this.#line = end
    return true
  }

  /** Not beyond what has come: searching the spare room again for each small chunk would be quadratic. */
  #findLineFeed(): number {
    if (this.#end === this.#bytes.length) return this.#bytes.indexOf(LF, this.#search)
    const found = this.#bytes.subarray(this.#search, this.#end).indexOf(LF)
    return found === -1 ? -1 : this.#search + found
  }

  #endHeaders(end: number): boolean {
    const value = this.#length.value()
    const problem = this.#problemOf(value, end)
    if (problem !== null) {
      // Where the body ends, or that it ends in time, is not known: section 18.3 makes this a client's error, to be
      // answered with 400 where it can be. So the headers go up alone, and the stream ends.
      this.#handUp(end)
      return this.#unframed(problem)
    }
    this.#body_end = end + Number(value)
    this.#phase = 'body'
    return true
  }

  #problemOf(length: number | 'none' | 'bad', headers_end: number): FramingProblem | null {
    if (length === 'none') return 'no-content-length'
    if (length === 'bad') return 'bad-content-length'
    return headers_end - this.#start + length > this.#limits.streamMessage_bytes ? 'message-too-long' : null
  }

  #readBody(): boolean {
    if (this.#body_end > this.#end) return false
    this.#phase = 'between'
    this.#handUp(this.#body_end)
    return true
  }

  /** A part of a larger buffer is copied: a message may be kept for minutes, and must not keep its neighbours. */
  #handUp(end: number): void {
    const bytes = this.#bytes
    const start = this.#start
    this.#start = end
    const alone = start === 0 && end === bytes.length
    this.#user.onMessage(alone ? bytes : Buffer.from(bytes.subarray(start, end)))
  }

  #unframed(problem: FramingProblem): false {
    // Its owner may have stopped it from within onMessage.
    if (this.#phase === 'stopped') return false
    this.#phase = 'stopped'
    this.#user.onUnframed(problem)
    return false
  }
}
