// The response context of one forwarded request (RFC 3261 section 16.7): many branches, one answer.

import { claimedIdentity } from '../auth/identity.ts'
import type { Clock } from '../clock.ts'
import { HeaderId, type SipRequest, type SipResponse, type Span, utf8 } from '../sip/message.ts'
import { forwardResponse } from '../sip/serialize.ts'
import { reasonPhrase } from '../sip/status.ts'
import type { AnyClientTransaction, Cancellable, Upstream } from '../transaction/transaction.ts'
import type { Flow } from '../transport/transport.ts'
import type { Exchange } from '../ua/uas.ts'
import { Branch, type BranchOwner, type BranchResult } from './branch.ts'
import { shareOf } from './breadth.ts'
import type { Target } from './target.ts'

/** What a call goes through, for the log and for its record. Of the last three each call has one, and ends with it. */
export type CallStage = 'calling' | 'ringing' | 'answered' | 'failed' | 'cancelled'

/** What is the same on each branch. */
export interface ForkedParts {
  /** Of the branch parameter (section 16.6 step 8). */
  readonly loop: string
  readonly removals: readonly Span[]
  readonly identity: string
}

export interface ForkHome {
  readonly clock: Clock
  readonly timerC_ms: number
  flow(target: Target): Flow | null | Promise<Flow | null>
  send(fork: Fork, branch: Branch, flow: Flow): AnyClientTransaction | null
  sendCancel(bytes: Buffer, invite: AnyClientTransaction): void
  onStage(stage: CallStage, fork: Fork, status: number): void
}

/** RFC 3326: the phone that was not first shows no missed call. */
const COMPLETED_ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'

/** Seconds that a sender is told to wait when no transaction is left for its request. */
const FULL_RETRY_s = 5

export class Fork implements BranchOwner, Cancellable {
  readonly exchange: Exchange
  readonly parts: ForkedParts
  readonly invite: boolean
  /** When the first phone rang. */
  ringingAt: number | null = null
  /** Contact of the phone whose 2xx went up first; '' until then. */
  answeredBy = ''
  /** Why it failed, in words; '' where the status says it all. */
  why = ''
  readonly #home: ForkHome
  readonly #branches: Branch[] = []
  /** Of the phone that was heard last. */
  #phoneTag = ''
  #started = false
  #answered = false
  #cancelled = false

  constructor(exchange: Exchange, parts: ForkedParts, home: ForkHome) {
    this.exchange = exchange
    this.parts = parts
    this.invite = exchange.transaction.kind === 'invite-server'
    this.#home = home
  }

  get upstream(): Upstream | null {
    const { transaction } = this.exchange
    if (transaction.kind !== 'invite-server') return null
    // After any other final answer a late 2xx is nobody's.
    return transaction.state === 'proceeding' || transaction.state === 'accepted' ? transaction : null
  }

  get clock(): Clock {
    return this.#home.clock
  }

  get timerC_ms(): number {
    return this.#home.timerC_ms
  }

  get toTag(): string {
    return this.#phoneTag === '' ? this.exchange.toTag : this.#phoneTag
  }

  /** All targets at once, sharing `breadth`. They must not be empty. */
  start(targets: readonly Target[], breadth: number): void {
    const { transaction } = this.exchange
    this.exchange.forwarded = true
    if (transaction.kind === 'invite-server') transaction.cancellable = this
    this.exchange.trying()
    targets.forEach((target, n) => {
      this.#branches.push(new Branch(target, shareOf(breadth, targets.length, n), this))
    })
    this.#stage('calling', 0)
    for (const branch of this.#branches) branch.start()
    this.#started = true
    this.#finish()
  }

  /** The caller gives up (section 16.10); what it says in Reason goes to every phone (RFC 3326 section 2). */
  onCancel(cancel: SipRequest): void {
    if (this.#answered || this.#cancelled) return
    this.#cancelled = true
    const reasons = cancel.headers(HeaderId.Reason).map((value) => `Reason: ${value}\r\n`)
    this.#cancelOthers(null, reasons.join(''))
    this.#finish()
  }

  flow(target: Target): Flow | null | Promise<Flow | null> {
    return this.#home.flow(target)
  }

  send(branch: Branch, flow: Flow): AnyClientTransaction | null {
    return this.#home.send(this, branch, flow)
  }

  sendCancel(bytes: Buffer, invite: AnyClientTransaction): void {
    this.#home.sendCancel(bytes, invite)
  }

  /** Section 16.7 step 5: every provisional answer but 100 goes up at once. RFC 4320 section 4.1: to an INVITE only. */
  onProvisional(_branch: Branch, response: SipResponse): void {
    if (response.status === 100 || this.#answered || !this.invite) return
    if (this.ringingAt === null && response.status >= 180) {
      this.ringingAt = this.clock.now()
      this.#stage('ringing', response.status)
    }
    this.#phoneTag = response.toTag
    this.#pass(response)
  }

  /** Section 16.7 step 5: a 2xx to INVITE always goes up; of other answers only the first final one. */
  onSuccess(branch: Branch, response: SipResponse): void {
    this.#pass(response)
    if (this.#answered) return
    this.#answered = true
    this.answeredBy = branch.target.binding?.contact ?? branch.target.uri
    this.#stage('answered', response.status)
    this.#cancelOthers(branch, COMPLETED_ELSEWHERE)
  }

  onFailure(branch: Branch): void {
    const status = branch.result?.status ?? 0
    // A 6xx speaks for the callee, wherever he is (section 16.7 step 5).
    if (status >= 600) {
      this.#cancelOthers(branch, `Reason: SIP;cause=${status};text="${reasonPhrase(status)}"\r\n`)
    }
    this.#finish()
  }

  #cancelOthers(but: Branch | null, headers: string): void {
    for (const branch of this.#branches) if (branch !== but) branch.cancel(headers)
  }

  /** Section 16.7 step 6: once no branch is open, the best answer goes up. */
  #finish(): void {
    if (!this.#started || this.#answered || !this.#branches.every((branch) => branch.done)) return
    this.#answered = true
    const best = bestResult(this.#branches.map((branch) => branch.result).filter((one) => one !== null))
    this.why = this.#cancelled ? 'the caller gave up' : whyOf(best)
    this.#stage(this.#cancelled ? 'cancelled' : 'failed', this.#conclude(best))
  }

  /** Answers, and says which status that is. */
  #conclude(best: BranchResult): number {
    // RFC 4320 section 4.2: nobody is told 408 about anything but an INVITE: it would come too late to be heard.
    if (best.status === 408 && !this.invite) return 408
    if (best.response !== null && best.status !== 503) {
      this.#pass(best.response, this.#otherChallenges(best))
      return best.status
    }
    const status = this.#ownStatus(best)
    const headers = status === 503 ? `Retry-After: ${FULL_RETRY_s}\r\n` : ''
    this.exchange.answer(status, this.why, { headers })
    return status
  }

  /** Section 16.7 step 6: a phone's 503 is about that phone, one of ours about the next request too. */
  #ownStatus({ status, response }: BranchResult): number {
    if (status === 503) return response === null ? 503 : 500
    return this.#cancelled ? 487 : status
  }

  /** Section 16.7 step 7: whoever is challenged by one phone is told of the others' challenges too. */
  #otherChallenges(best: BranchResult): string {
    if (!isChallenge(best)) return ''
    const others = this.#branches.flatMap(({ result }) =>
      result !== null && result !== best && isChallenge(result) ? (result.response ?? []) : [],
    )
    return others.map(challengeLines).join('')
  }

  /** What a phone says of its own identity stops here, as in requests (RFC 3325 section 5). */
  #pass(response: SipResponse, added = ''): void {
    const bytes = forwardResponse(response, claimedIdentity(response), added)
    this.exchange.transaction.respond(response.status, bytes)
  }

  #stage(stage: CallStage, status: number): void {
    this.#home.onStage(stage, this, status)
  }
}

/** A phone's own words where it has any; what became of our branches otherwise. */
function whyOf({ status, response }: BranchResult): string {
  if (response !== null) {
    const words = utf8(response.reason)
    return words === reasonPhrase(response.status) ? '' : words
  }
  switch (status) {
    case 408:
      return 'no phone answered in time'
    case 480:
      return 'no phone could be reached'
    case 503:
      return 'the server is full'
    default:
      return 'no branch was answered'
  }
}

function isChallenge({ status }: BranchResult): boolean {
  return status === 401 || status === 407
}

function challengeLines(response: SipResponse): string {
  let lines = ''
  for (const value of response.headers(HeaderId.WwwAuthenticate)) lines += `WWW-Authenticate: ${value}\r\n`
  for (const value of response.headers(HeaderId.ProxyAuthenticate))
    lines += `Proxy-Authenticate: ${value}\r\n`
  return lines
}

/** Lower is better. Within a class those come first that tell the caller how to do better (section 16.7 step 6). */
function rank(status: number): number {
  if (status >= 600) return 0
  if (status < 400) return 1
  if (status >= 500) return status === 503 ? 9 : 8
  switch (status) {
    case 401:
    case 407:
    case 415:
    case 420:
    case 484:
      return 2
    case 486:
      return 3
    case 487:
      return 5
    case 480:
      return 6
    case 408:
      return 7
    default:
      return 4
  }
}

function bestResult(results: readonly BranchResult[]): BranchResult {
  return results.reduce((best, one) => (rank(one.status) < rank(best.status) ? one : best))
}
