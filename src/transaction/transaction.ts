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
  /**
   * Keeps what is sent to whoever repeats himself, and over which flow: of a transaction that has ended, as far as its
   * user is concerned. Nothing to send says that the repetition is absorbed, or is the user's. For 64*T1 from
   * `since_ms` on: now where it is left out.
   */
  keep(
    transaction: AnyServerTransaction | AnyClientTransaction,
    flow: Flow,
    bytes: Uint8Array,
    since_ms?: number | null,
  ): void
  ended(transaction: AnyServerTransaction | AnyClientTransaction): void
}

/** Where a 2xx to an INVITE goes; a server transaction is one. */
export interface Upstream {
  readonly flow: Flow
  /** When the first 2xx went there, by the monotonic clock; null before. */
  readonly acceptedAt_ms: number | null
}

/** The side above a client transaction: the inputs on the arrows of RFC 3261 figures 5 and 6 that point up. */
export interface ClientUser {
  /** Each provisional answer, the first final one, and every 2xx to an INVITE (RFC 6026 section 7.2). */
  onResponse(response: SipResponse, transaction: AnyClientTransaction): void
  /** Timer B or F: no final answer came. */
  onTimeout(transaction: AnyClientTransaction): void
  onSendFailed(failure: SendFailure, transaction: AnyClientTransaction): void
  /** Where a 2xx goes that comes again, once its transaction is gone; null when nobody waits for it. */
  readonly upstream: Upstream | null
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
  /** A 2xx to an INVITE again (RFC 6026 section 7.2): its transaction is gone, and this was its user's upstream. */
  onRepeated(response: SipResponse, upstream: Flow): void
  /** Code of ours threw over this message. A request was answered with 500; the process goes on. */
  onDefect(error: unknown, message: SipRequest | SipResponse): void
}
