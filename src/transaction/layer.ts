// Matches messages to transactions (RFC 3261 sections 17.1.3 and 17.2.3) and makes new ones, within limits.

import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { IdSource } from '../sip/id.ts'
import { MAGIC_COOKIE } from '../sip/id.ts'
import { MethodId, type SipRequest, type SipResponse } from '../sip/message.ts'
import { isReadable } from '../sip/parse.ts'
import { buildResponse } from '../sip/serialize.ts'
import type { Flow } from '../transport/transport.ts'
import { Admission, type AdmissionParts, type Tables } from './admission.ts'
import { AnsweredRequests } from './answered.ts'
import { ClientTransaction } from './client.ts'
import { InviteClientTransaction } from './invite-client.ts'
import { InviteServerTransaction } from './invite-server.ts'
import { ServerTransaction } from './server.ts'
import type { Traffic } from './traffic.ts'
import type {
  AnyClientTransaction,
  AnyServerTransaction,
  ClientUser,
  TransactionHome,
  TransactionUser,
} from './transaction.ts'

export interface TransactionLayerParts extends AdmissionParts {
  readonly clock: Clock
  readonly ids: IdSource
  readonly traffic: Traffic
  readonly limits: AdmissionParts['limits'] &
    Pick<Limits, 'inviteSilence_ms' | 'answers_entries' | 'answers_bytes'>
  readonly user: TransactionUser
  /** Where an answer goes: the request's own flow, or what section 18.2.2 makes of its Via. */
  replyFlow(request: SipRequest, flow: Flow): Flow
}

export type TransactionKind = (AnyServerTransaction | AnyClientTransaction)['kind']

/** Numbers for the metrics page; all but `open` only grow. */
export interface TransactionCounts {
  readonly started: Record<TransactionKind, number>
  readonly open: Record<TransactionKind, number>
  retransmissionsAbsorbed: number
  strayResponses: number
}

/** Seconds that a refused sender is told to wait. */
const OVERLOAD_RETRY_s = 5

export class TransactionLayer implements TransactionHome, Tables {
  readonly clock: Clock
  readonly admission: Admission
  readonly traffic: Traffic
  readonly counts: TransactionCounts = {
    started: { 'invite-client': 0, client: 0, 'invite-server': 0, server: 0 },
    open: { 'invite-client': 0, client: 0, 'invite-server': 0, server: 0 },
    retransmissionsAbsorbed: 0,
    strayResponses: 0,
  }
  readonly #parts: TransactionLayerParts
  readonly #servers = new Map<string, AnyServerTransaction>()
  readonly #clients = new Map<string, AnyClientTransaction>()
  readonly #answered: AnsweredRequests
  /** What the server transactions hold, reckoned by their requests: an answer is about as long. */
  #serverBytes = 0
  /** The same for all refusals: a stateless server gives a retransmission the tag that it gave before (8.2.7). */
  readonly #refusalTag: string

  constructor(parts: TransactionLayerParts) {
    this.#parts = parts
    this.admission = new Admission(parts, this)
    this.#refusalTag = parts.ids.tag()
    this.#answered = new AnsweredRequests(
      parts.clock,
      parts.limits,
      Number.parseInt(parts.ids.tag().slice(0, 8), 16),
    )
    this.clock = parts.clock
    this.traffic = parts.traffic
  }

  get inviteSilence_ms(): number {
    return this.#parts.limits.inviteSilence_ms
  }

  get serverCount(): number {
    return this.#servers.size
  }

  get serverBytes(): number {
    return this.#serverBytes
  }

  /** For how long a final answer is given again. */
  get answersKept_ms(): number {
    return this.#answered.kept_ms
  }

  get clientCount(): number {
    return this.#clients.size
  }

  receiveRequest(request: SipRequest, flow: Flow): void {
    if (request.methodId === MethodId.ACK) {
      this.#receiveAck(request, flow)
      return
    }
    const key = serverKey(request, request.method)
    const known = this.#servers.get(key)
    if (known !== undefined) {
      this.counts.retransmissionsAbsorbed++
      known.onRetransmission()
      return
    }
    if (this.#repeats(key, request.method)) return
    if (!this.#cancels(request) && !this.admission.admits(request, flow)) {
      if (this.admission.answers(flow)) this.#refuse(request, flow)
      return
    }
    const transaction = this.#createServer(key, request, flow)
    try {
      this.#parts.user.onRequest(request, transaction)
    } catch (error) {
      transaction.respond(500, buildResponse(request, 500, { toTag: this.#parts.ids.tag() }))
      this.#defect(error, request)
    }
    // Most requests but calls are over by now, and were never in the table.
    if (transaction.kind === 'invite-server' ? transaction.ended : transaction.answered) return
    this.#servers.set(key, transaction)
    this.#serverBytes += transaction.size_bytes
    if (!transaction.answered) transaction.wait()
  }

  receiveResponse(response: SipResponse): void {
    const method = response.cseqMethod
    const transaction = this.#clients.get(clientKey(response.branch, method))
    try {
      if (transaction?.method === method) transaction.onResponse(response)
      // RFC 6026 section 6: a proxy doesn't forward answers that match no transaction.
      else if (method !== 'INVITE' || !this.#isRepeated(response)) this.counts.strayResponses++
    } catch (error) {
      this.#defect(error, response)
    }
  }

  /**
   * Starts a client transaction for bytes that are already serialized. null when the table is full, or when the bytes
   * are an INVITE that has outgrown the limits of a message: no ACK or CANCEL could be made of it.
   */
  request(
    method: string,
    branch: string,
    bytes: Buffer,
    flow: Flow,
    user: ClientUser,
  ): AnyClientTransaction | null {
    const transaction = this.#createClient(method, branch, bytes, flow, user)
    if (transaction === null) {
      this.admission.refused.client_transactions++
      return null
    }
    this.#begin(transaction)
    this.#clients.set(transaction.key, transaction)
    // Section 17.1.4: a connection that ends before the answer is a transport error, not a time-out.
    flow.attach(transaction)
    transaction.start()
    return transaction
  }

  /** The INVITE that a CANCEL means (section 9.2), or null. */
  inviteOf(cancel: SipRequest): InviteServerTransaction | null {
    const found = this.#servers.get(serverKey(cancel, 'INVITE'))
    return found?.kind === 'invite-server' ? found : null
  }

  /** Whether the INVITE that a CANCEL means has had its final answer, and is gone. */
  isOver(cancel: SipRequest): boolean {
    return this.#answered.find(serverKey(cancel, 'INVITE')) !== null
  }

  /** Nothing more is waited for; transactions keep their timers. */
  close(): void {
    this.admission.close()
  }

  transmit(transaction: AnyServerTransaction | AnyClientTransaction, bytes: Buffer): void {
    // The only other request that a transaction sends is the ACK of an INVITE's: it begins with A.
    const ack = transaction.kind === 'invite-client' && bytes[0] === 0x41
    this.traffic.sent(ack ? 'ACK' : transaction.method, statusOf(bytes), bytes, transaction.flow)
    transaction.flow.send(bytes, transaction)
  }

  keep(
    transaction: AnyServerTransaction | AnyClientTransaction,
    flow: Flow,
    bytes: Uint8Array,
    since_ms: number | null = null,
  ): void {
    this.#answered.keep(transaction.key, flow, bytes, since_ms ?? this.clock.monotonic())
  }

  ended(transaction: AnyServerTransaction | AnyClientTransaction): void {
    this.counts.open[transaction.kind]--
    if (transaction.kind === 'client' || transaction.kind === 'invite-client') {
      this.#clients.delete(transaction.key)
      transaction.flow.detach(transaction)
    } else if (this.#servers.delete(transaction.key)) {
      this.#serverBytes -= transaction.size_bytes
    }
  }

  /** A request that has had its final answer gets it again; an INVITE that was accepted or confirmed gets nothing. */
  #repeats(key: string, method: string): boolean {
    const answer = this.#answered.find(key)
    if (answer === null) return false
    this.counts.retransmissionsAbsorbed++
    if (method === 'INVITE') return true
    this.traffic.sent(method, statusOf(answer.bytes), answer.bytes, answer.flow)
    answer.flow.send(answer.bytes)
    return true
  }

  /** The final answer to an INVITE comes again: its ACK does so too, or a 2xx goes up again (RFC 6026 section 7.2). */
  #isRepeated(response: SipResponse): boolean {
    const kept = response.status < 200 ? null : this.#answered.find(response.branch)
    if (kept === null) return false
    const isAccepted = kept.bytes.length === 0
    if (isAccepted && response.status < 300) this.#parts.user.onRepeated(response, kept.flow)
    if (isAccepted || response.status < 300) return true
    this.traffic.sent('ACK', 0, kept.bytes, kept.flow)
    kept.flow.send(kept.bytes)
    return true
  }

  #begin(transaction: AnyServerTransaction | AnyClientTransaction): void {
    this.counts.started[transaction.kind]++
    this.counts.open[transaction.kind]++
  }

  /** An ACK has no transaction of its own: it ends that of its INVITE, or it is for a 2xx and the user's. */
  #receiveAck(request: SipRequest, flow: Flow): void {
    const key = serverKey(request, 'INVITE')
    const invite = this.#servers.get(key)
    if (invite?.kind === 'invite-server') {
      invite.onAck()
      return
    }
    // Confirmed before. The record of a 2xx has no bytes, and the ACK for one is the user's (RFC 6026 section 7.1).
    const kept = this.#answered.find(key)
    if (kept !== null && kept.bytes.length > 0) return
    try {
      this.#parts.user.onAck(request, flow)
    } catch (error) {
      this.#defect(error, request)
    }
  }

  /** Giving a call up must work even when the table is full; there is at most one such for each INVITE in it. */
  #cancels(request: SipRequest): boolean {
    return request.methodId === MethodId.CANCEL && this.inviteOf(request) !== null
  }

  #createServer(key: string, request: SipRequest, flow: Flow): AnyServerTransaction {
    const reply = this.#parts.replyFlow(request, flow)
    const transaction =
      request.methodId === MethodId.INVITE
        ? new InviteServerTransaction(this, key, request, reply)
        : new ServerTransaction(this, key, request, reply)
    this.#begin(transaction)
    return transaction
  }

  #createClient(
    method: string,
    branch: string,
    bytes: Buffer,
    flow: Flow,
    user: ClientUser,
  ): AnyClientTransaction | null {
    if (this.#clients.size >= this.#parts.limits.clientTransactions) return null
    const key = clientKey(branch, method)
    if (method !== 'INVITE') return new ClientTransaction(this, key, method, bytes, flow, user)
    return isReadable(bytes) ? new InviteClientTransaction(this, key, bytes, flow, user) : null
  }

  /** An error of ours ends this one request, is told, and harms nobody else. */
  #defect(error: unknown, message: SipRequest | SipResponse): void {
    this.#parts.user.onDefect(error, message)
  }

  /** Without a transaction: room and time for one are what is missing. Section 21.5.4. */
  #refuse(request: SipRequest, flow: Flow): void {
    const headers = `Retry-After: ${OVERLOAD_RETRY_s}\r\n`
    const bytes = buildResponse(request, 503, { toTag: this.#refusalTag, headers })
    const reply = this.#parts.replyFlow(request, flow)
    this.traffic.sent(request.method, 503, bytes, reply)
    reply.send(bytes)
  }
}

/** Our branches are unique; a CANCEL shares the branch of its INVITE (section 9.1). */
function clientKey(branch: string, method: string): string {
  return method === 'CANCEL' ? `${branch} CANCEL` : branch
}

/** Section 17.2.3; `method` is INVITE for an ACK or a CANCEL that looks for its INVITE. */
function serverKey(request: SipRequest, method: string): string {
  const branch = request.branch
  // A bare cookie says nothing (RFC 4475 section 3.2.1).
  if (branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return `${branch} ${request.viaHost}:${request.viaPort} ${method}`
  }
  // RFC 2543 clients: what they keep the same over INVITE, CANCEL and ACK. Of these the ACK alone has our To tag.
  const toTag = method === 'INVITE' ? '' : request.toTag
  const via = request.topViaSpan
  const parts = [
    request.uri,
    request.fromTag,
    toTag,
    request.callId,
    request.cseq,
    request.text(via.start, via.end),
  ]
  return `${parts.join(' ')} ${method}`
}

/** "SIP/2.0 200": the class is the ninth byte. No method has a slash in it (section 25.1). */
function statusOf(bytes: Buffer): number {
  return bytes[3] === 0x2f ? (bytes[8]! - 0x30) * 100 : 0
}
