// Messages as the simulated phones and the monitor read and write them: an oracle that shares no code with the server.

import { WireMessage } from '../support/wire.ts'

export class SipText extends WireMessage {
  /** Of the topmost Via. */
  readonly branch: string
  readonly callId: string
  readonly cseq: number
  /** Of the transaction: that of CSeq. */
  readonly cseqMethod: string
  readonly fromTag: string
  readonly toTag: string

  constructor(text: string) {
    super(text)
    this.branch = /;branch=([^;,\s]+)/.exec(this.header('Via'))?.[1] ?? ''
    this.callId = this.header('Call-ID')
    const [number = '', method = ''] = this.header('CSeq').split(' ')
    this.cseq = Number(number)
    this.cseqMethod = method
    this.fromTag = tagOf(this.header('From'))
    this.toTag = tagOf(this.header('To'))
  }

  get requestUri(): string {
    return this.startLine.split(' ')[1] ?? ''
  }
}

function tagOf(nameAddress: string): string {
  return /;tag=([^;\s]+)/.exec(nameAddress.slice(nameAddress.indexOf('>')))?.[1] ?? ''
}

export function uriOf(nameAddress: string): string {
  return /<([^>]*)>/.exec(nameAddress)?.[1] ?? nameAddress
}

export function hostOf(uri: string): string {
  return /@([^:;>]+)/.exec(uri)?.[1] ?? ''
}

export function userOf(uri: string): string {
  return /^<?sip:([^@]+)@/.exec(uri)?.[1] ?? ''
}

function wireText(startLine: string, headers: readonly string[]): string {
  return [startLine, ...headers, 'Content-Length: 0', '', ''].join('\r\n')
}

function copied(message: WireMessage, name: string): string[] {
  return message.headers(name).map((value) => `${name}: ${value}`)
}

export interface RequestParts {
  readonly method: string
  readonly uri: string
  readonly via: string
  readonly from: string
  readonly to: string
  readonly callId: string
  readonly cseq: number
  /** Whole header lines. */
  readonly headers: readonly string[]
}

export function requestText(parts: RequestParts): SipText {
  const { method, uri } = parts
  return new SipText(
    wireText(`${method} ${uri} SIP/2.0`, [
      `Via: ${parts.via}`,
      'Max-Forwards: 70',
      `From: ${parts.from}`,
      `To: ${parts.to}`,
      `Call-ID: ${parts.callId}`,
      `CSeq: ${parts.cseq} ${method}`,
      ...parts.headers,
    ]),
  )
}

/** RFC 3261 section 8.2.6; `tag` is added to a To that has none. */
export function responseText(
  request: SipText,
  status: number,
  tag: string,
  headers: readonly string[] = [],
): string {
  const to = request.header('To')
  return wireText(`SIP/2.0 ${status} As Simulated`, [
    ...copied(request, 'Via'),
    `From: ${request.header('From')}`,
    `To: ${request.toTag === '' && status > 100 ? `${to};tag=${tag}` : to}`,
    `Call-ID: ${request.callId}`,
    `CSeq: ${request.header('CSeq')}`,
    ...copied(request, 'Record-Route'),
    ...headers,
  ])
}

/** CANCEL, or the ACK of a refusal: of the transaction of its INVITE (sections 9.1 and 17.1.1.3). */
export function hopByHopText(method: 'ACK' | 'CANCEL', invite: SipText, to: string): SipText {
  return new SipText(
    wireText(`${method} ${invite.requestUri} SIP/2.0`, [
      `Via: ${invite.header('Via')}`,
      ...copied(invite, 'Route'),
      'Max-Forwards: 70',
      `From: ${invite.header('From')}`,
      `To: ${to}`,
      `Call-ID: ${invite.callId}`,
      `CSeq: ${invite.cseq} ${method}`,
    ]),
  )
}
