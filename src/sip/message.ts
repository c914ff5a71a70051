// A message is its bytes plus an index of spans: strings are made only when someone asks (DESIGN.md section 4).
//
// Strings here hold one byte per character (latin1), so that what was read can be written back byte for byte.
// `utf8()` turns such a string into real text for people: logs, answers of the API.

import {
  FIELDS,
  Field,
  HEADER_FIELDS,
  Header,
  HeaderId,
  MethodId,
  NONE,
  Problem,
  SchemeId,
} from '../../wasm/layout.ts'

export { HeaderId, MethodId, Problem, SchemeId }

/** Where a request really came from: what RFC 3581 writes into `received` and `rport`. */
export interface Source {
  readonly host: string
  readonly port: number
}

/** A span of the message's bytes, end exclusive. */
export interface Span {
  readonly start: number
  readonly end: number
}

const METHODS: readonly string[] = Object.keys(MethodId).filter((name) => Number.isNaN(Number(name)))

const NO_VALUES: readonly string[] = []

abstract class Message {
  /** The datagram, or the stream's message; never written to. */
  readonly bytes: Buffer
  /** Our own copy of the scanner's index; see wasm/layout.ts. */
  readonly index: Uint16Array
  #whole: string | undefined
  /** Which headers there are, by id: most that are asked for are not. One word for each 32 ids. */
  #low = 0
  #high = 0
  #callId: string | undefined

  constructor(bytes: Buffer, index: Uint16Array) {
    this.bytes = bytes
    this.index = index
    const count = index[Field.HeaderCount]!
    for (let line = 0, at = FIELDS + Header.Id; line < count; line++, at += HEADER_FIELDS) {
      const id = index[at]!
      if (id < 32) this.#low |= 1 << id
      else this.#high |= 1 << (id - 32)
    }
  }

  /** All bytes, each as one character: made once, as slices of it cost half of what slices of the bytes do. */
  get whole(): string {
    this.#whole ??= this.bytes.toString('latin1')
    return this.#whole
  }

  /** A part of `whole`, which lives as long as the part does: who keeps it beyond the message takes `own` of it. */
  text(start: number, end: number): string {
    return this.whole.slice(start, end)
  }

  get problem(): Problem {
    return this.index[Field.Problem]!
  }

  get callId(): string {
    this.#callId ??= this.text(this.index[Field.CallIdStart]!, this.index[Field.CallIdEnd]!)
    return this.#callId
  }

  get fromTag(): string {
    return this.text(this.index[Field.FromTagStart]!, this.index[Field.FromTagEnd]!)
  }

  get fromUri(): string {
    return this.text(this.index[Field.FromUriStart]!, this.index[Field.FromUriEnd]!)
  }

  get toTag(): string {
    return this.text(this.index[Field.ToTagStart]!, this.index[Field.ToTagEnd]!)
  }

  get hasToTag(): boolean {
    return this.index[Field.ToTagEnd]! > this.index[Field.ToTagStart]!
  }

  get toUri(): string {
    return this.text(this.index[Field.ToUriStart]!, this.index[Field.ToUriEnd]!)
  }

  get cseq(): number {
    return this.index[Field.CSeqHigh]! * 65536 + this.index[Field.CSeqLow]!
  }

  get cseqMethod(): string {
    const known = METHODS[this.index[Field.CSeqMethodId]!]!
    return known === 'Other'
      ? this.text(this.index[Field.CSeqMethodStart]!, this.index[Field.CSeqMethodEnd]!)
      : known
  }

  /** The topmost Via's branch. */
  get branch(): string {
    return this.text(this.index[Field.BranchStart]!, this.index[Field.BranchEnd]!)
  }

  /** The topmost Via's sent-by: host, and port where one is written. */
  get viaHost(): string {
    return this.text(this.index[Field.ViaHostStart]!, this.index[Field.ViaHostEnd]!)
  }

  get viaPort(): number {
    return this.index[Field.ViaPort]!
  }

  get headerCount(): number {
    return this.index[Field.HeaderCount]!
  }

  headerId(line: number): HeaderId {
    return this.index[FIELDS + line * HEADER_FIELDS + Header.Id]!
  }

  headerName(line: number): string {
    const start = this.index[FIELDS + line * HEADER_FIELDS + Header.NameStart]!
    let end = start
    while (end < this.bytes.length && isToken(this.bytes[end]!)) end++
    return this.text(start, end)
  }

  headerValue(line: number): string {
    const at = FIELDS + line * HEADER_FIELDS
    return this.text(this.index[at + Header.ValueStart]!, this.index[at + Header.ValueEnd]!)
  }

  headerValueSpan(line: number): Span {
    const at = FIELDS + line * HEADER_FIELDS
    return { start: this.index[at + Header.ValueStart]!, end: this.index[at + Header.ValueEnd]! }
  }

  /** The whole line with its line end: where the next one, or the blank line, begins. */
  headerLineSpan(line: number): Span {
    const start = this.index[FIELDS + line * HEADER_FIELDS + Header.NameStart]!
    if (line + 1 < this.headerCount) {
      return { start, end: this.index[FIELDS + (line + 1) * HEADER_FIELDS + Header.NameStart]! }
    }
    return { start, end: this.headersEnd }
  }

  /** Where the blank line that ends the headers begins. */
  get headersEnd(): number {
    const bodyStart = this.index[Field.BodyStart]!
    return this.bytes[bodyStart - 2] === 0x0d ? bodyStart - 2 : bodyStart - 1
  }

  has(id: HeaderId): boolean {
    return ((id < 32 ? this.#low >>> id : this.#high >>> (id - 32)) & 1) !== 0
  }

  /** Number of the first line of this header at or after `from`, or -1. */
  findHeader(id: HeaderId, from = 0): number {
    if (!this.has(id)) return -1
    const count = this.headerCount
    for (let line = from; line < count; line++) if (this.headerId(line) === id) return line
    return -1
  }

  /** Value of the first line of this header, or null. */
  header(id: HeaderId): string | null {
    const line = this.findHeader(id)
    return line < 0 ? null : this.headerValue(line)
  }

  /** The lines of this header in order, each whole: the caller splits at commas where the grammar has lists. */
  headers(id: HeaderId): readonly string[] {
    if (!this.has(id)) return NO_VALUES
    const values: string[] = []
    for (let line = this.findHeader(id); line >= 0; line = this.findHeader(id, line + 1)) {
      values.push(this.headerValue(line))
    }
    return values
  }

  /** Value of the Expires header in seconds; null when absent or no number. */
  get expires_s(): number | null {
    if (this.index[Field.HasExpires] === 0) return null
    return this.index[Field.ExpiresHigh]! * 65536 + this.index[Field.ExpiresLow]!
  }

  get bodyStart(): number {
    return this.index[Field.BodyStart]!
  }

  get bodyEnd(): number {
    return this.index[Field.BodyEnd]!
  }

  get hasContentLength(): boolean {
    return this.index[Field.ContentLength] !== NONE
  }

  /** The first `Via` value: of the first Via line, up to a comma. */
  get topViaSpan(): Span {
    return { start: this.index[Field.ViaStart]!, end: this.index[Field.ViaEnd]! }
  }

  get firstViaLine(): number {
    return this.index[Field.FirstVia]! - 1
  }
}

export class SipRequest extends Message {
  readonly kind = 'request'
  /** Set by the one who received it; null for a request of our own. */
  source: Source | null = null
  #method: string | undefined

  get methodId(): MethodId {
    return this.index[Field.MethodId]!
  }

  get method(): string {
    if (this.#method === undefined) {
      const known = METHODS[this.methodId]!
      this.#method =
        known === 'Other' ? this.text(this.index[Field.MethodStart]!, this.index[Field.MethodEnd]!) : known
    }
    return this.#method
  }

  get uri(): string {
    return this.text(this.index[Field.UriStart]!, this.index[Field.UriEnd]!)
  }

  get uriSpan(): Span {
    return { start: this.index[Field.UriStart]!, end: this.index[Field.UriEnd]! }
  }

  get uriScheme(): SchemeId {
    return this.index[Field.UriScheme]!
  }

  get uriUser(): string {
    return this.text(this.index[Field.UriUserStart]!, this.index[Field.UriUserEnd]!)
  }

  get uriHost(): string {
    return this.text(this.index[Field.UriHostStart]!, this.index[Field.UriHostEnd]!)
  }

  get uriPort(): number {
    return this.index[Field.UriPort]!
  }

  /** null when absent. */
  get maxForwards(): number | null {
    const value = this.index[Field.MaxForwards]!
    return value === NONE ? null : value
  }
}

export class SipResponse extends Message {
  readonly kind = 'response'

  get status(): number {
    return this.index[Field.StatusCode]!
  }

  get reason(): string {
    return this.text(this.index[Field.MethodStart]!, this.index[Field.MethodEnd]!)
  }
}

export type SipMessage = SipRequest | SipResponse

/** The same text, holding on to nothing else: a slice keeps all that it is a slice of. */
export function own(latin1: string): string {
  return latin1 === '' ? '' : Buffer.from(latin1, 'latin1').toString('latin1')
}

/** A byte-per-character string as the text it stands for; bytes that are no UTF-8 become the replacement character. */
export function utf8(latin1: string): string {
  if (isAscii(latin1)) return latin1
  return Buffer.from(latin1, 'latin1').toString('utf8')
}

/** Real text as the byte-per-character string that messages are made of. */
export function wire(text: string): string {
  if (isAscii(text)) return text
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Then bytes and characters are the same. Nearly all text is so, and short: a loop beats a pattern's set-up. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false
  return true
}

/** RFC 3261 section 25.1: token. */
function isToken(byte: number): boolean {
  if (byte >= 0x30 && byte <= 0x39) return true
  if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) return true
  return "-.!%*_+`'~".includes(String.fromCharCode(byte))
}
