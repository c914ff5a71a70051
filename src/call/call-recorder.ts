// Call detail records: a row in `call` for each INVITE of an extension outside a dialog, written when it has its final
// answer, and its end when the BYE comes. Nothing is kept here in between: how far a call has come its fork knows.

import type { Limits } from '../config.ts'
import { accountOf, type Domains } from '../directory/account.ts'
import type { LiveSettings } from '../directory/settings.ts'
import type { CallStage, Fork } from '../proxy/fork.ts'
import type { IdSource } from '../sip/id.ts'
import { MethodId, utf8 } from '../sip/message.ts'
import { rowText } from '../store/row-text.ts'
import type { CallChange, CallRecord, Store } from '../store/store.ts'
import type { AssertedIdentity, Exchange } from '../ua/uas.ts'

export interface CallRecorderParts {
  readonly clock: { now(): number }
  readonly ids: IdSource
  readonly store: Pick<Store, 'commit'>
  readonly domains: Domains
  readonly limits: Pick<Limits, 'callRecordsPending'>
  readonly settings: LiveSettings
}

/** What a record is made of, whoever answered. */
interface Ending {
  readonly outcome: CallRecord['outcome']
  readonly status: number
  readonly why: string
  readonly ringingAt: number | null
  readonly answeredBy: string
}

export class CallRecorder {
  /** Records, and ends of calls, that the database did not take. */
  lost = 0
  readonly #parts: CallRecorderParts
  #pending = 0

  constructor(parts: CallRecorderParts) {
    this.#parts = parts
  }

  stage(stage: CallStage, { exchange, ringingAt, answeredBy, why }: Fork, status: number): void {
    if (!this.#isWanted) return
    if (exchange.request.methodId === MethodId.BYE) {
      // RFC 3261 section 15.1.1: with its BYE a call has ended, however that is answered.
      if (stage === 'calling' && exchange.inDialog) this.#ended(exchange)
      return
    }
    if (stage === 'calling' || stage === 'ringing') return
    this.#record(exchange, { outcome: stage, status, why, ringingAt, answeredBy })
  }

  /** A final answer of the server's own; that of a forwarded call comes as a stage too. */
  answer(exchange: Exchange, status: number, why: string): void {
    if (exchange.forwarded || !this.#isWanted) return
    const outcome = status === 487 ? 'cancelled' : 'failed'
    this.#record(exchange, { outcome, status, why, ringingAt: null, answeredBy: '' })
  }

  /** Asked first: a record that nobody wants is not made. */
  get #isWanted(): boolean {
    return this.#parts.settings.current.callRecords === 'all'
  }

  #record(exchange: Exchange, ending: Ending): void {
    const { asserted, request } = exchange
    if (request.methodId !== MethodId.INVITE || exchange.inDialog || request.hasToTag) return
    // A challenge is no answer: the call comes again with its proof, to us or to the phone that asked for one.
    if (asserted === null || ending.status === 401 || ending.status === 407) return
    this.#write({ kind: 'call', call: this.#recordOf(exchange, asserted, ending) })
  }

  #recordOf(exchange: Exchange, asserted: AssertedIdentity, ending: Ending): CallRecord {
    const now = this.#parts.clock.now()
    const answered = ending.outcome === 'answered'
    return {
      id: this.#parts.ids.uuid(now),
      callId: rowText(utf8(exchange.request.callId)),
      domain: asserted.domain,
      caller: asserted.number,
      callerName: rowText(asserted.displayName),
      dialled: rowText(this.#dialled(exchange, asserted)),
      answeredBy: rowText(utf8(ending.answeredBy)),
      startedAt: exchange.receivedAt,
      ringingAt: ending.ringingAt,
      answeredAt: answered ? now : null,
      endedAt: answered ? null : now,
      outcome: ending.outcome,
      status: ending.status,
      reason: rowText(ending.why),
    }
  }

  /** A name in the caller's own domain, or the URI without the password that it may hold. */
  #dialled({ uri }: Exchange, caller: AssertedIdentity): string {
    const called = accountOf(uri, this.#parts.domains)
    const near = typeof called !== 'string' && called.name !== '' && called.domain.name === caller.domain
    return near ? called.name : utf8(uri.replace(/^(sips?:[^@:]*):[^@]*@/i, '$1@'))
  }

  #ended(exchange: Exchange): void {
    const callId = rowText(utf8(exchange.request.callId))
    this.#write({ kind: 'call-ended', callId, endedAt: exchange.receivedAt })
  }

  /** Not awaited: no call waits for its record. Those that wait must not take the place of registrations. */
  #write(change: CallChange): void {
    if (this.#pending >= this.#parts.limits.callRecordsPending) {
      this.lost++
      return
    }
    this.#pending++
    this.#parts.store
      .commit([change])
      .catch(() => {
        this.lost++
      })
      .finally(() => {
        this.#pending--
      })
  }
}
