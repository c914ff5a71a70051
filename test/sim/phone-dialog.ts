// A call of a simulated phone once it is answered (RFC 3261 sections 12, 14 and 15; RFC 3515).

import type { Timer, Wakeable } from '../../src/clock.ts'
import { splitList } from '../../src/sip/header.ts'
import { aorOf } from '../support/phone.ts'
import type { PhoneCore } from './phone.ts'
import type { UasTransaction } from './phone-transaction.ts'
import { responseText, type SipText, uriOf, userOf } from './sip-text.ts'

interface DialogParts {
  readonly callId: string
  readonly local: string
  readonly localTag: string
  readonly remote: string
  readonly target: string
  readonly routes: readonly string[]
  readonly cseq: number
}

enum Wake {
  Acts = 0,
  Reports = 1,
}

export class Dialog implements Wakeable {
  readonly #phone: PhoneCore
  readonly #parts: DialogParts
  #cseq: number
  /** A re-INVITE of ours is under way: the other side's gets 491 (section 14.2). */
  #inviting = false
  #ended = false
  #next: Timer | null = null

  private constructor(phone: PhoneCore, parts: DialogParts) {
    this.#phone = phone
    this.#parts = parts
    this.#cseq = parts.cseq
    phone.dialogs.set(parts.localTag, this)
  }

  /** The route set is reversed (section 12.1.2). */
  static ofCaller(phone: PhoneCore, answer: SipText): Dialog {
    return new Dialog(phone, {
      callId: answer.callId,
      local: answer.header('From'),
      localTag: answer.fromTag,
      remote: answer.header('To'),
      target: uriOf(answer.header('Contact')),
      routes: answer.headers('Record-Route').flatMap(splitList).reverse(),
      cseq: answer.cseq,
    })
  }

  static ofCallee(phone: PhoneCore, invite: SipText, tag: string): Dialog {
    return new Dialog(phone, {
      callId: invite.callId,
      local: `${invite.header('To')};tag=${tag}`,
      localTag: tag,
      remote: invite.header('From'),
      target: uriOf(invite.header('Contact')),
      routes: invite.headers('Record-Route').flatMap(splitList),
      cseq: 0,
    })
  }

  /** The 2xx that this dialog begins with, or that of a later INVITE within it. */
  accepts(transaction: UasTransaction): void {
    const headers = [`Contact: <${this.#phone.contact}>`]
    transaction.respond(200, responseText(transaction.request, 200, this.#parts.localTag, headers))
  }

  acknowledges(cseq: number): void {
    this.#phone.send(this.#request('ACK', [], cseq).text, null)
  }

  /** From now on something happens every now and then. */
  talks(): void {
    if (this.#ended || this.#next !== null) return
    this.#next = this.#phone.clock.after(500 + this.#phone.random.next() * 15_000, this, Wake.Acts)
  }

  hangsUp(): void {
    if (this.#ended) return
    this.#end()
    this.#phone.counts.hangUps++
    this.#sends('BYE')
  }

  onAck(): void {
    this.talks()
  }

  onTimer(which: number): void {
    if (this.#ended) return
    if (which === Wake.Reports) {
      this.#sends('NOTIFY', ['Event: refer', 'Subscription-State: terminated'])
      return
    }
    this.#next = null
    const habit = this.#phone.random.next()
    if (habit < 0.5) this.hangsUp()
    else {
      this.talks()
      if (habit < 0.75) this.#reinvites()
      else if (habit < 0.85) this.#transfers()
      else {
        this.#phone.counts.others++
        this.#sends('INFO')
      }
    }
  }

  onRequest(transaction: UasTransaction): void {
    const { request } = transaction
    switch (request.method) {
      case 'INVITE':
        if (this.#inviting) this.#phone.reply(transaction, 491)
        else if (this.#phone.random.next() < 0.1) this.#phone.reply(transaction, 488)
        else this.accepts(transaction)
        return
      case 'BYE':
        this.#phone.reply(transaction, 200)
        this.#end()
        return
      case 'REFER':
        this.#phone.reply(transaction, 202)
        this.#phone.calls(userOf(uriOf(request.header('Refer-To'))))
        this.#phone.clock.after(1000, this, Wake.Reports)
        return
      case 'NOTIFY':
        this.#phone.reply(transaction, 200)
        this.hangsUp()
        return
      default:
        this.#phone.reply(transaction, 200)
    }
  }

  #end(): void {
    this.#ended = true
    this.#next?.cancel()
    this.#phone.dialogs.delete(this.#parts.localTag)
  }

  #reinvites(): void {
    if (this.#inviting) return
    this.#phone.counts.reinvites++
    this.#inviting = true
    const invite = this.#request('INVITE', [`Contact: <${this.#phone.contact}>`])
    this.#phone.stack.request(invite, {
      onResponse: (response) => {
        const status = response.status ?? 0
        if (status < 200) return
        this.#inviting = false
        if (status < 300) this.acknowledges(invite.cseq)
        // Section 12.2.1.2: the other side knows nothing of this call, or is gone.
        else if (status === 481 || status === 408) this.hangsUp()
      },
      onTimeout: () => {
        this.#phone.onUnanswered(invite)
        this.hangsUp()
      },
    })
  }

  #transfers(): void {
    this.#phone.counts.transfers++
    const { random, numbers } = this.#phone
    this.#sends('REFER', [`Refer-To: <${aorOf(random.pick(numbers))}>`, `Contact: <${this.#phone.contact}>`])
  }

  #sends(method: string, headers: readonly string[] = []): void {
    this.#phone.stack.request(this.#request(method, headers), { onResponse() {}, onTimeout() {} })
  }

  #request(method: string, headers: readonly string[], cseq = ++this.#cseq): SipText {
    const { local, remote, callId, target, routes } = this.#parts
    return this.#phone.request(method, target, {
      from: local,
      to: remote,
      callId,
      cseq,
      headers: [...routes.map((route) => `Route: ${route}`), ...headers],
    })
  }
}
