// What the server owes to those whom it forwards a request to (RFC 3261 sections 16.6, 16.7, 16.10, 17.1 and 9.1).

import type { AnswerRule, Asked } from './answer-rule.ts'
import type { SipText } from './sip-text.ts'
import { ROUNDING_ms, type Rule, type RuleHome, T4_ms, TRANSACTION_ms, type WireEvent } from './wire-event.ts'

/** One client transaction as the wire shows it. */
interface Forwarded {
  readonly request: SipText
  readonly host: string
  readonly reliable: boolean
  readonly invite: boolean
  readonly at_ms: number
  /** What it was made of. */
  readonly asked: Asked | null
  provisionalAt_ms: number | null
  /** Timer C runs from then on (section 16.6 step 11 and 16.7 step 2). */
  waitsSince_ms: number
  /** It is to be cancelled. */
  givenUp: boolean
  finalStatus: number
  cancel: SipText | null
  acks: number
  ends_ms: number
}

export class BranchRule implements Rule {
  readonly #home: RuleHome
  readonly #answers: AnswerRule
  readonly #forwarded = new Map<string, Forwarded>()

  constructor(home: RuleHome, answers: AnswerRule) {
    this.#home = home
    this.#answers = answers
  }

  get openCount(): number {
    const now_ms = this.#home.clock.monotonic()
    return this.#forwarded.values().reduce((count, { ends_ms }) => count + (ends_ms >= now_ms ? 1 : 0), 0)
  }

  /** The phones that a request was forwarded to. */
  hostsOf(asked: Asked): string[] {
    return [...this.#forwarded.values()].filter((one) => one.asked === asked).map(({ host }) => host)
  }

  onArrival({ message, at_ms }: WireEvent): void {
    if (message.status !== null) {
      const forwarded = this.#forwarded.get(keyOf(message))
      if (forwarded !== undefined) this.#onResponse(forwarded, message.status, at_ms)
    } else if (message.method === 'CANCEL') this.#onCallerGivesUp(message)
  }

  onSent(event: WireEvent): void {
    const { message, at_ms } = event
    if (message.status !== null) return
    if (message.method === 'ACK') {
      const invite = this.#forwarded.get(`${message.branch} INVITE`)
      if (invite !== undefined) invite.acks++
      return
    }
    const known = this.#forwarded.get(keyOf(message))
    if (known === undefined) this.#begin(event)
    else this.#onRepeated(known, message, at_ms)
  }

  onSecond(): void {
    const now_ms = this.#home.clock.monotonic()
    for (const [key, one] of this.#forwarded) {
      if (one.ends_ms + 2 * TRANSACTION_ms < now_ms) this.#forwarded.delete(key)
    }
  }

  onServerGone(): void {
    this.#forwarded.clear()
  }

  #begin({ message, host, reliable, at_ms }: WireEvent): void {
    const method = message.method ?? ''
    const cancels = method === 'CANCEL'
    const asked = cancels ? null : this.#answers.find(message.callId, message.cseq, method, message.fromTag)
    if (cancels) this.#onCancelSent(message, at_ms)
    else if (asked === null) this.#home.fail(`the server sends a ${method} to ${host} by itself`)
    else if (this.#branchesOf(asked).some((other) => other.host === host)) {
      this.#home.fail(`a second branch to ${host} for one ${method}`)
    }
    this.#forwarded.set(keyOf(message), {
      request: message,
      host,
      reliable,
      invite: method === 'INVITE',
      at_ms,
      asked,
      provisionalAt_ms: null,
      waitsSince_ms: at_ms,
      givenUp: false,
      finalStatus: 0,
      cancel: null,
      acks: 0,
      ends_ms: at_ms + TRANSACTION_ms,
    })
  }

  #onRepeated(known: Forwarded, message: SipText, at_ms: number): void {
    if (message.text !== known.request.text)
      this.#home.fail(`a retransmission to ${known.host} with other bytes`)
    const done = known.finalStatus > 0 || (known.invite && known.provisionalAt_ms !== null)
    if (known.reliable || done || at_ms > known.at_ms + TRANSACTION_ms + ROUNDING_ms) {
      this.#home.fail(`the server goes on repeating a ${message.method} to ${known.host}`)
    }
  }

  #onCancelSent(cancel: SipText, at_ms: number): void {
    const invite = this.#forwarded.get(`${cancel.branch} INVITE`)
    if (invite === undefined || invite.finalStatus > 0 || invite.provisionalAt_ms === null) {
      this.#home.fail('a CANCEL without an INVITE that it may be sent for (section 9.1)')
      return
    }
    if (isAccepted(invite.asked) && !invite.asked?.cancelled && cancel.headers('Reason').length === 0) {
      this.#home.fail(`the CANCEL to ${invite.host} does not say that the call was answered elsewhere`)
    }
    invite.cancel = cancel
    invite.ends_ms = at_ms + TRANSACTION_ms
  }

  #onResponse(forwarded: Forwarded, status: number, at_ms: number): void {
    // At the very moment of a timer either may come first.
    if (forwarded.ends_ms <= at_ms + ROUNDING_ms) return
    if (status < 200) this.#onProvisional(forwarded, status, at_ms)
    else if (!forwarded.invite) {
      if (forwarded.finalStatus > 0) return
      forwarded.finalStatus = status
      forwarded.ends_ms = forwarded.reliable ? at_ms : at_ms + T4_ms
    } else if (status < 300) this.#onAccepted(forwarded, status, at_ms)
    else this.#onRefused(forwarded, status, at_ms)
  }

  #onProvisional(forwarded: Forwarded, status: number, at_ms: number): void {
    if (forwarded.finalStatus > 0) return
    const { asked } = forwarded
    forwarded.provisionalAt_ms ??= at_ms
    if (!forwarded.invite || forwarded.cancel !== null || forwarded.givenUp) return
    if (status > 100) forwarded.waitsSince_ms = at_ms
    forwarded.ends_ms = forwarded.waitsSince_ms + this.#home.timerC_ms + TRANSACTION_ms
    // Nobody waits for this phone any more: it must not ring.
    if (isAccepted(asked) || asked?.cancelled) this.#expectCancel(forwarded)
  }

  #onAccepted(forwarded: Forwarded, status: number, at_ms: number): void {
    if (forwarded.finalStatus >= 300) return
    const { asked } = forwarded
    if (forwarded.finalStatus === 0) {
      forwarded.finalStatus = status
      forwarded.ends_ms = at_ms + TRANSACTION_ms
    }
    if (asked === null || asked.ends_ms <= at_ms + ROUNDING_ms || asked.finalStatus >= 300) return
    // Its connection may have ended before it said a word, and the transaction with it (section 17.1.4).
    if (forwarded.reliable && forwarded.provisionalAt_ms === null) return
    if (!asked.reliable) {
      const { answers } = asked
      this.#home.expect(
        () => asked.answers > answers,
        `the ${status} of ${forwarded.host} is not passed up at once`,
      )
    }
    this.#expectOthersCancelled(asked)
  }

  #onRefused(forwarded: Forwarded, status: number, at_ms: number): void {
    if (forwarded.finalStatus >= 200 && forwarded.finalStatus < 300) return
    if (forwarded.finalStatus === 0) {
      forwarded.finalStatus = status
      forwarded.ends_ms = forwarded.reliable ? at_ms : at_ms + TRANSACTION_ms
      const heard = !forwarded.reliable || forwarded.provisionalAt_ms !== null
      if (status >= 600 && heard && forwarded.asked !== null) this.#expectOthersCancelled(forwarded.asked)
    }
    if (forwarded.reliable) return
    const { acks } = forwarded
    this.#home.expect(() => forwarded.acks > acks, `the ${status} of ${forwarded.host} is not acknowledged`)
  }

  #onCallerGivesUp(cancel: SipText): void {
    const asked = this.#answers.find(cancel.callId, cancel.cseq, 'INVITE', cancel.fromTag)
    if (asked === null || asked.final !== null) return
    asked.cancelled = true
    this.#expectOthersCancelled(asked)
  }

  /** Every branch that rings and has not ended gets a CANCEL (sections 16.7 step 10 and 16.10). */
  #expectOthersCancelled(asked: Asked): void {
    for (const branch of this.#branchesOf(asked)) this.#expectCancel(branch)
  }

  #expectCancel(branch: Forwarded): void {
    if (branch.provisionalAt_ms === null || branch.finalStatus > 0 || branch.givenUp) return
    branch.givenUp = true
    if (branch.reliable) {
      // What goes into a connection that has ended is not seen here, but the wait for its effect begins.
      if (branch.cancel === null) branch.ends_ms = this.#home.clock.monotonic() + TRANSACTION_ms
      return
    }
    const holds = () => branch.cancel !== null || branch.finalStatus > 0
    this.#home.expect(holds, `${branch.host} goes on ringing: it got no CANCEL`)
  }

  #branchesOf(asked: Asked): Forwarded[] {
    return [...this.#forwarded.values()].filter((one) => one.asked === asked)
  }
}

function isAccepted(asked: Asked | null): boolean {
  return asked !== null && asked.finalStatus >= 200 && asked.finalStatus < 300
}

function keyOf(message: SipText): string {
  return `${message.branch} ${message.cseqMethod}`
}
