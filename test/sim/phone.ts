// A simulated phone: a small user agent with habits of its own. All that it does is decided by its generator.

import type { Address, TransportName } from '../../src/transport/transport.ts'
import { aorOf } from '../support/phone.ts'
import type { Random } from '../support/random.ts'
import type { VirtualEndpoint, VirtualNetwork } from '../support/virtual-network.ts'
import type { PhoneCounts } from './count.ts'
import { Proof, Registration } from './phone-account.ts'
import { IncomingCall, OutgoingCall } from './phone-call.ts'
import type { Dialog } from './phone-dialog.ts'
import { PhoneStack, type RequestUser } from './phone-stack.ts'
import type { Line, ResponseUser, UasTransaction } from './phone-transaction.ts'
import { ProcessClock } from './process-clock.ts'
import { type RequestParts, requestText, responseText, SipText } from './sip-text.ts'

export interface PhoneHome {
  readonly network: VirtualNetwork
  readonly server: Address
  readonly counts: PhoneCounts
  /** Whom one may call. */
  readonly numbers: readonly string[]
  /** A text that no other message holds. */
  unique(prefix: string): string
  /** This INVITE never got its final answer. */
  onUnanswered(invite: SipText): void
}

export interface PhoneParts {
  readonly number: string
  readonly host: string
  readonly transport: TransportName
  readonly expires_s: number
  readonly random: Random
  readonly home: PhoneHome
}

/** What registration, calls and dialogs need of their phone. */
export interface PhoneCore {
  readonly number: string
  readonly aor: string
  readonly contact: string
  readonly clock: ProcessClock
  readonly random: Random
  readonly counts: PhoneCounts
  readonly stack: PhoneStack
  readonly proxyProof: Proof
  /** By the own tag alone: it is unique here. */
  readonly dialogs: Map<string, Dialog>
  readonly numbers: readonly string[]
  send(text: string, to: Address | null): void
  unique(prefix: string): string
  request(method: string, uri: string, parts: Omit<RequestParts, 'method' | 'uri' | 'via'>): SipText
  reply(transaction: UasTransaction, status: number, headers?: readonly string[]): void
  onUnanswered(invite: SipText): void
  calls(number: string): void
}

const NOBODY: ResponseUser = { onResponse() {}, onTimeout() {} }
const CALLS_MAX = 4

export class SimPhone implements PhoneCore, RequestUser, Line {
  readonly number: string
  readonly host: string
  readonly random: Random
  readonly reliable: boolean
  readonly dialogs = new Map<string, Dialog>()
  readonly #parts: PhoneParts
  /** Of this life: another one after each start. */
  clock: ProcessClock
  stack: PhoneStack
  proxyProof: Proof
  #registration: Registration | null = null
  #endpoint: VirtualEndpoint | null = null
  readonly #incoming = new Map<UasTransaction, IncomingCall>()

  constructor(parts: PhoneParts) {
    this.#parts = parts
    this.number = parts.number
    this.host = parts.host
    this.random = parts.random
    this.reliable = parts.transport !== 'udp'
    this.clock = new ProcessClock(parts.home.network.clock)
    this.stack = new PhoneStack(this, this)
    this.proxyProof = new Proof(this.number, 'Proxy-Authorization')
  }

  get on(): boolean {
    return this.#endpoint !== null
  }

  get aor(): string {
    return aorOf(this.number)
  }

  get contact(): string {
    const transport = this.reliable ? `;transport=${this.#parts.transport}` : ''
    return `sip:${this.number}@${this.host}:5060${transport}`
  }

  get numbers(): readonly string[] {
    return this.#parts.home.numbers
  }

  get counts(): PhoneCounts {
    return this.#parts.home.counts
  }

  starts(): void {
    const { home, transport, expires_s } = this.#parts
    this.clock = new ProcessClock(home.network.clock)
    this.stack = new PhoneStack(this, this)
    this.proxyProof = new Proof(this.number, 'Proxy-Authorization')
    this.dialogs.clear()
    this.#incoming.clear()
    const endpoint = home.network.endpoint(this.host, 5060, transport)
    endpoint.onBytes = (bytes, from) => this.stack.receive(new SipText(bytes.toString('latin1')), from)
    this.#endpoint = endpoint
    this.#registration = new Registration(this, expires_s)
    this.#registration.start()
  }

  /** Dies without a word: no BYE, no CANCEL, no answer to anything. */
  async vanishes(): Promise<void> {
    this.clock.kill()
    const endpoint = this.#endpoint
    this.#endpoint = null
    await endpoint?.close()
  }

  /** Goes home: what it talks ends, and its binding is taken away. */
  leaves(): void {
    for (const dialog of this.dialogs.values()) dialog.hangsUp()
    this.#registration?.leave()
  }

  calls(number: string): void {
    if (this.dialogs.size >= CALLS_MAX) return
    this.counts.calls++
    new OutgoingCall(this, number).start()
  }

  /** A request outside any dialog, whose answer only matters in that there is one. */
  asks(method: string, number: string): void {
    this.counts.others++
    const uri = aorOf(number)
    const request = this.request(method, uri, {
      from: `<${this.aor}>;tag=${this.unique('tag')}`,
      to: `<${uri}>`,
      callId: this.unique('other'),
      cseq: 1,
      headers: this.proxyProof.headers(method, uri),
    })
    const onResponse = (response: SipText) => {
      if (response.status === 407) this.proxyProof.take(response)
    }
    this.stack.request(request, { ...NOBODY, onResponse })
  }

  send(text: string, to: Address | null): void {
    this.#endpoint?.send(to ?? this.#parts.home.server, Buffer.from(text, 'latin1'))
  }

  unique(prefix: string): string {
    return this.#parts.home.unique(prefix)
  }

  request(method: string, uri: string, parts: Omit<RequestParts, 'method' | 'uri' | 'via'>): SipText {
    const transport = this.#parts.transport.toUpperCase()
    const via = `SIP/2.0/${transport} ${this.host}:5060;rport;branch=${this.unique('z9hG4bK')}`
    return requestText({ method, uri, via, ...parts })
  }

  reply(transaction: UasTransaction, status: number, headers: readonly string[] = []): void {
    transaction.respond(status, responseText(transaction.request, status, this.unique('t'), headers))
  }

  onUnanswered(invite: SipText): void {
    this.#parts.home.onUnanswered(invite)
  }

  onRequest(transaction: UasTransaction): void {
    const { request } = transaction
    if (request.method === 'CANCEL') {
      this.#onCancel(transaction)
      return
    }
    if (request.toTag !== '') {
      const dialog = this.dialogs.get(request.toTag)
      if (dialog === undefined) this.reply(transaction, 481)
      else dialog.onRequest(transaction)
      return
    }
    if (request.method === 'INVITE') {
      const call = new IncomingCall(this, transaction)
      this.#incoming.set(transaction, call)
      call.start()
    } else if (this.random.next() < 0.9) this.reply(transaction, 200)
    // Some are never answered: RFC 4320 has the server stay silent then.
  }

  onAck(ack: SipText): void {
    this.dialogs.get(ack.toTag)?.onAck()
  }

  #onCancel(cancel: UasTransaction): void {
    const invite = this.stack.inviteOf(cancel.request)
    this.reply(cancel, invite === undefined ? 481 : 200)
    if (invite !== undefined) this.#incoming.get(invite)?.onCancel()
  }
}
