// What a stream's peer has not taken yet, in order; bounded for one connection and for all of them together.

import type { Sender } from './transport.ts'

/** More is not put together into one write: what the socket does not take of it is put together again. */
const WRITE_BYTES = 64 * 1024

/** The bytes waiting on all connections of a transport. */
export class SendBudget {
  readonly max_bytes: number
  used_bytes = 0

  constructor(max_bytes: number) {
    this.max_bytes = max_bytes
  }
}

interface Waiting {
  readonly bytes: Uint8Array
  readonly sender: Sender | undefined
}

export class SendQueue {
  readonly #budget: SendBudget
  readonly #max_bytes: number
  #waiting: Waiting[] = []
  /** Of the first one that waits, what has been taken. */
  #taken_bytes = 0
  #bytes = 0

  constructor(max_bytes: number, budget: SendBudget) {
    this.#max_bytes = max_bytes
    this.#budget = budget
  }

  get empty(): boolean {
    return this.#waiting.length === 0
  }

  /** False when there is no room. */
  add(bytes: Uint8Array, sender: Sender | undefined): boolean {
    const fits = this.#bytes + bytes.length <= this.#max_bytes
    if (!fits || this.#budget.used_bytes + bytes.length > this.#budget.max_bytes) return false
    this.#waiting.push({ bytes, sender })
    this.#count(bytes.length)
    return true
  }

  /** What to write next: several small messages as one, for one system call. */
  next(): Uint8Array {
    const first = this.#waiting[0]!.bytes.subarray(this.#taken_bytes)
    const parts = [first]
    let length = first.length
    for (let n = 1; n < this.#waiting.length && length + this.#waiting[n]!.bytes.length <= WRITE_BYTES; n++) {
      parts.push(this.#waiting[n]!.bytes)
      length += this.#waiting[n]!.bytes.length
    }
    return parts.length === 1 ? first : Buffer.concat(parts, length)
  }

  /** The socket has taken so much of `next`; says how many messages are through with it. */
  take(bytes: number): number {
    this.#count(-bytes)
    let left = bytes + this.#taken_bytes
    let done = 0
    while (done < this.#waiting.length && left >= this.#waiting[done]!.bytes.length) {
      left -= this.#waiting[done]!.bytes.length
      done++
    }
    this.#taken_bytes = left
    this.#waiting = done === this.#waiting.length ? [] : this.#waiting.slice(done)
    return done
  }

  /** Gives up; says whose bytes did not leave. */
  clear(): readonly (Sender | undefined)[] {
    const senders = this.#waiting.map(({ sender }) => sender)
    this.#count(-this.#bytes)
    this.#waiting = []
    this.#taken_bytes = 0
    return senders
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#budget.used_bytes += bytes
  }
}
