// Each call leaves one record, which says how the caller was answered: checked when the day is over.

import type { CallRecord } from '../../src/store/store.ts'
import type { RuleHome, WireEvent } from './wire-event.ts'

/** An INVITE outside a dialog that came with a proof. */
interface ProvedCall {
  readonly callId: string
  readonly askedAt_ms: number
  /** Of the first final answer that left; 0 until then, and where the connection was gone by then. */
  status: number
  answeredAt_ms: number
}

/** Longer than a commit may take: what a server had answered so shortly before it went may not be on record. */
const COMMIT_ms = 15_000
/** Answers that nobody but a proved caller gets; the others may also be of before the proof, or of too much at once. */
const TELLING = [200, 404, 480, 486, 603]

export class RecordRule {
  readonly #home: RuleHome
  readonly #calls = new Map<string, ProvedCall>()
  readonly #gone_ms: number[] = []

  constructor(home: RuleHome) {
    this.#home = home
  }

  onArrival({ message, at_ms }: WireEvent): void {
    if (message.method !== 'INVITE' || message.toTag !== '' || this.#calls.has(message.branch)) return
    if (message.headers('Proxy-Authorization').length === 0) return
    this.#calls.set(message.branch, {
      callId: message.callId,
      askedAt_ms: at_ms,
      status: 0,
      answeredAt_ms: 0,
    })
  }

  onSent({ message, at_ms }: WireEvent): void {
    const call = this.#calls.get(message.branch)
    if (call === undefined || call.status !== 0 || message.cseqMethod !== 'INVITE') return
    if (message.status === null || message.status < 200) return
    call.status = message.status
    call.answeredAt_ms = at_ms
  }

  onSecond(): void {}

  onServerGone(): void {
    this.#gone_ms.push(this.#home.clock.monotonic())
  }

  /** `lost`: what the servers of the day counted as such. */
  onDayOver(records: readonly CallRecord[], lost: number): void {
    const calls = Map.groupBy(this.#calls.values(), ({ callId }) => callId)
    const recorded = Map.groupBy(records, ({ callId }) => callId)
    for (const [callId, written] of recorded) {
      const made = calls.get(callId) ?? []
      // The next server knows nothing of an INVITE that is retransmitted to it.
      if (made.some(({ askedAt_ms }) => this.#gone_ms.some((at_ms) => at_ms >= askedAt_ms))) continue
      if (written.length > made.length)
        this.#home.fail(`${written.length} records of ${made.length} calls ${callId}`)
      const [call] = made
      if (made.length === 1 && call?.status !== 0 && call?.status !== written[0]?.status)
        this.#home.fail(`${callId} was answered ${call?.status}, and its record says ${written[0]?.status}`)
    }
    const missing = [...this.#calls.values()].filter(
      (call) => this.#mustBeKept(call) && !recorded.has(call.callId),
    )
    if (missing.length > lost)
      this.#home.fail(`${missing.length} calls without a record, ${lost} lost: ${missing[0]?.callId}`)
  }

  #mustBeKept({ status, answeredAt_ms }: ProvedCall): boolean {
    const gone = this.#gone_ms.some((at_ms) => at_ms >= answeredAt_ms && at_ms < answeredAt_ms + COMMIT_ms)
    return TELLING.includes(status) && !gone
  }
}
