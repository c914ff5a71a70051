// Via values (RFC 3261 section 20.42), for those who need more than the topmost one.

import { Field } from '../../wasm/layout.ts'
import { listEnds, SWS, trimSpace } from './header.ts'
import { hostText } from './host.ts'
import type { SipRequest, SipResponse } from './message.ts'
import { HeaderId } from './message.ts'

/** Every Via value of a message, topmost first, at most `most`. */
export function viaValues(message: SipRequest | SipResponse, most: number): string[] {
  const values: string[] = []
  for (let line = message.firstViaLine; line >= 0; line = message.findHeader(HeaderId.Via, line + 1)) {
    const text = message.headerValue(line)
    let start = 0
    for (const end of listEnds(text)) {
      if (values.length === most) return values
      values.push(trimSpace(text.slice(start, end)))
      start = end + 1
    }
  }
  return values
}

/** Nobody but the topmost: a request straight from its sender, or an answer that is meant for whoever gets it. */
export function hasOneVia(message: SipRequest | SipResponse): boolean {
  const line = message.firstViaLine
  const isWhole = message.topViaSpan.end === message.headerValueSpan(line).end
  return isWhole && message.findHeader(HeaderId.Via, line + 1) < 0
}

export interface SentBy {
  readonly host: string
  /** 0 when none is written. */
  readonly port: number
  readonly branch: string
}

const PROTOCOL = `SIP${SWS}/${SWS}2\\.0${SWS}/${SWS}[^ \\t\\r\\n;]+[ \\t\\r\\n]+`
const HOST = '\\[[0-9a-f:.]+\\]|[^ \\t\\r\\n;:]+'
const BRANCH = `;${SWS}branch${SWS}=${SWS}([^ \\t\\r\\n;,]+)`
/** The branch is looked for lazily up to the end, which always matches: nothing is ever tried twice. */
const VALUE = new RegExp(`^${PROTOCOL}(${HOST})${SWS}(?::${SWS}(\\d{1,5}))?.*?(?:${BRANCH}|$)`, 'is')

/** null when the value breaks the grammar. */
export function parseSentBy(value: string): SentBy | null {
  const match = VALUE.exec(value)
  if (match === null) return null
  return { host: match[1]!, port: Number(match[2] ?? 0), branch: match[3] ?? '' }
}

/** A Via value of our own. `transport` in capitals as the RFC writes it. */
export function viaValue(transport: string, host: string, port: number, branch: string): string {
  return `SIP/2.0/${transport.toUpperCase()} ${hostText(host)}:${port};branch=${branch}`
}

/** What to write in the place of a span of the message. */
export interface ViaEdit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/**
 * The topmost Via as answers and forwarded requests carry it: with `received`, and `rport` filled in (RFC 3261 section
 * 18.2.1, RFC 3581 section 4). What a sender wrote into either itself is not believed. null when nothing changes.
 *
 * Asked for every request: it goes by the spans that the scanner found, and touches no byte but those parameters'.
 */
export function topViaEdit(request: SipRequest): ViaEdit | null {
  const { source, index } = request
  if (source === null) return null
  const rportStart = index[Field.RportStart]!
  const rportEnd = index[Field.RportEnd]!
  const receivedStart = index[Field.ReceivedStart]!
  const receivedEnd = index[Field.ReceivedEnd]!
  if (receivedEnd === 0) {
    // Section 4 of RFC 3581: whoever asks for the port is told the address too, even when it is the one in sent-by.
    if (rportEnd > 0) {
      return { start: rportStart, end: rportEnd, text: `received=${source.host};rport=${source.port}` }
    }
    const end = index[Field.ViaEnd]!
    return request.viaHost === hostText(source.host)
      ? null
      : { start: end, end, text: `;received=${source.host}` }
  }
  // The span is the value's: empty when the parameter came without one.
  const received = receivedEnd > receivedStart ? source.host : `=${source.host}`
  const rport = `rport=${source.port}`
  if (rportEnd === 0) return { start: receivedStart, end: receivedEnd, text: received }
  if (receivedEnd <= rportStart) {
    const between = request.text(receivedEnd, rportStart)
    return { start: receivedStart, end: rportEnd, text: `${received}${between}${rport}` }
  }
  const between = request.text(rportEnd, receivedStart)
  return { start: rportStart, end: receivedEnd, text: `${rport}${between}${received}` }
}
