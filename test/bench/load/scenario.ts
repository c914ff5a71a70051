// What is measured: each scenario is one conversation, begun again and again by as many slots as there may be at once.

import { type Challenge, challengeIn, ha1Of, proofLine } from './digest.ts'
import type { Line } from './line.ts'
import { bracketed, DOMAIN, pick, requestText, routesOf, sdp, STRANGER_DOMAIN } from './text.ts'

export const SCENARIOS = [
  'options',
  'register',
  'refresh',
  'message',
  'message-407',
  'call',
  'call-407',
  'register-tcp',
] as const
export type ScenarioName = (typeof SCENARIOS)[number]

/** An extension of ours, and what its phone remembers. */
export class Account {
  readonly number: string
  readonly line: Line
  readonly #password: string
  challenge: Challenge | null = null
  cseq = 0
  count = 0
  #ha1 = ''

  constructor(number: string, password: string, line: Line) {
    this.number = number
    this.#password = password
    this.line = line
  }

  get uri(): string {
    return `sip:${this.number}@${DOMAIN}`
  }

  proof(name: 'Authorization' | 'Proxy-Authorization', method: string, uri: string): string {
    if (this.challenge === null) return ''
    if (this.#ha1 === '') this.#ha1 = ha1Of(this.number, this.challenge.realm, this.#password)
    return proofLine(name, this.challenge, this.number, this.#ha1, method, uri, ++this.count)
  }

  /** Takes a challenge up; false when there is none. */
  challenged(text: string): boolean {
    const challenge = challengeIn(text)
    if (challenge === null) return false
    this.challenge = challenge
    this.count = 0
    return true
  }
}

/** One conversation at a time. */
export class Slot {
  readonly index: number
  /** Of conversations of this slot: what belongs to an earlier one is told apart by it. */
  serial = 0
  step = 0
  startedAt = 0
  /** Of the accounts that take turns. */
  account: Account
  peer: Account
  /** The conversation has had its challenge. */
  proved = false

  constructor(index: number, account: Account) {
    this.index = index
    this.account = account
    this.peer = account
  }

  /** A branch that leads back here: slot, conversation, step. */
  get branch(): string {
    return `s${this.index}x${this.serial}x${this.step}`
  }

  get callId(): string {
    return `${this.index}-${this.serial}-8f1c@${this.account.line.host}`
  }
}

export type Outcome = 'done' | 'failed' | 'goes on'

export interface Scenario {
  /** Sends the first message. */
  begin(slot: Slot): void
  /** A response of the conversation at hand. */
  onResponse(slot: Slot, status: number, text: string): Outcome
}

const REGISTRAR = `sip:${DOMAIN}`

class Options implements Scenario {
  begin(slot: Slot): void {
    const { account } = slot
    account.line.send(
      requestText({
        method: 'OPTIONS',
        uri: REGISTRAR,
        line: account.line,
        branch: slot.branch,
        from: `<sip:${account.number}@${STRANGER_DOMAIN}>;tag=${slot.index}`,
        to: `<${REGISTRAR}>`,
        callId: slot.callId,
        cseq: 1,
        headers: 'Accept: application/sdp\r\n',
      }),
    )
  }

  onResponse(_slot: Slot, status: number): Outcome {
    return status === 200 ? 'done' : 'failed'
  }
}

/** `fresh`: each registration is challenged anew; otherwise the nonce that the account has is used again. */
class Register implements Scenario {
  readonly #fresh: boolean

  constructor(fresh: boolean) {
    this.#fresh = fresh
  }

  begin(slot: Slot): void {
    slot.proved = false
    if (this.#fresh) slot.account.challenge = null
    this.#send(slot)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status === 200) return 'done'
    if (status !== 401 || slot.proved || !slot.account.challenged(text)) return 'failed'
    slot.proved = true
    this.#send(slot)
    return 'goes on'
  }

  #send(slot: Slot): void {
    const { account } = slot
    slot.step++
    account.line.send(
      requestText({
        method: 'REGISTER',
        uri: REGISTRAR,
        line: account.line,
        branch: slot.branch,
        from: `<${account.uri}>;tag=${account.number}`,
        to: `<${account.uri}>`,
        callId: `reg-${account.number}-4b1d@${account.line.host}`,
        cseq: ++account.cseq,
        contact: account.number,
        headers: `${account.proof('Authorization', 'REGISTER', REGISTRAR)}Expires: 3600\r\n`,
      }),
    )
  }
}

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

class MessageToPeer extends ToPeer {
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

/** INVITE, 100, 180, 200, ACK, BYE, 200. */
class Call extends ToPeer {
  begin(slot: Slot): void {
    slot.proved = false
    this.#invite(slot)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status < 200) return 'goes on'
    const { cseq, to } = pick(text)
    if (cseq.endsWith('BYE\r\n')) return status === 200 ? 'done' : 'failed'
    if (status === 200) {
      this.#confirmAndEnd(slot, text)
      return 'goes on'
    }
    if (status !== 407 || slot.proved || !slot.account.challenged(text)) return 'failed'
    // Section 17.1.1.3: on the INVITE's own branch.
    this.#send(slot, 'ACK', slot.peer.uri, to.slice('To: '.length), slot.step, '')
    slot.proved = true
    this.#invite(slot)
    return 'goes on'
  }

  #invite(slot: Slot): void {
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

  #confirmAndEnd(slot: Slot, text: string): void {
    const { to, recordRoutes, contact } = pick(text)
    const uri = bracketed(contact)
    const routes = routesOf(recordRoutes)
    const invite = slot.step
    slot.step++
    this.#send(slot, 'ACK', uri, to.slice('To: '.length), invite, routes)
    slot.step++
    this.#send(slot, 'BYE', uri, to.slice('To: '.length), slot.step, routes)
  }

  #send(slot: Slot, method: string, uri: string, to: string, cseq: number, headers: string): void {
    const { line } = slot.account
    const { branch, callId } = slot
    line.send(requestText({ method, uri, line, branch, from: this.from(slot), to, callId, cseq, headers }))
  }
}

export function scenarioOf(name: ScenarioName): Scenario {
  switch (name) {
    case 'options':
      return new Options()
    case 'register':
    case 'register-tcp':
      return new Register(true)
    case 'refresh':
      return new Register(false)
    case 'message':
      return new MessageToPeer(true)
    case 'message-407':
      return new MessageToPeer(false)
    case 'call':
      return new Call(true)
    case 'call-407':
      return new Call(false)
  }
}
