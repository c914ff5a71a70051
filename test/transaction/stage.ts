// A transaction layer on virtual time, with flows and users that write down what they are given.

import { expect } from 'bun:test'
import { LIMITS, type Limits } from '../../src/config.ts'
import { IdSource } from '../../src/sip/id.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message.ts'
import { TransactionLayer } from '../../src/transaction/layer.ts'
import { Traffic } from '../../src/transaction/traffic.ts'
import type {
  AnyClientTransaction,
  AnyServerTransaction,
  ClientUser,
  TransactionUser,
  Upstream,
} from '../../src/transaction/transaction.ts'
import type { Address, Flow, Sender, SendFailure, TransportName } from '../../src/transport/transport.ts'
import { requestOf, responseOf, wireBytes } from '../support/message.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Far beyond every timer but the one for silence: whatever is still there then would stay. */
export const LONG_ms = 200_000

export class RecordingFlow implements Flow {
  readonly lingering = false
  readonly transport: TransportName
  readonly reliable: boolean
  readonly peer: Address
  readonly local: Address = { host: '192.0.2.1', port: 5060 }
  open = true
  readonly key = 'recording'
  /** Times of sending, ms, with the first line's first two words. */
  readonly sent: string[] = []
  readonly bytes: Buffer[] = []
  readonly #clock: VirtualClock
  #sender: Sender | undefined

  constructor(clock: VirtualClock, reliable: boolean, host = '192.0.2.5') {
    this.peer = { host, port: 5060 }
    this.#clock = clock
    this.reliable = reliable
    this.transport = reliable ? 'tcp' : 'udp'
  }

  attach(): void {}

  detach(): void {}

  send(bytes: Uint8Array, sender?: Sender): void {
    const copy = Buffer.from(bytes)
    const [first, second] = copy.toString('latin1').split(' ')
    this.bytes.push(copy)
    this.sent.push(`${this.#clock.monotonic()} ${first === 'SIP/2.0' ? second : first}`)
    this.#sender = sender
  }

  /** What was sent last has not left. */
  fail(failure: SendFailure): void {
    this.#sender?.onSendFailed(failure)
  }
}

/** The side above a client transaction: "500 200" is a 200 after 500 ms. */
export class RecordingUser implements ClientUser {
  readonly upstream: Upstream
  readonly heard: string[] = []
  readonly #clock: VirtualClock

  constructor(clock: VirtualClock, upstream: RecordingFlow) {
    this.#clock = clock
    this.upstream = { flow: upstream, acceptedAt_ms: null }
  }

  onResponse(response: SipResponse, _transaction: AnyClientTransaction): void {
    this.#hear(String(response.status))
  }

  onTimeout(_transaction: AnyClientTransaction): void {
    this.#hear('timeout')
  }

  onSendFailed(failure: SendFailure, _transaction: AnyClientTransaction): void {
    this.#hear(failure)
  }

  #hear(what: string): void {
    this.heard.push(`${this.#clock.monotonic()} ${what}`)
  }
}

export class Stage implements TransactionUser {
  readonly clock = new VirtualClock()
  readonly layer: TransactionLayer
  readonly flow: RecordingFlow
  readonly user: RecordingUser
  /** Of that user: what was asked of it came this way. */
  readonly upstream: RecordingFlow
  /** Statuses of 2xx that came again. */
  readonly repeated: number[] = []
  readonly requests: SipRequest[] = []
  readonly transactions: AnyServerTransaction[] = []
  readonly acks: SipRequest[] = []
  readonly defects: unknown[] = []
  /** Of every peer: it is a phone that has registered. */
  registered = false
  /** What the user does with each request; nothing, unless the test says. */
  answering: (request: SipRequest, transaction: AnyServerTransaction) => void = () => {}

  constructor(reliable: boolean, limits: Partial<Limits> = {}) {
    this.flow = new RecordingFlow(this.clock, reliable)
    this.upstream = new RecordingFlow(this.clock, false, '192.0.2.9')
    this.user = new RecordingUser(this.clock, this.upstream)
    this.layer = new TransactionLayer({
      clock: this.clock,
      ids: new IdSource(),
      limits: { ...LIMITS, ...limits },
      traffic: new Traffic(null),
      user: this,
      isRegistered: () => this.registered,
      replyFlow: (_request, flow) => flow,
    })
  }

  onRequest(request: SipRequest, transaction: AnyServerTransaction): void {
    this.requests.push(request)
    this.transactions.push(transaction)
    this.answering(request, transaction)
  }

  onAck(request: SipRequest): void {
    this.acks.push(request)
  }

  onRepeated(response: SipResponse, upstream: Flow): void {
    expect(upstream).toBe(this.upstream)
    this.repeated.push(response.status)
  }

  onDefect(error: unknown): void {
    this.defects.push(error)
  }

  /** A request of the peer. */
  receives(text: string, flow: Flow = this.flow): void {
    this.layer.receiveRequest(requestOf(text), flow)
  }

  /** An answer of the peer. */
  answers(text: string): void {
    this.layer.receiveResponse(responseOf(text))
  }

  /** A request of ours. */
  sends(text: string, user: ClientUser = this.user): AnyClientTransaction {
    const request = requestOf(text)
    const transaction = this.layer.request(request.method, request.branch, wireBytes(text), this.flow, user)
    if (transaction === null) throw new Error('the table is full')
    return transaction
  }

  /** Nothing left: no transaction, no timer. */
  get leftovers(): number {
    return this.layer.clientCount + this.layer.serverCount + this.clock.timers
  }
}

export function respond(transaction: AnyServerTransaction, status: number): void {
  transaction.respond(status, wireBytes(responseText(status, transaction.method)))
}

export function requestText(method: string, branch = 'z9hG4bK1', sentBy = '192.0.2.5'): string {
  return `${method} sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP ${sentBy};branch=${branch}
Max-Forwards: 70
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>
Call-ID: c1
CSeq: 7 ${method}`
}

export function responseText(status: number, method: string, branch = 'z9hG4bK1', toTag = 'b'): string {
  return `SIP/2.0 ${status} Whatever
Via: SIP/2.0/UDP 192.0.2.1;branch=${branch}
From: <sip:alice@example.com>;tag=a
To: <sip:bob@example.com>;tag=${toTag}
Call-ID: c1
CSeq: 7 ${method}`
}
