// Messages to bytes. Forwarding splices edits into the original bytes: what is not edited is copied untouched.

import { HEADER_NAMES } from './header.ts'
import { HeaderId, type SipRequest, type SipResponse, type Span } from './message.ts'
import { reasonPhrase } from './status.ts'
import { topViaEdit } from './via.ts'

interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * Edits to the bytes of a message, given in any order. Spans may touch but not overlap. Where several begin at one
 * place, insertions come first and in the order given.
 */
export class Splice {
  readonly #source: string
  readonly #end: number
  readonly #edits: Edit[] = []

  /** `source`: one character for each byte. */
  constructor(source: string, end: number) {
    this.#source = source
    this.#end = end
  }

  replace(start: number, end: number, text: string): void {
    let at = this.#edits.length
    while (at > 0 && comesAfter(this.#edits[at - 1]!, start, end)) at--
    if (at === this.#edits.length) this.#edits.push({ start, end, text })
    else this.#edits.splice(at, 0, { start, end, text })
  }

  insert(at: number, text: string): void {
    this.replace(at, at, text)
  }

  remove(start: number, end: number): void {
    this.replace(start, end, '')
  }

  bytes(): Buffer {
    let target = ''
    let from = 0
    for (const edit of this.#edits) {
      // Ours to prevent: going on would send memory that holds other people's messages.
      if (edit.start < from || edit.end < edit.start || edit.end > this.#end)
        throw new RangeError('edits overlap')
      target += this.#source.slice(from, edit.start) + edit.text
      from = edit.end
    }
    return Buffer.from(target + this.#source.slice(from, this.#end), 'latin1')
  }
}

function comesAfter(edit: Edit, start: number, end: number): boolean {
  if (edit.start !== start) return edit.start > start
  return end === start && edit.end > edit.start
}

export interface ResponseParts {
  readonly reason?: string | undefined
  /** Added to To when the request has no tag there; every answer but 100 needs one (section 8.2.6.2). */
  readonly toTag?: string | undefined
  /** How long the request lay here before its 100: told beside its Timestamp (section 8.2.6.1). */
  readonly delay_s?: number | undefined
  /** Whole header lines, each with its CRLF. */
  readonly headers?: string | undefined
  readonly body?: { readonly type: string; readonly text: string } | undefined
}

/** An answer of our own (section 8.2.6): Via, From, To, Call-ID and CSeq as they came, of each but Via the first. */
export function buildResponse(request: SipRequest, status: number, parts: ResponseParts = {}): Buffer {
  const count = request.headerCount
  let text = `SIP/2.0 ${status} ${parts.reason ?? reasonPhrase(status)}\r\n`
  let copied = 0
  for (let line = 0; line < count; line++) {
    const id = request.headerId(line)
    // Those that are copied are the first ids of all.
    if (id > HeaderId.CSeq && (id !== HeaderId.Timestamp || status !== 100)) continue
    const bit = 1 << (id === HeaderId.Timestamp ? 0 : id)
    if ((copied & bit) !== 0) continue
    text += copiedLine(request, line, id, parts)
    if (id !== HeaderId.Via) copied |= bit
  }
  text += parts.headers ?? ''
  if (parts.body === undefined) return Buffer.from(`${text}Content-Length: 0\r\n\r\n`, 'latin1')
  const length = parts.body.text.length
  text += `Content-Type: ${parts.body.type}\r\nContent-Length: ${length}\r\n\r\n${parts.body.text}`
  return Buffer.from(text, 'latin1')
}

/** What an answer takes over from one line of its request, '' for nothing. */
function copiedLine(request: SipRequest, line: number, id: HeaderId, parts: ResponseParts): string {
  switch (id) {
    case HeaderId.Via:
      return `Via: ${viaText(request, line)}\r\n`
    case HeaderId.From:
      return `From: ${request.headerValue(line)}\r\n`
    case HeaderId.To: {
      const tag = parts.toTag === undefined || request.hasToTag ? '' : `;tag=${parts.toTag}`
      return `To: ${request.headerValue(line)}${tag}\r\n`
    }
    case HeaderId.CallId:
      return `Call-ID: ${request.headerValue(line)}\r\n`
    case HeaderId.CSeq:
      return `CSeq: ${request.headerValue(line)}\r\n`
    case HeaderId.Timestamp: {
      // Section 8.2.6.1: 100 copies it.
      const delay = parts.delay_s === undefined ? '' : ` ${parts.delay_s}`
      return `Timestamp: ${request.headerValue(line)}${delay}\r\n`
    }
    default:
      return ''
  }
}

function viaText(request: SipRequest, line: number): string {
  const edit = line === request.firstViaLine ? topViaEdit(request) : null
  if (edit === null) return request.headerValue(line)
  const value = request.headerValueSpan(line)
  return request.text(value.start, edit.start) + edit.text + request.text(edit.end, value.end)
}

/** What a proxy changes in a request (section 16.6); all else leaves as it came. */
export interface ForwardEdits {
  readonly uri: string
  /** Our Via value. */
  readonly via: string
  /** Record-Route values of ours, topmost first. */
  readonly recordRoutes: readonly string[]
  readonly maxForwards: number
  /** Spans to leave out: consumed Route values, headers we don't pass on. */
  readonly removals: readonly { readonly start: number; readonly end: number }[]
  /** Whole header lines to add, each with its CRLF. They come before all that are there. */
  readonly headers: string
}

export function forwardRequest(request: SipRequest, edits: ForwardEdits): Buffer {
  const splice = new Splice(request.whole, request.bodyEnd)
  const uri = request.uriSpan
  splice.replace(uri.start, uri.end, edits.uri)
  let added = `${HEADER_NAMES.via}: ${edits.via}\r\n`
  for (const route of edits.recordRoutes) added += `${HEADER_NAMES.recordRoute}: ${route}\r\n`
  const maxForwards = request.findHeader(HeaderId.MaxForwards)
  if (maxForwards < 0) added += `${HEADER_NAMES.maxForwards}: ${edits.maxForwards}\r\n`
  else {
    const span = request.headerValueSpan(maxForwards)
    splice.replace(span.start, span.end, String(edits.maxForwards))
  }
  added += edits.headers
  // A stream needs it, and a datagram is not harmed (section 18.3).
  if (!request.hasContentLength) added += `Content-Length: ${request.bodyEnd - request.bodyStart}\r\n`
  // Before the first line of all: a Record-Route of ours must stand above those of others, wherever these are.
  splice.insert(request.headerLineSpan(0).start, added)
  const via = topViaEdit(request)
  if (via !== null) splice.replace(via.start, via.end, via.text)
  for (const removal of edits.removals) splice.remove(removal.start, removal.end)
  return splice.bytes()
}

/** Section 16.7 step 3: the topmost Via value, which is ours, comes off. `added`: whole lines, after all others. */
export function forwardResponse(response: SipResponse, removals: readonly Span[] = [], added = ''): Buffer {
  const splice = new Splice(response.whole, response.bodyEnd)
  const line = response.firstViaLine
  const via = response.topViaSpan
  const value = response.headerValueSpan(line)
  // The scanner ends the first value at the end of the line's, or at white space and the comma after it.
  const comma = via.end < value.end ? response.bytes.indexOf(0x2c, via.end) : -1
  if (comma >= 0) splice.remove(via.start, comma + 1)
  else {
    const whole = response.headerLineSpan(line)
    splice.remove(whole.start, whole.end)
  }
  for (const removal of removals) splice.remove(removal.start, removal.end)
  const length = response.bodyEnd - response.bodyStart
  const ending = response.hasContentLength ? added : `${added}Content-Length: ${length}\r\n`
  if (ending !== '') splice.insert(response.headersEnd, ending)
  return splice.bytes()
}

/** Section 17.1.1.3: the ACK of a client transaction for a final answer that is not 2xx. */
export function buildAck(invite: SipRequest, response: SipResponse): Buffer {
  return hopByHop(invite, 'ACK', response.header(HeaderId.To) ?? '', '')
}

/** Section 9.1: CANCEL is made from the request it cancels. `headers`: whole lines, such as Reason. */
export function buildCancel(invite: SipRequest, headers: string): Buffer {
  return hopByHop(invite, 'CANCEL', invite.header(HeaderId.To) ?? '', headers)
}

function hopByHop(invite: SipRequest, method: 'ACK' | 'CANCEL', to: string, headers: string): Buffer {
  const via = invite.topViaSpan
  let text = `${method} ${invite.uri} SIP/2.0\r\nVia: ${invite.text(via.start, via.end)}\r\n`
  for (const route of invite.headers(HeaderId.Route)) text += `Route: ${route}\r\n`
  text += `Max-Forwards: 70\r\nFrom: ${invite.header(HeaderId.From) ?? ''}\r\nTo: ${to}\r\n`
  text += `Call-ID: ${invite.callId}\r\nCSeq: ${invite.cseq} ${method}\r\n${headers}Content-Length: 0\r\n\r\n`
  return Buffer.from(text, 'latin1')
}
