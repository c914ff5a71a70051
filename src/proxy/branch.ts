// One branch of a fork: the forwarded request, its client transaction, timer C, and its CANCEL
// (RFC 3261 sections 16.6 steps 7 to 11, 16.8 and 16.10).

import type { Clock, Timer } from '../clock.ts'
import type { SipResponse } from '../sip/message.ts'
import { buildCancel } from '../sip/serialize.ts'
import { hasOneVia } from '../sip/via.ts'
import { TRANSACTION_ms } from '../transaction/timer.ts'
import type { AnyClientTransaction, ClientUser, Upstream } from '../transaction/transaction.ts'
import type { Flow, SendFailure } from '../transport/transport.ts'
import type { Target } from './target.ts'

/** What a branch needs of its fork. */
export interface BranchOwner {
  readonly upstream: Upstream | null
  readonly clock: Pick<Clock, 'after' | 'soon'>
  readonly invite: boolean
  readonly timerC_ms: number
  flow(target: Target): Flow | null | Promise<Flow | null>
  /** Serializes the request for this flow and starts its client transaction; null when the limit forbids it. */
  send(branch: Branch, flow: Flow): AnyClientTransaction | null
  /** Starts the CANCEL of an INVITE sent before, over the same flow and with the same branch. */
  sendCancel(bytes: Buffer, invite: AnyClientTransaction): void
  onProvisional(branch: Branch, response: SipResponse): void
  onSuccess(branch: Branch, response: SipResponse): void
  /** `result` is set: the branch has ended without a 2xx. */
  onFailure(branch: Branch): void
}

/** A final answer that is no 2xx: the phone's, or ours in its place (408, 480, 487, 502, 503). */
export interface BranchResult {
  readonly status: number
  readonly response: SipResponse | null
}

enum BranchTimer {
  C = 0,
  CancelLimit = 1,
}

export class Branch implements ClientUser {
  readonly target: Target
  /** How far it may be forked further on (RFC 5393 section 5). */
  readonly breadth: number
  result: BranchResult | null = null
  readonly #owner: BranchOwner
  #transaction: AnyClientTransaction | null = null
  #provisional = false
  #succeeded = false
  /** Header lines for the CANCEL that waits for a provisional answer (section 9.1), or was sent. */
  #cancelHeaders: string | null = null
  #timerC: Timer | null = null
  #cancelLimit: Timer | null = null

  constructor(target: Target, breadth: number, owner: BranchOwner) {
    this.target = target
    this.breadth = breadth
    this.#owner = owner
  }

  get upstream(): Upstream | null {
    return this.#owner.upstream
  }

  /** Ended: with a 2xx, or with a result. */
  get done(): boolean {
    return this.#succeeded || this.result !== null
  }

  start(): void {
    const flow = this.#owner.flow(this.target)
    // As a task of the clock, which hears of what throws: a rejected promise of ours would end the process.
    const later = (found: Flow | null): void => this.#owner.clock.soon(() => this.#sendOver(found))
    if (flow instanceof Promise) flow.then(later, () => later(null))
    else this.#sendOver(flow)
  }

  /** Section 16.10. Harmless on a branch that has ended or is being cancelled. */
  cancel(headers: string): void {
    if (this.done || !this.#owner.invite || this.#cancelHeaders !== null) return
    this.#cancelHeaders = headers
    // Section 9.1: not before a provisional answer has shown that the INVITE arrived.
    if (this.#provisional) this.#cancelNow()
    else if (this.#transaction === null) this.#end({ status: 487, response: null })
  }

  onResponse(response: SipResponse): void {
    const { status } = response
    // Section 16.7 step 3: without a Via below ours nobody is there to pass it on to.
    if (hasOneVia(response)) {
      if (status >= 200) this.#end({ status: 502, response: null })
      return
    }
    if (status < 200) {
      this.#onProvisional(response)
      return
    }
    this.#stopTimers()
    if (status < 300) {
      this.#succeeded = true
      this.#owner.onSuccess(this, response)
      return
    }
    // Late: timer C or the CANCEL's limit has given this branch a result already.
    if (this.result !== null) return
    this.#end({ status, response })
  }

  onTimeout(): void {
    this.#end({ status: this.#cancelHeaders === null ? 408 : 487, response: null })
  }

  /** Section 16.9 has it as a 503; of the phone that is not there, 480 says what is meant. */
  onSendFailed(_failure: SendFailure): void {
    this.#end({ status: 480, response: null })
  }

  onTimer(which: number): void {
    const transaction = this.#transaction
    if (which === BranchTimer.C) {
      // Section 16.8: a branch that has shown life is cancelled; either way it counts as 408 from now on.
      this.cancel('Reason: SIP;cause=408;text="Request Timeout"\r\n')
      this.#end({ status: 408, response: null })
      return
    }
    if (transaction?.kind === 'invite-client') transaction.abandon()
    this.#end({ status: 487, response: null })
  }

  #sendOver(flow: Flow | null): void {
    if (this.done) return
    if (flow === null) {
      this.#end({ status: 480, response: null })
      return
    }
    if (this.#owner.invite) {
      this.#timerC = this.#owner.clock.after(this.#owner.timerC_ms, this, BranchTimer.C)
    }
    this.#transaction = this.#owner.send(this, flow)
    if (this.#transaction === null) this.#end({ status: 503, response: null })
  }

  #onProvisional(response: SipResponse): void {
    const first = !this.#provisional
    this.#provisional = true
    // Also of a branch that timer C has ended while it was silent: that phone must not go on ringing.
    if (first && this.#cancelHeaders !== null) this.#cancelNow()
    if (this.done) return
    if (response.status > 100 && this.#cancelHeaders === null) {
      this.#timerC?.cancel()
      this.#timerC = this.#owner.clock.after(this.#owner.timerC_ms, this, BranchTimer.C)
    }
    this.#owner.onProvisional(this, response)
  }

  #cancelNow(): void {
    const transaction = this.#transaction
    if (transaction?.kind !== 'invite-client') return
    this.#timerC?.cancel()
    this.#cancelLimit = this.#owner.clock.after(TRANSACTION_ms, this, BranchTimer.CancelLimit)
    const { request } = transaction
    if (request !== null) this.#owner.sendCancel(buildCancel(request, this.#cancelHeaders ?? ''), transaction)
  }

  #end(result: BranchResult): void {
    if (this.done) return
    // The limit of a sent CANCEL stays: should the phone never answer, it ends the client transaction.
    this.#timerC?.cancel()
    this.result = result
    this.#owner.onFailure(this)
  }

  #stopTimers(): void {
    this.#timerC?.cancel()
    this.#cancelLimit?.cancel()
  }
}
