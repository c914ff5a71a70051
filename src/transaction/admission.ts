// What is let in when there is more than can be served. Calls that are up come before new ones, refreshes before first
// registrations, and whoever asks little before whoever asks much. Refusing must be far cheaper than serving.

import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import { MethodId, type SipRequest } from '../sip/message.ts'
import type { Flow } from '../transport/transport.ts'
import { LoopDelay } from './loop-delay.ts'
import { SourceShares, type SourceWork } from './source-share.ts'

export interface AdmissionParts {
  readonly clock: Clock
  readonly limits: Pick<
    Limits,
    | 'serverTransactions'
    | 'serverTransactions_bytes'
    | 'clientTransactions'
    | 'sources_entries'
    | 'sourceShare_ms'
    | 'sourceScan_bytes'
    | 'sourceRequests'
    | 'sourceFavouredRequests'
    | 'sourceAnswers'
    | 'overloadLate_ms'
    | 'pressedRequests'
  >
  /** A phone has registered over this flow. */
  isRegistered(flow: Flow): boolean
}

/** What the transaction layer holds now. */
export interface Tables {
  readonly serverCount: number
  readonly serverBytes: number
  readonly clientCount: number
}

/** What stood in the way of a message, as the metrics page calls it. */
export type AdmissionLimit =
  | 'server_transactions'
  | 'client_transactions'
  | 'event_loop'
  | 'source_requests'
  | 'source_bytes'

/** calm: all are served. pressed: beginnings are rationed by source. critical: nothing begins. */
export type Pressure = 'calm' | 'pressed' | 'critical'

/** Part of a table that is full: from there on its room is kept for what is favoured. */
const PRESSED_PART = 0.8
const CRITICAL_PART = 0.9
/** A short message costs nearly as much as an ordinary one. */
const MESSAGE_BYTES_LEAST = 512

export class Admission {
  readonly refused: Record<AdmissionLimit, number> = {
    server_transactions: 0,
    client_transactions: 0,
    event_loop: 0,
    source_requests: 0,
    source_bytes: 0,
  }
  /** Of those refused, how many got no answer. */
  unanswered = 0
  readonly #parts: AdmissionParts
  readonly #tables: Tables
  readonly #sources: SourceShares
  readonly #loop: LoopDelay

  constructor(parts: AdmissionParts, tables: Tables) {
    this.#parts = parts
    this.#tables = tables
    this.#sources = new SourceShares(parts.clock, parts.limits)
    this.#loop = new LoopDelay(parts.clock, parts.limits)
  }

  /** Addresses that are told apart now. */
  get sources(): number {
    return this.#sources.size
  }

  get pressure(): Pressure {
    const fullPart = Math.max(this.#serverPart(), this.#clientPart())
    if (fullPart >= CRITICAL_PART) return 'critical'
    return fullPart >= PRESSED_PART || this.#loop.isOverloaded() ? 'pressed' : 'calm'
  }

  /** Asked of each message before anything is read of it. */
  scans(bytes: number, flow: Flow): boolean {
    this.#loop.onMessage()
    const work = this.#sources.of(flow.peer.host)
    if (work === null) return true
    work.scanned_bytes += Math.max(bytes, MESSAGE_BYTES_LEAST)
    if (work.scanned_bytes <= this.#parts.limits.sourceScan_bytes) return true
    this.refused.source_bytes++
    this.unanswered++
    return false
  }

  /** What waits to be read is as good a sign as a loop that runs late. */
  onBacklog(lasting_ms: number): void {
    this.#loop.onBacklog(lasting_ms)
  }

  /** Asked of each request that would open a server transaction. */
  admits(request: SipRequest, flow: Flow): boolean {
    const limit = this.#limitOf(request, flow)
    if (limit === null) return true
    this.refused[limit]++
    return false
  }

  /** Whether a refusal is told. */
  answers(flow: Flow): boolean {
    const work = this.#sources.of(flow.peer.host)
    if (work !== null && work.answers < this.#parts.limits.sourceAnswers) {
      work.answers++
      return true
    }
    this.unanswered++
    return false
  }

  close(): void {
    this.#sources.close()
    this.#loop.close()
  }

  #limitOf(request: SipRequest, flow: Flow): AdmissionLimit | null {
    if (this.#isFull(request)) return 'server_transactions'
    const { pressure } = this
    if (pressure === 'calm') return null
    const { sourceFavouredRequests } = this.#parts.limits
    this.#sources.renew()
    const work = this.#sources.of(flow.peer.host)
    if (this.#isFavoured(request, flow)) {
      return work === null || ++work.favoured <= sourceFavouredRequests ? null : 'source_requests'
    }
    return pressure === 'pressed' && work !== null && this.#isLight(work) ? null : this.#tightest()
  }

  /** Its share is not used up, and that of all is not either. */
  #isLight(work: SourceWork): boolean {
    const { sourceRequests, pressedRequests } = this.#parts.limits
    if (work.fresh >= sourceRequests || this.#sources.fresh >= pressedRequests) return false
    work.fresh++
    this.#sources.fresh++
    return true
  }

  /** A To tag names a dialog; whether it is one of ours costs a hash, and is asked of those who are let in. */
  #isFavoured(request: SipRequest, flow: Flow): boolean {
    if (request.hasToTag || request.methodId === MethodId.CANCEL) return true
    return request.methodId === MethodId.REGISTER && this.#parts.isRegistered(flow)
  }

  /** Of long requests few are enough to fill the memory. */
  #isFull(request: SipRequest): boolean {
    const { serverTransactions, serverTransactions_bytes } = this.#parts.limits
    const { serverCount, serverBytes } = this.#tables
    if (serverCount >= serverTransactions) return true
    return serverBytes + request.bytes.length > serverTransactions_bytes
  }

  /** What the pressure comes from. */
  #tightest(): AdmissionLimit {
    const serverPart = this.#serverPart()
    const clientPart = this.#clientPart()
    if (Math.max(serverPart, clientPart) < PRESSED_PART) return 'event_loop'
    return clientPart > serverPart ? 'client_transactions' : 'server_transactions'
  }

  #serverPart(): number {
    const { serverTransactions, serverTransactions_bytes } = this.#parts.limits
    const { serverCount, serverBytes } = this.#tables
    return Math.max(serverCount / serverTransactions, serverBytes / serverTransactions_bytes)
  }

  #clientPart(): number {
    return this.#tables.clientCount / this.#parts.limits.clientTransactions
  }
}
