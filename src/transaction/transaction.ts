// What the four machines share with the layer that owns them, and with the transaction user above.

import type { Clock } from '../clock.ts'
import type { SipRequest, SipResponse } from '../sip/message.ts'
import type { Flow, SendFailure } from '../transport/transport.ts'
import type { ClientTransaction } from './client.ts'
import type { InviteClientTransaction } from './invite-client.ts'
import type { InviteServerTransaction } from './invite-server.ts'
import type { ServerTransaction } from './server.ts'

export type AnyServerTransaction = ServerTransaction | InviteServerTransaction
export type AnyClientTransaction = ClientTransaction | InviteClientTransaction

/** What a machine needs of the world: time, and a place to say that it has ended. */
export interface TransactionHome {
  readonly clock: Clock
  /** How long an INVITE may hear nothing more before it is given up. */
  readonly inviteSilence_ms: number
  /** Sends, and counts what is sent. */
  transmit(transaction: AnyServerTransaction | AnyClientTransaction, bytes: Buffer): void
  /** Keeps a final answer, sent or about to be, for whoever repeats the request; the transaction itself has ended. */
  answered(transaction: AnyServerTransaction, bytes: Uint8Array): void
  /** An INVITE has a 2xx: its transaction stays for repetitions, unless there are too many such. */
  accepted(transaction: InviteServerTransaction | InviteClientTransaction): void
  ended(transaction: AnyServerTransaction | AnyClientTransaction): void
}

/** The side above a client transaction: the inputs on the arrows of RFC 3261 figures 5 and 6 that point up. */
export interface ClientUser {
  /** Each provisional answer, the first final one, and every 2xx to an INVITE (RFC 6026 section 7.2). */
  onResponse(response: SipResponse, transaction: AnyClientTransaction): void
  /** Timer B or F: no final answer came. */
  onTimeout(transaction: AnyClientTransaction): void
  onSendFailed(failure: SendFailure, transaction: AnyClientTransaction): void
}

/** The side above an INVITE server transaction that was forwarded: hears of CANCEL. */
export interface Cancellable {
  /** Of the answers to the INVITE, as far as it is known: the CANCEL's own should have the same (section 9.2). */
  readonly toTag: string
  onCancel(cancel: SipRequest): void
}

/** The side above the layer. */
export interface TransactionUser {
  /** A request seen for the first time. The user answers through the transaction, now or later. */
  onRequest(request: SipRequest, transaction: AnyServerTransaction): void
  /** An ACK for a 2xx: it is a request of its own, without a transaction (section 17). */
  onAck(request: SipRequest, flow: Flow): void
  /** Code of ours threw over this message. A request was answered with 500; the process goes on. */
  onDefect(error: unknown, message: SipRequest | SipResponse): void
}
