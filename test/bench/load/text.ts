// The messages that phones send, as a desk phone writes them.

import type { Line } from './line.ts'

export const DOMAIN = 'bench.example'
/** A caller from elsewhere: neither server asks who he is. */
export const STRANGER_DOMAIN = 'elsewhere.example'

export interface RequestParts {
  readonly method: string
  readonly uri: string
  readonly line: Line
  /** Without the cookie. */
  readonly branch: string
  readonly from: string
  readonly to: string
  readonly callId: string
  readonly cseq: number
  /** Number of the account that the Contact names; '' for none. */
  readonly contact?: string
  /** Whole header lines. */
  readonly headers?: string
  readonly body?: string
  readonly type?: string
}

export function requestText(parts: RequestParts): string {
  const { method, line, body = '' } = parts
  let text =
    `${method} ${parts.uri} SIP/2.0\r\n` +
    `Via: SIP/2.0/${line.transport} ${line.host}:${line.port};branch=z9hG4bK${parts.branch};rport\r\n` +
    `Max-Forwards: 70\r\nFrom: ${parts.from}\r\nTo: ${parts.to}\r\n` +
    `Call-ID: ${parts.callId}\r\nCSeq: ${parts.cseq} ${method}\r\n`
  if (parts.contact !== undefined) text += `Contact: <${contactUri(parts.contact, line)}>\r\n`
  text += `User-Agent: Desk phone T46U 108.86.0.45\r\n${parts.headers ?? ''}`
  if (parts.type !== undefined) text += `Content-Type: ${parts.type}\r\n`
  return `${text}Content-Length: ${body.length}\r\n\r\n${body}`
}

export function contactUri(number: string, line: Line): string {
  const parameter = line.transport === 'TCP' ? ';transport=tcp' : ''
  return `sip:${number}@${line.host}:${line.port}${parameter}`
}

export function sdp(host: string): string {
  return (
    `v=0\r\no=- 20518 0 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\n` +
    'm=audio 11780 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n' +
    'a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n'
  )
}

/** What an answer takes from its request, and what a phone looks for in one: the lines of the few headers, whole. */
export interface Picked {
  /** Every Via and every Record-Route line. */
  vias: string
  recordRoutes: string
  from: string
  to: string
  callId: string
  cseq: string
  contact: string
}

/** Header names are those that Kamailio and we write: long forms in their usual spelling. */
export function pick(text: string): Picked {
  const picked: Picked = { vias: '', recordRoutes: '', from: '', to: '', callId: '', cseq: '', contact: '' }
  let at = text.indexOf('\r\n') + 2
  for (;;) {
    const end = text.indexOf('\r\n', at)
    if (end <= at) return picked
    switch (text.charCodeAt(at)) {
      case 0x56: // V
        if (text.startsWith('Via:', at)) picked.vias += text.slice(at, end + 2)
        break
      case 0x52: // R
        if (text.startsWith('Record-Route:', at)) picked.recordRoutes += text.slice(at, end + 2)
        break
      case 0x46: // F
        if (text.startsWith('From:', at)) picked.from = text.slice(at, end + 2)
        break
      case 0x54: // T
        if (text.startsWith('To:', at)) picked.to = text.slice(at, end)
        break
      case 0x43: // C
        if (text.startsWith('Call-ID:', at)) picked.callId = text.slice(at, end + 2)
        else if (text.startsWith('CSeq:', at)) picked.cseq = text.slice(at, end + 2)
        else if (text.startsWith('Contact:', at)) picked.contact = text.slice(at, end)
        break
    }
    at = end + 2
  }
}

const BETWEEN_BRACKETS = /<([^>]+)>/

export function bracketed(text: string): string {
  return BETWEEN_BRACKETS.exec(text)?.[1] ?? ''
}

/** Route lines of the caller's side: the record reversed (RFC 3261 section 12.1.2). */
export function routesOf(recordRoutes: string): string {
  if (recordRoutes === '') return ''
  const first = recordRoutes.indexOf('\r\n')
  if (first === recordRoutes.length - 2 && !recordRoutes.includes(','))
    return recordRoutes.slice('Record-'.length)
  const values = recordRoutes
    .split('\r\n')
    .flatMap((line) => line.slice('Record-Route:'.length).split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
  return `Route: ${values.reverse().join(', ')}\r\n`
}

/** The phone that is called: answers by itself, without a transaction, as the callee of every scenario. */
export function answersTo(text: string, line: Line): readonly string[] {
  const method = text.slice(0, text.indexOf(' '))
  if (method === 'ACK') return NOTHING
  const { vias, recordRoutes, from, to, callId, cseq } = pick(text)
  const tagged = to.includes(';tag=') ? to : `${to};tag=callee`
  const head = `${vias}${recordRoutes}${from}${tagged}\r\n${callId}${cseq}`
  if (method !== 'INVITE') return [`SIP/2.0 200 OK\r\n${head}Content-Length: 0\r\n\r\n`]
  const number = text.slice('INVITE sip:'.length, text.indexOf('@'))
  const contact = `Contact: <${contactUri(number, line)}>\r\n`
  const body = sdp(line.host)
  return [
    `SIP/2.0 180 Ringing\r\n${head}${contact}Content-Length: 0\r\n\r\n`,
    `SIP/2.0 200 OK\r\n${head}${contact}Content-Type: application/sdp\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  ]
}

const NOTHING: readonly string[] = []
