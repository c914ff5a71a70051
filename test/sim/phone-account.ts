// What proves a simulated phone (RFC 7616), and its registration: made, refreshed, tried again, given up at the end.

import type { Timer, Wakeable } from '../../src/clock.ts'
import { answerChallenge, type Challenge, parseChallenge } from '../support/digest.ts'
import { DOMAIN, passwordOf } from '../support/memory-store.ts'
import type { PhoneCore } from './phone.ts'
import type { ResponseUser } from './phone-transaction.ts'
import type { SipText } from './sip-text.ts'

const TRIES_MAX = 4
const RETRY_ms = 4000

/** The last challenge is answered again and again, with a rising count, until the server wants another one. */
export class Proof {
  readonly #number: string
  readonly #name: 'Authorization' | 'Proxy-Authorization'
  #challenge: Challenge | null = null
  #count = 0

  constructor(number: string, name: Proof['headerName']) {
    this.#number = number
    this.#name = name
  }

  get headerName(): 'Authorization' | 'Proxy-Authorization' {
    return this.#name
  }

  /** RFC 8760 section 2.4: the first that one knows. */
  take(response: SipText): void {
    const name = this.#name === 'Authorization' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    this.#challenge = parseChallenge(response.header(name))
    this.#count = 0
  }

  headers(method: string, uri: string): string[] {
    if (this.#challenge === null) return []
    const username = this.#number
    const password = passwordOf(username)
    const nonceCount = ++this.#count
    return [
      `${this.#name}: ${answerChallenge(this.#challenge, { username, password, method, uri, nonceCount })}`,
    ]
  }
}

export class Registration implements ResponseUser, Wakeable {
  readonly #phone: PhoneCore
  readonly #proof: Proof
  readonly #callId: string
  readonly #expires_s: number
  #cseq = 0
  #tries = 0
  #leaving = false
  #next: Timer | null = null

  constructor(phone: PhoneCore, expires_s: number) {
    this.#phone = phone
    this.#proof = new Proof(phone.number, 'Authorization')
    this.#callId = phone.unique('reg')
    this.#expires_s = expires_s
  }

  start(): void {
    this.#tries = 0
    this.#send()
  }

  /** Takes the binding away. */
  leave(): void {
    this.#leaving = true
    this.#next?.cancel()
    this.start()
  }

  onTimer(): void {
    this.start()
  }

  onResponse(response: SipText): void {
    const { counts, random } = this.#phone
    switch (response.status) {
      case 401:
        this.#proof.take(response)
        if (++this.#tries < TRIES_MAX) this.#send()
        else this.#after(RETRY_ms)
        return
      case 200:
        counts.registrations++
        // Some come at the last moment, some in good time.
        if (!this.#leaving) this.#after(this.#expires_s * 1000 * (0.4 + 0.58 * random.next()))
        return
      default:
        if ((response.status ?? 0) >= 200) this.onTimeout()
    }
  }

  onTimeout(): void {
    this.#phone.counts.registrationsFailed++
    this.#after(RETRY_ms * (1 + this.#phone.random.next()))
  }

  #after(ms: number): void {
    this.#next?.cancel()
    this.#next = this.#phone.clock.after(ms, this, 0)
  }

  #send(): void {
    const phone = this.#phone
    const uri = `sip:${DOMAIN.name}`
    const request = phone.request('REGISTER', uri, {
      from: `<${phone.aor}>;tag=${this.#callId}`,
      to: `<${phone.aor}>`,
      callId: this.#callId,
      cseq: ++this.#cseq,
      headers: [
        `Contact: <${phone.contact}>;expires=${this.#leaving ? 0 : this.#expires_s}`,
        ...this.#proof.headers('REGISTER', uri),
      ],
    })
    phone.stack.request(request, this)
  }
}
