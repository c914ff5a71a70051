// INVITE server transaction: RFC 3261 section 17.2.1 (figure 7) with the Accepted state of RFC 6026 section 7.1.

import type { Timer } from '../clock.ts'
import type { SipRequest } from '../sip/message.ts'
import { buildResponse } from '../sip/serialize.ts'
import type { Flow } from '../transport/transport.ts'
import { T1_ms, T2_ms, T4_ms, TimerName, TRANSACTION_ms, TRYING_ms } from './timer.ts'
import type { Cancellable, TransactionHome } from './transaction.ts'

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

export class InviteServerTransaction {
  readonly kind = 'invite-server'
  readonly method = 'INVITE'
  readonly key: string
  readonly request: SipRequest
  readonly flow: Flow
  /** Who hears of a CANCEL: the proxy once it has forwarded the request. */
  cancellable: Cancellable | null = null
  readonly #home: TransactionHome
  #state: InviteServerState = 'proceeding'
  #last: Buffer | null = null
  #interval_ms = T1_ms
  #retransmit: Timer | null
  #limit: Timer | null

  constructor(home: TransactionHome, key: string, request: SipRequest, flow: Flow) {
    this.#home = home
    this.key = key
    this.request = request
    this.flow = flow
    this.#retransmit = home.clock.after(TRYING_ms, this, TimerName.Trying)
    this.#limit = home.clock.after(home.inviteSilence_ms, this, TimerName.Silence)
  }

  get size_bytes(): number {
    return this.request.bytes.length
  }

  get state(): InviteServerState {
    return this.#state
  }

  /** A final answer has been given. */
  get answered(): boolean {
    return this.#state !== 'proceeding'
  }

  /** Sends an answer, unless this state forbids it: after a final one only further 2xx pass, and only after a 2xx. */
  respond(status: number, bytes: Buffer): void {
    switch (this.#state) {
      case 'proceeding':
        this.#last = bytes
        this.#stopTimers()
        if (status >= 200) this.#finish(status)
        else this.#limit = this.#home.clock.after(this.#home.inviteSilence_ms, this, TimerName.Silence)
        this.#home.transmit(this, bytes)
        return
      case 'accepted':
        // RFC 6026 section 7.1: each 2xx of the user goes out at once, other answers never.
        if (status >= 200 && status < 300) this.#home.transmit(this, bytes)
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

  /**
   * False when the ACK is the user's: for a 2xx (RFC 6026 section 7.1). Any other is ours: it confirms an answer of
   * 300 to 699, or it means nothing.
   */
  onAck(): boolean {
    if (this.#state === 'accepted') return false
    if (this.#state !== 'completed') return true
    this.#stopTimers()
    this.#last = null
    if (this.flow.reliable) this.#terminate()
    else {
      this.#state = 'confirmed'
      this.#limit = this.#home.clock.after(T4_ms, this, TimerName.I)
    }
    return true
  }

  onTimer(which: number): void {
    switch (which) {
      case TimerName.G:
        this.#interval_ms = Math.min(this.#interval_ms * 2, T2_ms)
        this.#retransmit = this.#home.clock.after(this.#interval_ms, this, TimerName.G)
        if (this.#last !== null) this.#home.transmit(this, this.#last)
        return
      case TimerName.Trying:
        this.respond(100, buildResponse(this.request, 100, { delay_s: TRYING_ms / 1000 }))
        return
      case TimerName.H:
      case TimerName.I:
      case TimerName.L:
      case TimerName.Silence:
        this.#terminate()
        return
    }
  }

  /** The asker is out of reach. Timers H and L end the transaction: its peer may be back before that (18.4). */
  onSendFailed(): void {}

  #finish(status: number): void {
    this.cancellable = null
    if (status < 300) {
      this.#state = 'accepted'
      this.#last = null
      this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.L)
      return
    }
    this.#state = 'completed'
    if (!this.flow.reliable) this.#retransmit = this.#home.clock.after(T1_ms, this, TimerName.G)
    this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.H)
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#stopTimers()
    this.#last = null
    this.#home.ended(this)
  }

  #stopTimers(): void {
    this.#retransmit?.cancel()
    this.#limit?.cancel()
    this.#retransmit = null
    this.#limit = null
  }
}
