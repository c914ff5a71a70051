// Conversations with another phone, through the server.

import type { Line } from './line.ts'
import type { Outcome, Scenario, Slot } from './slot.ts'
import { bracketed, DOMAIN, pick, requestText, routesOf, STRANGER_DOMAIN, sdp } from './text.ts'

/** What MESSAGE and INVITE have in common: a caller of ours is asked for his proof, a stranger is not. */
abstract class ToPeer implements Scenario {
  readonly #stranger: boolean

  constructor(stranger: boolean) {
    this.#stranger = stranger
  }

  abstract begin(slot: Slot): void
  abstract onResponse(slot: Slot, status: number, text: string): Outcome

  protected from({ account, index }: Slot): string {
    const domain = this.#stranger ? STRANGER_DOMAIN : DOMAIN
    return `"Ann Ellis" <sip:${account.number}@${domain}>;tag=${index}`
  }

  protected proof(slot: Slot, method: string): string {
    return slot.proved ? slot.account.proof('Proxy-Authorization', method, slot.peer.uri) : ''
  }
}

export class MessageToPeer extends ToPeer {
  begin(slot: Slot): void {
    slot.proved = false
    this.#send(slot)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status === 200) return 'done'
    if (status !== 407 || slot.proved || !slot.account.challenged(text)) return 'failed'
    slot.proved = true
    this.#send(slot)
    return 'goes on'
  }

  #send(slot: Slot): void {
    const { account, peer } = slot
    slot.step++
    account.line.send(
      requestText({
        method: 'MESSAGE',
        uri: peer.uri,
        line: account.line,
        branch: slot.branch,
        from: this.from(slot),
        to: `<${peer.uri}>`,
        callId: slot.callId,
        cseq: slot.step,
        headers: this.proof(slot, 'MESSAGE'),
        type: 'text/plain',
        body: 'The meeting begins ten minutes later, in the room on the second floor.',
      }),
    )
  }
}

/** What a request within a call is made of. */
interface Dialog {
  readonly line: Line
  readonly from: string
  readonly to: string
  readonly callId: string
  /** Of the INVITE. */
  readonly cseq: number
  /** Where the other phone is, and by way of whom. */
  readonly uri: string
  readonly routes: string
}

abstract class Inviting extends ToPeer {
  protected invite(slot: Slot): void {
    const { account, peer } = slot
    slot.step++
    account.line.send(
      requestText({
        method: 'INVITE',
        uri: peer.uri,
        line: account.line,
        branch: slot.branch,
        from: this.from(slot),
        to: `<${peer.uri}>`,
        callId: slot.callId,
        cseq: slot.step,
        contact: account.number,
        headers: `${this.proof(slot, 'INVITE')}Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER\r\n`,
        type: 'application/sdp',
        body: sdp(account.line.host),
      }),
    )
  }

  /** Takes the one challenge up that there may be. */
  protected proved(slot: Slot, status: number, text: string): Outcome {
    if (status !== 407 || slot.proved || !slot.account.challenged(text)) return 'failed'
    // Section 17.1.1.3: on the INVITE's own branch.
    this.send(slot, 'ACK', { ...this.dialog(slot, text), uri: slot.peer.uri, routes: '' }, slot.step)
    slot.proved = true
    this.invite(slot)
    return 'goes on'
  }

  protected confirm(slot: Slot, text: string): Dialog {
    const dialog = this.dialog(slot, text)
    slot.step++
    this.send(slot, 'ACK', dialog, dialog.cseq)
    return dialog
  }

  protected end(slot: Slot, dialog: Dialog): void {
    slot.step++
    this.send(slot, 'BYE', dialog, dialog.cseq + 1)
  }

  protected dialog(slot: Slot, text: string): Dialog {
    const { to, recordRoutes, contact } = pick(text)
    return {
      line: slot.account.line,
      from: this.from(slot),
      to: to.slice('To: '.length),
      callId: slot.callId,
      cseq: slot.step,
      uri: bracketed(contact),
      routes: routesOf(recordRoutes),
    }
  }

  protected send(slot: Slot, method: string, dialog: Dialog, cseq: number): void {
    const { line, uri, from, to, callId, routes } = dialog
    line.send(
      requestText({ method, uri, line, branch: slot.branch, from, to, callId, cseq, headers: routes }),
    )
  }
}

/** INVITE, 100, 180, 200, ACK, BYE, 200. */
export class Call extends Inviting {
  begin(slot: Slot): void {
    slot.proved = false
    this.invite(slot)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status < 200) return 'goes on'
    if (pick(text).cseq.endsWith('BYE\r\n')) return status === 200 ? 'done' : 'failed'
    if (status !== 200) return this.proved(slot, status, text)
    this.end(slot, this.confirm(slot, text))
    return 'goes on'
  }
}

/** So many calls stay up: each conversation ends the oldest of them, once they are there, and begins a new one. */
export class HeldCalls extends Inviting {
  readonly #wanted: number
  #up: Dialog[] = []
  /** Of those in `#up`, that were ended. */
  #ended = 0

  constructor(wanted: number) {
    super(true)
    this.#wanted = wanted
  }

  begin(slot: Slot): void {
    slot.proved = false
    const oldest = this.#up.length - this.#ended < this.#wanted ? undefined : this.#up[this.#ended]
    if (oldest === undefined) {
      this.invite(slot)
      return
    }
    if (++this.#ended > this.#wanted) {
      this.#up = this.#up.slice(this.#ended)
      this.#ended = 0
    }
    this.end(slot, oldest)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status < 200) return 'goes on'
    if (status !== 200) return 'failed'
    if (pick(text).cseq.endsWith('BYE\r\n')) {
      this.invite(slot)
      return 'goes on'
    }
    this.#up.push(this.confirm(slot, text))
    return 'done'
  }
}
