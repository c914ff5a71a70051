// A phone on the virtual network: it says what the test writes, and shows what the server sent.

import { formatHostPort } from '../../src/sip/host.ts'
import type { Address, TransportName } from '../../src/transport/transport.ts'
import {
  type Answer,
  answerChallenge,
  type Challenge,
  type DigestAlgorithm,
  parseChallenge,
} from './digest.ts'
import { DOMAIN, passwordOf } from './memory-store.ts'
import type { VirtualClock } from './virtual-clock.ts'
import type { VirtualEndpoint } from './virtual-network.ts'
import { WireMessage } from './wire.ts'

/** What a phone needs of its office. */
export interface PhoneHome {
  readonly clock: VirtualClock
  /** Where the server listens for a phone at that host. */
  serverFor(host: string): Address
  /** A text that no other message holds. */
  unique(prefix: string): string
}

/** null leaves a header out; undefined takes what the phone would say by itself. */
export interface RequestParts {
  readonly from?: string
  readonly to?: string
  readonly via?: string
  readonly callId?: string
  readonly cseq?: number
  readonly maxForwards?: number | null
  /** Whole header lines. */
  readonly headers?: readonly string[]
  readonly body?: string
}

export interface RegisterParts extends RequestParts {
  /** Values of Contact; the phone's own when left out. */
  readonly contacts?: readonly string[]
  readonly expires?: number | null
  readonly proof?: ProofParts
}

/** What a phone may do differently from what it should when it answers a challenge. */
export type ProofParts = Partial<Answer> & { readonly algorithm?: DigestAlgorithm }

const SDP_TYPE = 'Content-Type: application/sdp'

export class Phone {
  readonly number: string
  readonly transport: TransportName
  /** "10.0.1.1:5060": what it takes for its own address, and writes into Via and Contact. */
  readonly sentBy: string
  /** All that came, retransmissions among it. */
  readonly heard: WireMessage[] = []
  readonly #home: PhoneHome
  readonly #endpoint: VirtualEndpoint
  readonly #inbox: WireMessage[] = []
  readonly #tag: string
  readonly #registerCallId: string
  #cseq = 0

  /** `inside`: the address that a NAT hides. */
  constructor(
    number: string,
    transport: TransportName,
    endpoint: VirtualEndpoint,
    home: PhoneHome,
    inside?: string,
  ) {
    this.number = number
    this.transport = transport
    this.#endpoint = endpoint
    this.sentBy = inside ?? formatHostPort(endpoint.address.host, endpoint.address.port)
    this.#home = home
    this.#tag = home.unique('tag')
    this.#registerCallId = home.unique('register')
    endpoint.onBytes = (bytes) => this.#hear(new WireMessage(bytes.toString('latin1')))
  }

  /** Where others see it. */
  get address(): Address {
    return this.#endpoint.address
  }

  get aor(): string {
    return aorOf(this.number)
  }

  get contactUri(): string {
    const transport = this.transport === 'udp' ? '' : `;transport=${this.transport}`
    return `sip:${this.number}@${this.sentBy}${transport}`
  }

  get via(): string {
    return `SIP/2.0/${this.transport.toUpperCase()} ${this.sentBy};rport;branch=${this.#home.unique('z9hG4bK')}`
  }

  /** Lines may be written with \n. Gives back what was said, to make an ACK or a CANCEL of it. */
  sends(text: string): WireMessage {
    const wire = text.replaceAll(/\r?\n/g, '\r\n')
    this.#endpoint.send(this.#home.serverFor(this.address.host), Buffer.from(wire, 'latin1'))
    return new WireMessage(wire)
  }

  /**
   * The next message: it must begin with this status or method. 100 Trying is passed over, unless it is what is
   * expected; what came twice is shown once.
   */
  async expects(start: string): Promise<WireMessage> {
    await this.#home.clock.idle()
    for (;;) {
      const message = this.#inbox.shift()
      if (message === undefined) throw new Error(`${this.number} expects ${start}, and nothing came`)
      if (startOf(message) === start) return message
      if (message.status !== 100) throw new Error(`${this.number} expects ${start}, got\n${message.text}`)
    }
  }

  async expectsNothing(): Promise<void> {
    await this.#home.clock.idle()
    const message = this.#inbox.find(({ status }) => status !== 100)
    if (message !== undefined) throw new Error(`${this.number} expects nothing, got\n${message.text}`)
  }

  /** How often a message with this start came, retransmissions counted. */
  count(start: string): number {
    return this.heard.filter((message) => startOf(message) === start).length
  }

  /** A request outside a dialog, as text. */
  request(method: string, uri: string, parts: RequestParts = {}): string {
    const { body = '', maxForwards = 70, headers = [] } = parts
    return text(
      `${method} ${uri} SIP/2.0`,
      `Via: ${parts.via ?? this.via}`,
      maxForwards === null ? null : `Max-Forwards: ${maxForwards}`,
      `From: ${parts.from ?? `<${this.aor}>;tag=${this.#tag}`}`,
      `To: ${parts.to ?? `<${uri}>`}`,
      `Call-ID: ${parts.callId ?? this.#home.unique('call')}`,
      `CSeq: ${parts.cseq ?? ++this.#cseq} ${method}`,
      ...headers,
      `Content-Length: ${body.length}`,
      body,
    )
  }

  /** REGISTER without a proof, or with the one given among the headers. */
  sendsRegister(parts: RegisterParts = {}): WireMessage {
    const { contacts = [`<${this.contactUri}>`], expires = 600 } = parts
    const registration = this.request('REGISTER', `sip:${DOMAIN.name}`, {
      to: `<${this.aor}>`,
      callId: this.#registerCallId,
      ...parts,
      headers: [
        ...contacts.map((contact) => `Contact: ${contact}`),
        ...(expires === null ? [] : [`Expires: ${expires}`]),
        ...(parts.headers ?? []),
      ],
    })
    return this.sends(registration)
  }

  /** REGISTER, 401, and the same again with a proof. */
  async sendsProvedRegister(parts: RegisterParts = {}): Promise<WireMessage> {
    // The refused one must not use up the CSeq that the test asked for.
    const { cseq: _, ...unproved } = parts
    this.sendsRegister(unproved)
    const challenge = await this.expects('401')
    const proof = this.proof(challenge, 'REGISTER', `sip:${DOMAIN.name}`, parts.proof)
    return this.sendsRegister({ ...parts, headers: [proof, ...(parts.headers ?? [])] })
  }

  /** The whole conversation, and its final answer. */
  async registers(parts: RegisterParts = {}, status = '200'): Promise<WireMessage> {
    await this.sendsProvedRegister(parts)
    return this.expects(status)
  }

  /** The header line that answers a 401 or a 407. */
  proof(challenge: WireMessage, method: string, uri: string, parts: ProofParts = {}): string {
    const asRegistrar = challenge.status === 401
    const { algorithm, ...answer } = parts
    const offered = challengesOf(challenge)
    const chosen = offered.find((one) => algorithm === undefined || one.algorithm === algorithm)
    if (chosen === undefined) throw new Error(`no challenge of ${algorithm} in\n${challenge.text}`)
    const value = answerChallenge(chosen, {
      username: this.number,
      password: passwordOf(this.number),
      method,
      uri,
      ...answer,
    })
    return `${asRegistrar ? 'Authorization' : 'Proxy-Authorization'}: ${value}`
  }

  /** Any request that the server asks a proof for: sent, challenged with 407, and sent again. */
  async proves(method: string, uri: string, parts: RequestParts = {}): Promise<WireMessage> {
    const callId = parts.callId ?? this.#home.unique('call')
    const first = this.sends(this.request(method, uri, { ...parts, callId }))
    const challenge = await this.expects('407')
    if (method === 'INVITE') this.acks(first, challenge)
    const headers = [this.proof(challenge, method, uri), ...(parts.headers ?? [])]
    return this.sends(this.request(method, uri, { ...parts, callId, headers }))
  }

  /** An INVITE that the server has let in: gives back the one with the proof. */
  calls(number: string, parts: RequestParts = {}): Promise<WireMessage> {
    const headers = [`Contact: <${this.contactUri}>`, ...(parts.headers ?? [])]
    return this.proves('INVITE', aorOf(number), { ...parts, headers })
  }

  /** The ACK that ends the transaction of a refused INVITE (RFC 3261 section 17.1.1.3). */
  acks(invite: WireMessage, refusal: WireMessage): void {
    this.sends(hopByHop('ACK', invite, refusal.header('To')))
  }

  cancels(invite: WireMessage, ...headers: readonly string[]): void {
    this.sends(hopByHop('CANCEL', invite, invite.header('To'), headers))
  }

  /** An answer of this phone; its To tag stays the same within a call. */
  answers(request: WireMessage, status: string, headers: readonly string[] = [], body = ''): WireMessage {
    const to = request.header('To')
    const contact = request.method === 'INVITE' && /^(?:18|2)/.test(status)
    return this.sends(
      text(
        `SIP/2.0 ${status}`,
        ...copied(request, 'Via'),
        ...copied(request, 'Record-Route'),
        `From: ${request.header('From')}`,
        `To: ${to.includes(';tag=') ? to : `${to};tag=${this.#tag}`}`,
        `Call-ID: ${request.header('Call-ID')}`,
        `CSeq: ${request.header('CSeq')}`,
        contact ? `Contact: <${this.contactUri}>` : null,
        ...headers,
        body === '' ? null : SDP_TYPE,
        `Content-Length: ${body.length}`,
        body,
      ),
    )
  }

  /** Gone: what is sent to it is lost, or refused where there are connections. */
  async unplugs(): Promise<void> {
    await this.#endpoint.close()
  }

  #hear(message: WireMessage): void {
    const known = this.heard.some((one) => one.text === message.text)
    this.heard.push(message)
    if (!known) this.#inbox.push(message)
  }
}

export function aorOf(number: string): string {
  return `sip:${number}@${DOMAIN.name}`
}

export function challengesOf(message: WireMessage): Challenge[] {
  const name = message.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
  return message.headers(name).map(parseChallenge)
}

/** Header lines, null ones left out, and after a blank line the body, which is the last. */
export function text(...parts: readonly (string | null)[]): string {
  const lines = parts.slice(0, -1).filter((line) => line !== null)
  return `${lines.join('\r\n')}\r\n\r\n${parts.at(-1) ?? ''}`
}

function startOf(message: WireMessage): string | null {
  return message.status?.toString() ?? message.method
}

function copied(message: WireMessage, name: string): string[] {
  return message.headers(name).map((value) => `${name}: ${value}`)
}

/** ACK and CANCEL of one transaction: the same branch, the same CSeq number (sections 9.1 and 17.1.1.3). */
function hopByHop(method: string, invite: WireMessage, to: string, headers: readonly string[] = []): string {
  const [, uri = ''] = invite.startLine.split(' ')
  return text(
    `${method} ${uri} SIP/2.0`,
    `Via: ${invite.header('Via')}`,
    ...copied(invite, 'Route'),
    'Max-Forwards: 70',
    `From: ${invite.header('From')}`,
    `To: ${to}`,
    `Call-ID: ${invite.header('Call-ID')}`,
    `CSeq: ${Number.parseInt(invite.header('CSeq'), 10)} ${method}`,
    ...headers,
    'Content-Length: 0',
    '',
  )
}
