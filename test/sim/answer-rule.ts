// What the server owes to whoever sent it a request (RFC 3261 sections 17.2.1 and 17.2.2, RFC 6026, RFC 4320).

import type { SipText } from './sip-text.ts'
import { ROUNDING_ms, type Rule, type RuleHome, T4_ms, TRANSACTION_ms, type WireEvent } from './wire-event.ts'

/** One server transaction as the wire shows it. */
export interface Asked {
  readonly request: SipText
  readonly host: string
  readonly reliable: boolean
  readonly invite: boolean
  readonly at_ms: number
  provisional: string | null
  provisionalAt_ms: number
  final: string | null
  finalStatus: number
  finalAt_ms: number
  acked: boolean
  cancelled: boolean
  /** From then on the server does not know it any more. */
  ends_ms: number
  /** How many answers were sent, repeated ones among them. */
  answers: number
}

/** Of a record that is looked up, and of the moments that each step takes. */
const SLACK_ms = 5000
/** 500, 1000 and 2000 ms have passed by then (RFC 3261 section 17.1.2.2). */
const TIMER_E_AT_T2_ms = 3500

export class AnswerRule implements Rule {
  readonly #home: RuleHome
  readonly #asked = new Map<string, Asked>()

  constructor(home: RuleHome) {
    this.#home = home
  }

  /** Those that may still be in the server's table. */
  get openCount(): number {
    const now_ms = this.#home.clock.monotonic()
    return this.#asked.values().reduce((count, { ends_ms }) => count + (ends_ms >= now_ms ? 1 : 0), 0)
  }

  /** The request that a forwarded one comes from. */
  find(callId: string, cseq: number, method: string, fromTag: string): Asked | null {
    for (const asked of this.#asked.values()) {
      const { request } = asked
      const same = request.callId === callId && request.cseq === cseq && request.fromTag === fromTag
      if (same && request.method === method) return asked
    }
    return null
  }

  onArrival(event: WireEvent): void {
    const { message, at_ms } = event
    if (message.status !== null) return
    if (message.method === 'ACK') {
      this.#onAck(event)
      return
    }
    const key = `${message.branch} ${message.method}`
    const known = this.#asked.get(key)
    if (known !== undefined && known.ends_ms + ROUNDING_ms >= at_ms) this.#expectRepeat(known)
    else this.#asked.set(key, this.#begin(event))
  }

  onSent({ message, at_ms }: WireEvent): void {
    const { status } = message
    if (status === null) return
    const asked = this.#asked.get(`${message.branch} ${message.cseqMethod}`)
    if (asked === undefined) {
      this.#home.fail('the server answers what nobody asked')
      return
    }
    asked.answers++
    if (status < 200) this.#onProvisional(asked, message, at_ms)
    else this.#onFinal(asked, message, status, at_ms)
  }

  onSecond(): void {
    const now_ms = this.#home.clock.monotonic()
    for (const [key, asked] of this.#asked) {
      if (asked.ends_ms + TRANSACTION_ms < now_ms) this.#asked.delete(key)
      // Into a connection that has ended nothing is sent. Each provisional answer lets timer C begin anew
      // (section 16.7 step 2); then comes a CANCEL with its own limit.
      const patience_ms = this.#home.timerC_ms + TRANSACTION_ms + SLACK_ms
      const heard_ms = Math.max(asked.at_ms, asked.provisionalAt_ms)
      if (asked.invite && !asked.reliable && asked.final === null && heard_ms + patience_ms < now_ms) {
        this.#home.fail(`an INVITE of ${asked.host} gets no final answer`)
      }
    }
  }

  onServerGone(): void {
    this.#asked.clear()
  }

  #begin({ message, host, reliable, at_ms }: WireEvent): Asked {
    const invite = message.method === 'INVITE'
    return {
      request: message,
      host,
      reliable,
      invite,
      at_ms,
      provisional: null,
      provisionalAt_ms: 0,
      final: null,
      finalStatus: 0,
      finalAt_ms: 0,
      acked: false,
      cancelled: false,
      // Requests without an answer are forgotten when both sides' timers have run; an INVITE must get one.
      ends_ms: invite ? Number.POSITIVE_INFINITY : at_ms + 2 * TRANSACTION_ms,
      answers: 0,
    }
  }

  #onAck({ message, at_ms }: WireEvent): void {
    const invite = this.#asked.get(`${message.branch} INVITE`)
    if (invite === undefined || invite.finalStatus < 300 || invite.acked || at_ms > invite.ends_ms) return
    invite.acked = true
    invite.ends_ms = invite.reliable ? at_ms : at_ms + T4_ms
  }

  /** A retransmission gets the last answer again, but for an INVITE that was accepted or whose refusal was heard. */
  #expectRepeat(asked: Asked): void {
    if (asked.reliable || asked.acked || (asked.provisional === null && asked.final === null)) return
    if (asked.invite && asked.final !== null && asked.finalStatus < 300) return
    const { answers } = asked
    this.#home.expect(
      () => asked.answers > answers,
      `a retransmitted ${asked.request.method} of ${asked.host} is not answered again`,
    )
  }

  #onProvisional(asked: Asked, message: SipText, at_ms: number): void {
    if (!asked.invite) this.#checkLateTrying(asked, message, at_ms)
    if (asked.final !== null) this.#home.fail(`a provisional answer after the final one, to ${asked.host}`)
    asked.provisional = message.text
    asked.provisionalAt_ms = at_ms
  }

  /** RFC 4320 section 4.1: nothing but 100, and that no sooner than timer E has come to T2. */
  #checkLateTrying(asked: Asked, { status, cseqMethod }: SipText, at_ms: number): void {
    if (status !== 100) this.#home.fail(`${status} to ${cseqMethod} (RFC 4320)`)
    if (at_ms + ROUNDING_ms < asked.at_ms + TIMER_E_AT_T2_ms) {
      this.#home.fail(`100 to ${cseqMethod} after ${at_ms - asked.at_ms} ms (RFC 4320)`)
    }
  }

  #onFinal(asked: Asked, message: SipText, status: number, at_ms: number): void {
    if (at_ms > asked.ends_ms + ROUNDING_ms) {
      this.#home.fail(`an answer to ${asked.host} outlives the timers of its transaction`)
    }
    if (!asked.invite && status === 408)
      this.#home.fail(`408 to a ${message.cseqMethod} (RFC 4320 section 4.2)`)
    const accepted = asked.finalStatus >= 200 && asked.finalStatus < 300
    if (asked.final === null) {
      asked.final = message.text
      asked.finalStatus = status
      asked.finalAt_ms = at_ms
      asked.ends_ms = asked.reliable && !asked.invite ? at_ms : at_ms + TRANSACTION_ms
    } else if (asked.invite && accepted) {
      if (status >= 300) this.#home.fail(`${status} to ${asked.host} after a 2xx`)
    } else if (asked.final !== message.text) {
      this.#home.fail(`a second final answer to ${asked.host}: ${status} after ${asked.finalStatus}`)
    }
  }
}
