// What a test phone says to register and to call, as text, with each part for the test to change.

import { type Answer, answerChallenge, type Challenge, parseChallenge } from './digest.ts'
import type { Account } from './server-process.ts'
import type { WireMessage, WirePhone } from './wire.ts'

const DOMAIN = 'test.example'

let sent = 0

/** A text that no other message of this process holds: for branches, tags and Call-IDs. */
export function unique(prefix: string): string {
  return `${prefix}${process.pid}x${++sent}`
}

export interface RegisterParts {
  readonly cseq: number
  readonly authorization?: string
  readonly expires?: number
}

export interface InviteParts {
  /** The number called. */
  readonly to: string
  readonly cseq: number
  /** Whole lines to put between the others. */
  readonly headers: readonly string[]
  readonly body: string
  readonly challenge?: Challenge
}

/** One account on one phone; remembers nothing of what was said. */
export class WireAccount {
  readonly phone: WirePhone
  readonly account: Account
  readonly callId = unique('call')
  readonly tag = unique('tag')

  constructor(phone: WirePhone, account: Account) {
    this.phone = phone
    this.account = account
  }

  get contact(): string {
    return `<sip:${this.account.number}@${this.phone.sentBy};transport=${this.phone.transport.toLowerCase()}>`
  }

  sendsRegister({ cseq, authorization, expires = 300 }: RegisterParts): void {
    const aor = `<sip:${this.account.number}@${DOMAIN}>`
    this.phone.sends(
      lines(
        `REGISTER sip:${DOMAIN} SIP/2.0`,
        this.via(),
        'Max-Forwards: 70',
        `From: ${aor};tag=${this.tag}`,
        `To: ${aor}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${cseq} REGISTER`,
        `Contact: ${this.contact}`,
        `Expires: ${expires}`,
        authorization === undefined ? null : `Authorization: ${authorization}`,
        'Content-Length: 0',
      ),
    )
  }

  sendsInvite({ to, cseq, headers, body, challenge }: InviteParts): void {
    const uri = `sip:${to}@${DOMAIN}`
    const { number } = this.account
    const proof = challenge && this.authorization(challenge, { method: 'INVITE', uri })
    const head = lines(
      `INVITE ${uri} SIP/2.0`,
      this.via(),
      'Max-Forwards: 70',
      `From: <sip:${number}@${DOMAIN}>;tag=${this.tag}`,
      `To: <${uri}>`,
      `Call-ID: ${this.callId}`,
      `CSeq: ${cseq} INVITE`,
      `Contact: ${this.contact}`,
      proof === undefined ? null : `Proxy-Authorization: ${proof}`,
      ...headers,
      'Content-Type: application/sdp',
      `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
    )
    this.phone.sends(head + body)
  }

  /** A question that anyone may ask an extension's phone. */
  sendsOptions(number: string): void {
    this.phone.sends(
      lines(
        `OPTIONS sip:${number}@${DOMAIN} SIP/2.0`,
        this.via(),
        'Max-Forwards: 70',
        `From: <sip:${this.account.number}@elsewhere.example>;tag=${this.tag}`,
        `To: <sip:${number}@${DOMAIN}>`,
        `Call-ID: ${this.callId}`,
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
      ),
    )
  }

  /** The first challenge of the algorithm wanted, or of any, that a 401 offers. */
  async challenged(algorithm?: string): Promise<Challenge> {
    const response = await this.phone.expects('401')
    const challenges = response.headers('WWW-Authenticate').map(parseChallenge)
    const challenge = challenges.find((each) => algorithm === undefined || each.algorithm === algorithm)
    if (challenge === undefined) throw new Error(`no challenge of ${algorithm} in\n${response.text}`)
    return challenge
  }

  /** The first challenge of the 407 to an INVITE; it is acknowledged as RFC 3261 section 17.1.1.3 says. */
  async challengedByProxy(to: string): Promise<Challenge> {
    const refusal = await this.phone.expects('407')
    this.phone.sends(
      lines(
        `ACK sip:${to}@${DOMAIN} SIP/2.0`,
        `Via: ${refusal.header('Via')}`,
        'Max-Forwards: 70',
        `From: ${refusal.header('From')}`,
        `To: ${refusal.header('To')}`,
        `Call-ID: ${this.callId}`,
        `CSeq: ${refusal.header('CSeq').replace('INVITE', 'ACK')}`,
        'Content-Length: 0',
      ),
    )
    return parseChallenge(refusal.header('Proxy-Authenticate'))
  }

  authorization(challenge: Challenge, parts: Partial<Answer> = {}): string {
    const { number, password } = this.account
    const answer = { username: number, password, method: 'REGISTER', uri: `sip:${DOMAIN}` }
    return answerChallenge(challenge, { ...answer, ...parts })
  }

  /** REGISTER, 401, REGISTER, 200: the usual way in. */
  async registers(): Promise<WireMessage> {
    this.sendsRegister({ cseq: 1 })
    const authorization = this.authorization(await this.challenged())
    this.sendsRegister({ cseq: 2, authorization })
    return await this.phone.expects('200')
  }

  via(branch = unique('z9hG4bK')): string {
    return `Via: SIP/2.0/${this.phone.transport} ${this.phone.sentBy};rport;branch=${branch}`
  }
}

/** The answer to a request that reached the phone. */
export function response(request: WireMessage, status: string, ...headers: readonly string[]): string {
  const to = request.header('To')
  return lines(
    `SIP/2.0 ${status}`,
    ...request.headers('Via').map((via) => `Via: ${via}`),
    ...request.headers('Record-Route').map((route) => `Record-Route: ${route}`),
    `From: ${request.header('From')}`,
    `To: ${to.includes(';tag=') ? to : `${to};tag=${unique('tag')}`}`,
    `Call-ID: ${request.header('Call-ID')}`,
    `CSeq: ${request.header('CSeq')}`,
    ...headers,
    'Content-Length: 0',
  )
}

/** A message without a body; null lines are left out. */
export function lines(...each: readonly (string | null)[]): string {
  return `${each.filter((line) => line !== null).join('\n')}\n\n`
}
