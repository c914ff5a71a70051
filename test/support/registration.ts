// Contacts that register, refresh and go away again, and what the server has acknowledged of each.

import { answerChallenge, type Challenge, parseChallenge } from './digest.ts'
import type { Random } from './random.ts'
import type { Account } from './server-process.ts'
import type { WireMessage } from './wire.ts'
import { lines, unique } from './wire-account.ts'
import type { WireClient } from './wire-client.ts'

const DOMAIN = 'test.example'
const EXPIRES_S = 3000

/** One account: it proves itself with the last challenge as long as that is good, as phones do. */
export class Registrant {
  readonly account: Account
  readonly #client: WireClient
  #challenge: Challenge | null = null
  #nonceCount = 0

  constructor(client: WireClient, account: Account) {
    this.#client = client
    this.account = account
  }

  /** REGISTER with these lines, and once more with proof where that is asked for. */
  async asks(headers: readonly string[], within_ms: number, cseq: () => number, callId = unique('call')) {
    const began_ms = performance.now()
    const ask = () => {
      const left_ms = began_ms + within_ms - performance.now()
      return this.#client.ask((via) => this.#text(via, callId, cseq(), headers), left_ms)
    }
    const first = await ask()
    if (first?.status !== 401) return first
    this.#challenge = parseChallenge(first.header('WWW-Authenticate'))
    this.#nonceCount = 0
    return await ask()
  }

  #text(via: string, callId: string, cseq: number, headers: readonly string[]): string {
    const { number } = this.account
    const aor = `<sip:${number}@${DOMAIN}>`
    return lines(
      `REGISTER sip:${DOMAIN} SIP/2.0`,
      via,
      'Max-Forwards: 70',
      `From: ${aor};tag=1`,
      `To: ${aor}`,
      `Call-ID: ${callId}`,
      `CSeq: ${cseq} REGISTER`,
      ...headers,
      this.#proof(),
      'Content-Length: 0',
    )
  }

  #proof(): string | null {
    if (this.#challenge === null) return null
    const { number, password } = this.account
    const nonceCount = ++this.#nonceCount
    const answer = { username: number, password, method: 'REGISTER', uri: `sip:${DOMAIN}`, nonceCount }
    return `Authorization: ${answerChallenge(this.#challenge, answer)}`
  }
}

/** One contact of an account. */
export class Contact {
  readonly registrant: Registrant
  readonly uri: string
  readonly #callId = unique('call')
  #cseq = 0
  /** As last acknowledged, and the CSeq of that. */
  bound = false
  acknowledged = 0
  /** What is asked for and not acknowledged: it may have come to be, or not. */
  asked: { readonly bound: boolean } | null = null
  /** It was asked for what was never acknowledged, and since then for nothing else. */
  #inDoubt = false

  constructor(registrant: Registrant, uri: string) {
    this.registrant = registrant
    this.uri = uri
  }

  get number(): string {
    return this.registrant.account.number
  }

  async register(bound: boolean, within_ms: number): Promise<WireMessage | null> {
    this.asked = { bound }
    const headers = [`Contact: <${this.uri}>`, `Expires: ${bound ? EXPIRES_S : 0}`]
    const answer = await this.registrant.asks(headers, within_ms, () => ++this.#cseq, this.#callId)
    if (answer?.status !== 200) return answer
    this.bound = bound
    this.#inDoubt = false
    this.acknowledged = Number.parseInt(answer.header('CSeq'), 10)
    this.asked = null
    return answer
  }

  /** Nobody was told which it is: from now on it is what was found. */
  found(bound: boolean): void {
    this.bound = bound
    this.asked = null
  }

  /** Nobody was told which it is, and what is found now may not be all that there is. */
  doubt(): void {
    this.#inDoubt = true
    this.asked = null
  }

  /** What is wrong when the server holds it (with that CSeq), or does not (null). */
  fault(held: { readonly cseq: number | null } | null): string | null {
    const who = `${this.uri} of ${this.number}`
    const mayBeEither = this.#inDoubt || (this.asked !== null && this.asked.bound !== this.bound)
    if (!mayBeEither && this.bound !== (held !== null))
      return held === null ? `${who} is lost` : `${who} is back`
    if (held === null || held.cseq === null || held.cseq >= this.acknowledged) return null
    return `${who} is that of CSeq ${held.cseq}, and ${this.acknowledged} was acknowledged`
  }
}

export function contactsOf(client: WireClient, accounts: readonly Account[], each: number): Contact[] {
  return accounts.flatMap((account) => {
    const registrant = new Registrant(client, account)
    return Array.from(
      { length: each },
      (_, index) => new Contact(registrant, `sip:${account.number}@${client.sentBy};line=${index}`),
    )
  })
}

/** What a phone does next: a bound contact is refreshed, and now and then it goes. */
export function nextOf(contact: Contact, random: Random, removals = 0.4): boolean {
  return contact.bound ? random.next() >= removals : true
}
