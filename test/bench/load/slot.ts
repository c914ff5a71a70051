// Whose conversations they are: accounts of ours, and the slots of which each has one conversation at a time.

import { type Challenge, challengeIn, ha1Of, proofLine } from './digest.ts'
import type { Line } from './line.ts'
import { DOMAIN } from './text.ts'

/** What tells this generator's branches and Call-IDs from those of one that ran before, from the same port. */
const RUN = process.pid

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

  get registrationCallId(): string {
    return `reg-${this.number}-${RUN}@${this.line.host}`
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
  serial: number
  step = 0
  startedAt = 0
  /** Of the accounts that take turns. */
  account: Account
  peer: Account
  /** The conversation has had its challenge. */
  proved = false

  constructor(index: number, firstSerial: number, account: Account) {
    this.index = index
    this.serial = firstSerial
    this.account = account
    this.peer = account
  }

  /** A branch that leads back here: slot, conversation, step. */
  get branch(): string {
    return `s${this.index}x${this.serial}x${this.step}x${RUN}`
  }

  get callId(): string {
    return `${this.index}-${this.serial}-${RUN}@${this.account.line.host}`
  }
}

export type Outcome = 'done' | 'failed' | 'goes on'

export interface Scenario {
  /** Sends the first message. */
  begin(slot: Slot): void
  /** A response of the conversation at hand. */
  onResponse(slot: Slot, status: number, text: string): Outcome
}
