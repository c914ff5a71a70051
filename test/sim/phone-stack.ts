// Messages of a simulated phone to their transactions (RFC 3261 sections 17.1.3 and 17.2.3).

import type { Address } from '../../src/transport/transport.ts'
import { type Line, type ResponseUser, UacTransaction, UasTransaction } from './phone-transaction.ts'
import type { SipText } from './sip-text.ts'

export interface RequestUser {
  onRequest(transaction: UasTransaction): void
  /** For a 2xx. */
  onAck(ack: SipText): void
}

export class PhoneStack {
  readonly #line: Line
  readonly #user: RequestUser
  readonly #clients = new Map<string, UacTransaction>()
  readonly #servers = new Map<string, UasTransaction>()

  constructor(line: Line, user: RequestUser) {
    this.#line = line
    this.#user = user
  }

  request(request: SipText, user: ResponseUser): UacTransaction {
    const key = keyOf(request)
    const transaction = new UacTransaction(this.#line, request, user, () => this.#clients.delete(key))
    this.#clients.set(key, transaction)
    return transaction
  }

  /** The INVITE that a CANCEL means. */
  inviteOf(cancel: SipText): UasTransaction | undefined {
    return this.#servers.get(`${cancel.branch} INVITE`)
  }

  receive(message: SipText, from: Address): void {
    if (message.status !== null) {
      this.#clients.get(keyOf(message))?.onResponse(message)
      return
    }
    if (message.method === 'ACK') {
      this.#receiveAck(message)
      return
    }
    const key = keyOf(message)
    const known = this.#servers.get(key)
    if (known !== undefined) {
      known.onRetransmission()
      return
    }
    const transaction = new UasTransaction(this.#line, message, from, () => this.#servers.delete(key))
    this.#servers.set(key, transaction)
    this.#user.onRequest(transaction)
  }

  /** A refusal's has the branch of its INVITE, an acceptance's has one of its own and the numbers of its dialog. */
  #receiveAck(ack: SipText): void {
    const refused = this.inviteOf(ack)
    if (refused !== undefined) {
      refused.onAck()
      return
    }
    for (const server of this.#servers.values()) {
      const { method, callId, fromTag, cseq } = server.request
      if (method === 'INVITE' && callId === ack.callId && fromTag === ack.fromTag && cseq === ack.cseq) {
        server.onAck()
      }
    }
    this.#user.onAck(ack)
  }
}

function keyOf(message: SipText): string {
  return `${message.branch} ${message.cseqMethod}`
}
