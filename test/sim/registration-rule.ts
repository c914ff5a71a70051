// Acknowledged registrations are kept over a crash and called; none is called after its time (RFC 3261 section 10.3).

import type { Server } from '../../src/server.ts'
import type { BindingRecord } from '../../src/store/store.ts'
import type { AnswerRule, Asked } from './answer-rule.ts'
import type { BranchRule } from './branch-rule.ts'
import { hostOf, type SipText, userOf } from './sip-text.ts'
import type { Rule, RuleHome, WireEvent } from './wire-event.ts'

/** What the wire says of one phone's binding. Times are of the monotonic clock, ms. */
interface Known {
  readonly number: string
  /** A 200 promised it until then. */
  kept_ms: number
  keptSince_ms: number
  /** No later than then can it still be there. */
  possible_ms: number
  /** Of the last REGISTER that came, until it is answered. */
  branch: string
}

export interface RegistrationHome extends RuleHome {
  stored(): readonly BindingRecord[]
}

/** A record is looked up for so long at most before the registrar reckons the expiry. */
const LOOKUP_ms = 3100
/** Seconds are written whole. */
const WHOLE_ms = 1000

export class RegistrationRule implements Rule {
  readonly #home: RegistrationHome
  readonly #answers: AnswerRule
  readonly #branches: BranchRule
  readonly #known = new Map<string, Known>()
  /** Branches of the INVITEs that the server has sent: it may repeat them for longer than a binding lives. */
  readonly #rung = new Set<string>()
  /** Branches of the REGISTERs that came: what is repeated changes nothing. */
  readonly #registering = new Set<string>()
  #started_ms = 0

  constructor(home: RegistrationHome, answers: AnswerRule, branches: BranchRule) {
    this.#home = home
    this.#answers = answers
    this.#branches = branches
  }

  /** Bindings that may be in the location, with those that wait for its next sweep. */
  get possibleCount(): number {
    const now_ms = this.#home.clock.monotonic()
    // What expired while no server ran goes at the first sweep.
    if (now_ms <= this.#started_ms + WHOLE_ms) return Number.POSITIVE_INFINITY
    return this.#known
      .values()
      .reduce((n, { possible_ms }) => n + (possible_ms + WHOLE_ms >= now_ms ? 1 : 0), 0)
  }

  onServerStarted(server: Server): void {
    const now_ms = this.#home.clock.monotonic()
    this.#started_ms = now_ms
    for (const [host, { number, kept_ms }] of this.#known) {
      if (kept_ms <= now_ms) continue
      const record = this.#home.stored().find(({ contact }) => hostOf(contact) === host)
      const found = record === undefined ? [] : server.location.of(record.extensionId)
      if (!found.some(({ contact }) => hostOf(contact) === host)) {
        this.#home.fail(`the acknowledged registration of ${host} (${number}) was lost by a restart`)
      }
    }
  }

  onArrival({ message, host, at_ms }: WireEvent): void {
    if (message.method !== 'REGISTER' || message.headers('Authorization').length === 0) return
    if (this.#registering.has(message.branch)) return
    this.#registering.add(message.branch)
    const expires_ms = expiresOf(message)
    const number = userOf(message.header('To'))
    const known = this.#known.get(host) ?? { number, kept_ms: 0, keptSince_ms: 0, possible_ms: 0, branch: '' }
    this.#known.set(host, known)
    known.branch = message.branch
    // It may be carried out without its answer ever coming.
    known.kept_ms = Math.min(known.kept_ms, at_ms + expires_ms)
    if (expires_ms > 0) known.possible_ms = Math.max(known.possible_ms, at_ms + expires_ms + LOOKUP_ms)
  }

  onSent({ message, host, at_ms }: WireEvent): void {
    if (message.status === 200 && message.cseqMethod === 'REGISTER') this.#onRegistered(message, host, at_ms)
    else if (message.method === 'INVITE' && message.toTag === '') this.#onRings(message, host, at_ms)
    else if (message.status === 480) this.#onUnavailable(message)
  }

  onSecond(): void {}

  onServerGone(): void {}

  #onRegistered(answer: SipText, host: string, at_ms: number): void {
    const known = this.#known.get(host)
    if (known === undefined || known.branch !== answer.branch) return
    known.branch = ''
    const own = answer.headers('Contact').find((contact) => hostOf(contact) === host)
    if (own === undefined) {
      known.possible_ms = 0
      known.kept_ms = 0
      return
    }
    const granted_ms = expiresIn(own)
    known.kept_ms = at_ms + granted_ms - WHOLE_ms
    known.possible_ms = at_ms + granted_ms
    known.keptSince_ms = at_ms
    const until_ms = this.#home.clock.now() + granted_ms - WHOLE_ms
    const stored = this.#home
      .stored()
      .some((row) => hostOf(row.contact) === host && row.expiresAt >= until_ms)
    if (!stored) this.#home.fail(`200 to the REGISTER of ${host} before it is durable`)
  }

  #onRings(invite: SipText, host: string, at_ms: number): void {
    if (this.#rung.has(invite.branch)) return
    this.#rung.add(invite.branch)
    const possible_ms = this.#known.get(host)?.possible_ms ?? 0
    if (possible_ms < at_ms) this.#home.fail(`${host} is called after its binding has expired`)
    const asked = this.#answers.find(invite.callId, invite.cseq, 'INVITE', invite.fromTag)
    if (asked === null) return
    this.#expectAll(asked, userOf(asked.request.requestUri), at_ms)
  }

  /** Nobody rang: then nobody may be registered. */
  #onUnavailable(answer: SipText): void {
    const { callId, cseq, cseqMethod, fromTag } = answer
    const asked = this.#answers.find(callId, cseq, cseqMethod, fromTag)
    if (asked === null || asked.request.toTag !== '' || this.#branches.hostsOf(asked).length > 0) return
    this.#expectAll(asked, userOf(asked.request.requestUri), this.#home.clock.monotonic())
  }

  /** Every acknowledged contact of the number is called. */
  #expectAll(asked: Asked, number: string, at_ms: number): void {
    for (const [host, known] of this.#known) {
      const due = known.number === number && known.kept_ms > at_ms && known.keptSince_ms < asked.at_ms
      if (!due) continue
      const holds = () => this.#branches.hostsOf(asked).includes(host)
      this.#home.expect(
        holds,
        `a call to ${number} does not reach ${host}, whose registration was acknowledged`,
      )
    }
  }
}

function expiresOf(register: SipText): number {
  return expiresIn(register.header('Contact'))
}

function expiresIn(contact: string): number {
  return Number(/;expires=(\d+)/.exec(contact)?.[1] ?? 0) * 1000
}
