// Finds Content-Length among header lines and reads its value: no more of the grammar than a stream must know before
// the message can be scanned.

const NAMES = [Buffer.from('content-length'), Buffer.from('l')] as const
const COLON = 0x3a
const SPACE = 0x20
const TAB = 0x09
const CR = 0x0d
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
/** More digits are no length that anyone takes, and would not fit a number. */
const DIGITS_MAX = 9

export class ContentLength {
  #state: 'none' | 'value' | 'bad' = 'none'
  #value = 0
  /** The line at hand is Content-Length, and so are its folds: what has been read of it. */
  #reading = false
  #digits = 0
  #line_value = 0
  /** White space after digits: no more of them may come. */
  #ended = false

  reset(): void {
    this.#state = 'none'
    this.#reading = false
  }

  /** One header line, without its line feed. */
  readLine(bytes: Buffer, start: number, end: number): void {
    this.#finishLine()
    const value = valueStart(bytes, start, end)
    if (value === -1) return
    this.#reading = true
    this.#digits = 0
    this.#line_value = 0
    this.#ended = false
    this.readFold(bytes, value, end)
  }

  /** RFC 3261 section 7.3.1: a line that starts with white space goes on with the one before it. */
  readFold(bytes: Buffer, start: number, end: number): void {
    if (!this.#reading) return
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!
      if (byte === SPACE || byte === TAB || byte === CR) {
        this.#ended = this.#digits > 0
      } else if (byte >= DIGIT_0 && byte <= DIGIT_9 && !this.#ended && this.#digits < DIGITS_MAX) {
        this.#line_value = this.#line_value * 10 + byte - DIGIT_0
        this.#digits++
      } else {
        this.#state = 'bad'
        return
      }
    }
    this.#ended = this.#digits > 0
  }

  /** After the last line. */
  value(): number | 'none' | 'bad' {
    this.#finishLine()
    return this.#state === 'value' ? this.#value : this.#state
  }

  /** Twice the same length does no harm; two different ones are how requests are smuggled. */
  #finishLine(): void {
    if (!this.#reading) return
    this.#reading = false
    if (this.#state === 'bad') return
    const agrees = this.#state === 'none' || this.#value === this.#line_value
    this.#state = this.#digits > 0 && agrees ? 'value' : 'bad'
    this.#value = this.#line_value
  }
}

/** Where the value starts when the line is Content-Length under one of its names (section 7.3.3), or -1. */
function valueStart(bytes: Buffer, start: number, end: number): number {
  for (const name of NAMES) {
    let at = start
    while (at - start < name.length && at < end && lowerCase(bytes[at]!) === name[at - start]) at++
    if (at - start < name.length) continue
    // Section 25.1 HCOLON: white space may stand before the colon.
    while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
    if (bytes[at] === COLON && at < end) return at + 1
  }
  return -1
}

function lowerCase(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}
