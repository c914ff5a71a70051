// Calls of a simulated phone until they are answered: RFC 3261 sections 13 and 9.

import type { Timer, Wakeable } from '../../src/clock.ts'
import { aorOf } from '../support/phone.ts'
import type { PhoneCore } from './phone.ts'
import { Dialog } from './phone-dialog.ts'
import type { ResponseUser, UasTransaction } from './phone-transaction.ts'
import { hopByHopText, responseText, type SipText } from './sip-text.ts'

const TRIES_MAX = 3
const CANCELS = 0.25

export class OutgoingCall implements ResponseUser, Wakeable {
  readonly #phone: PhoneCore
  readonly #uri: string
  readonly #callId: string
  readonly #tag: string
  #invite: SipText | null = null
  #cseq = 0
  #provisional = false
  /** Wants to give up: now, or as soon as a CANCEL may be sent (section 9.1). */
  #cancelling = false
  #cancelled = false
  #finished = false
  #giveUp: Timer | null = null
  readonly #answers = new Map<string, Dialog>()

  constructor(phone: PhoneCore, number: string) {
    this.#phone = phone
    this.#uri = aorOf(number)
    this.#callId = phone.unique('call')
    this.#tag = phone.unique('a')
  }

  start(): void {
    const { clock, random } = this.#phone
    if (random.next() < CANCELS) this.#giveUp = clock.after(random.next() * 9000, this, 0)
    this.#send()
  }

  onTimer(): void {
    this.#cancelling = true
    if (this.#provisional) this.#cancel()
  }

  onResponse(response: SipText): void {
    const status = response.status ?? 0
    if (status < 200) {
      this.#provisional = true
      if (this.#cancelling) this.#cancel()
    } else if (status < 300) this.#onAnswer(response)
    else {
      if (status === 407 && this.#cseq < TRIES_MAX && !this.#cancelling) {
        this.#phone.proxyProof.take(response)
        this.#send()
        return
      }
      this.#finish()
      this.#phone.counts.refused++
    }
  }

  onTimeout(): void {
    if (this.#finished || this.#invite === null) return
    this.#finish()
    this.#phone.counts.unanswered++
    this.#phone.onUnanswered(this.#invite)
  }

  #send(): void {
    const phone = this.#phone
    this.#provisional = false
    this.#invite = phone.request('INVITE', this.#uri, {
      from: `<${phone.aor}>;tag=${this.#tag}`,
      to: `<${this.#uri}>`,
      callId: this.#callId,
      cseq: ++this.#cseq,
      headers: [`Contact: <${phone.contact}>`, ...phone.proxyProof.headers('INVITE', this.#uri)],
    })
    phone.stack.request(this.#invite, this)
  }

  #cancel(): void {
    if (this.#cancelled || this.#finished || this.#invite === null) return
    this.#cancelled = true
    this.#phone.counts.cancelled++
    const cancel = hopByHopText('CANCEL', this.#invite, this.#invite.header('To'))
    this.#phone.stack.request(cancel, { onResponse() {}, onTimeout() {} })
  }

  #finish(): void {
    this.#finished = true
    this.#giveUp?.cancel()
  }

  /** Each phone that answers makes a dialog of its own (section 13.2.2.4); one is enough. */
  #onAnswer(answer: SipText): void {
    this.#finish()
    const known = this.#answers.get(answer.toTag)
    if (known !== undefined) {
      known.acknowledges(this.#cseq)
      return
    }
    const first = this.#answers.size === 0
    const dialog = Dialog.ofCaller(this.#phone, answer)
    this.#answers.set(answer.toTag, dialog)
    dialog.acknowledges(this.#cseq)
    if (first) this.#phone.counts.answered++
    else this.#phone.counts.answeredTwice++
    if (first && !this.#cancelling) dialog.talks()
    else dialog.hangsUp()
  }
}

enum Step {
  Rings = 0,
  Decides = 1,
}

/** Statuses of those who do not want to talk. A 302 goes up to the caller. */
const REFUSALS = [486, 486, 486, 603, 480, 404, 302, 503, 600]

export class IncomingCall implements Wakeable {
  readonly #phone: PhoneCore
  readonly #transaction: UasTransaction
  readonly #tag: string
  #decision: Timer | null = null

  constructor(phone: PhoneCore, transaction: UasTransaction) {
    this.#phone = phone
    this.#transaction = transaction
    this.#tag = phone.unique('b')
  }

  start(): void {
    const { random, clock } = this.#phone
    const habit = random.next()
    // Some never say a word, some ring for ever.
    if (habit < 0.06) return
    if (random.next() < 0.5) this.#reply(100)
    if (habit < 0.9) clock.after(random.next() * 500, this, Step.Rings)
    if (habit < 0.16) return
    // Many decide within the same second: that is when forks race.
    const patience_ms = random.next() < 0.4 ? 600 : 15_000
    this.#decision = clock.after(random.next() * patience_ms, this, Step.Decides)
  }

  onTimer(which: number): void {
    if (this.#transaction.answered) return
    const { random } = this.#phone
    if (which === Step.Rings) this.#reply(random.next() < 0.8 ? 180 : 183)
    else if (random.next() < 0.7) this.#accept()
    else this.#reply(random.pick(REFUSALS))
  }

  onCancel(): void {
    if (this.#transaction.answered) return
    this.#decision?.cancel()
    this.#reply(487)
  }

  /** All with one tag: they are of one early dialog. */
  #reply(status: number): void {
    this.#transaction.respond(status, responseText(this.#transaction.request, status, this.#tag))
  }

  #accept(): void {
    const { request } = this.#transaction
    const dialog = Dialog.ofCallee(this.#phone, request, this.#tag)
    this.#transaction.onNoAck = () => dialog.hangsUp()
    dialog.accepts(this.#transaction)
  }
}
