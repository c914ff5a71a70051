// INVITE server transaction: RFC 3261 section 17.2.1 (figure 7) with the Accepted state of RFC 6026 section 7.1.
// Its states Confirmed and Accepted, for timers I and L, are records of answered.ts: nobody finds the object any more.

import type { Timer } from '../clock.ts'
import type { SipRequest } from '../sip/message.ts'
import { buildResponse } from '../sip/serialize.ts'
import type { Flow } from '../transport/transport.ts'
import { NOTHING } from './answered.ts'
import { T1_ms, T2_ms, TimerName, TRANSACTION_ms, TRYING_ms } from './timer.ts'
import type { Cancellable, TransactionHome } from './transaction.ts'

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

export class InviteServerTransaction {
  readonly kind = 'invite-server'
  readonly method = 'INVITE'
  readonly key: string
  /** What the layer reckons it to hold. */
  readonly size_bytes: number
  readonly flow: Flow
  /** Who hears of a CANCEL: the proxy once it has forwarded the request. */
  cancellable: Cancellable | null = null
  readonly #home: TransactionHome
  /** For the answers that it may need; let go of with the final one. */
  #request: SipRequest | null
  #state: InviteServerState = 'proceeding'
  #last: Buffer | null = null
  #interval_ms = T1_ms
  /** The user's last provisional answer: the timer for silence is not set anew for each. */
  #heardAt_ms = 0
  #acceptedAt_ms: number | null = null
  #retransmit: Timer | null = null
  #limit: Timer | null = null

  constructor(home: TransactionHome, key: string, request: SipRequest, flow: Flow) {
    this.#home = home
    this.key = key
    this.#request = request
    this.size_bytes = request.bytes.length
    this.flow = flow
  }

  /** null once it has its final answer. */
  get request(): SipRequest | null {
    return this.#request
  }

  get state(): InviteServerState {
    return this.#state
  }

  get acceptedAt_ms(): number | null {
    return this.#acceptedAt_ms
  }

  /** It is in no table any more. */
  get ended(): boolean {
    return this.#state !== 'proceeding' && this.#state !== 'completed'
  }

  /** A final answer has been given. */
  get answered(): boolean {
    return this.#state !== 'proceeding'
  }

  /** The user has not given a final answer at once: from now on it is waited for. */
  wait(): void {
    const { clock } = this.#home
    this.#heardAt_ms = clock.monotonic()
    if (this.#last === null) this.#retransmit = clock.after(TRYING_ms, this, TimerName.Trying)
    this.#limit = clock.after(this.#home.inviteSilence_ms, this, TimerName.Silence)
  }

  /** Sends an answer, unless this state forbids it: after a final one only further 2xx pass, and only after a 2xx. */
  respond(status: number, bytes: Buffer): void {
    switch (this.#state) {
      case 'proceeding':
        this.#last = bytes
        this.#retransmit?.cancel()
        this.#retransmit = null
        if (status >= 200) this.#finish(status)
        else this.#heardAt_ms = this.#home.clock.monotonic()
        this.#home.transmit(this, bytes)
        return
      case 'accepted':
        // RFC 6026 section 7.1: each 2xx of the user goes out at once, other answers never.
        if (status >= 200 && status < 300 && this.#isInTimeL) this.#home.transmit(this, bytes)
        return
      case 'completed':
      case 'confirmed':
      case 'terminated':
        return
    }
  }

  onRetransmission(): void {
    if (this.#state !== 'proceeding' && this.#state !== 'completed') return
    if (this.#last !== null) this.#home.transmit(this, this.#last)
  }

  /** It confirms an answer of 300 to 699, or it means nothing. */
  onAck(): void {
    if (this.#state !== 'completed') return
    const last = this.#last
    this.#end(this.flow.reliable ? 'terminated' : 'confirmed')
    // What is repeated now is absorbed in silence: an ACK tells this record from that of a 2xx, which has no bytes.
    if (!this.flow.reliable && last !== null) this.#home.keep(this, this.flow, last)
  }

  onTimer(which: number): void {
    switch (which) {
      case TimerName.G:
        this.#interval_ms = Math.min(this.#interval_ms * 2, T2_ms)
        this.#retransmit = this.#home.clock.after(this.#interval_ms, this, TimerName.G)
        if (this.#last !== null) this.#home.transmit(this, this.#last)
        return
      case TimerName.Trying:
        if (this.#request === null) return
        this.respond(100, buildResponse(this.#request, 100, { delay_s: TRYING_ms / 1000 }))
        return
      case TimerName.H:
        this.#end('terminated')
        return
      case TimerName.Silence: {
        const { clock, inviteSilence_ms } = this.#home
        const left_ms = this.#heardAt_ms + inviteSilence_ms - clock.monotonic()
        if (left_ms > 0) this.#limit = clock.after(left_ms, this, TimerName.Silence)
        else this.#end('terminated')
        return
      }
    }
  }

  /** The asker is out of reach. Timer H ends the transaction: its peer may be back before that (18.4). */
  onSendFailed(): void {}

  get #isInTimeL(): boolean {
    return this.#home.clock.monotonic() - (this.#acceptedAt_ms ?? 0) < TRANSACTION_ms
  }

  #finish(status: number): void {
    this.cancellable = null
    this.#request = null
    this.#limit?.cancel()
    if (status < 300) {
      this.#end('accepted')
      this.#acceptedAt_ms = this.#home.clock.monotonic()
      this.#home.keep(this, this.flow, NOTHING)
      return
    }
    this.#state = 'completed'
    if (!this.flow.reliable) this.#retransmit = this.#home.clock.after(T1_ms, this, TimerName.G)
    this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.H)
  }

  #end(state: 'accepted' | 'confirmed' | 'terminated'): void {
    this.#state = state
    this.#stopTimers()
    this.#last = null
    this.#request = null
    this.#home.ended(this)
  }

  #stopTimers(): void {
    this.#retransmit?.cancel()
    this.#limit?.cancel()
    this.#retransmit = null
    this.#limit = null
  }
}
