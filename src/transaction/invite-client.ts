// INVITE client transaction: RFC 3261 section 17.1.1 (figure 5) with the Accepted state of RFC 6026 section 7.2.
// Its states Completed and Accepted, for timers D and M, are records of answered.ts: nobody finds the object any more.

import type { Timer } from '../clock.ts'
import type { SipRequest, SipResponse } from '../sip/message.ts'
import { parseMessage } from '../sip/parse.ts'
import { buildAck } from '../sip/serialize.ts'
import type { Flow, SendFailure } from '../transport/transport.ts'
import { NOTHING } from './answered.ts'
import { T1_ms, TimerName, TRANSACTION_ms } from './timer.ts'
import type { ClientUser, TransactionHome } from './transaction.ts'

export type InviteClientState = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated'

export class InviteClientTransaction {
  readonly kind = 'invite-client'
  readonly method = 'INVITE'
  readonly key: string
  readonly flow: Flow
  readonly #home: TransactionHome
  readonly #user: ClientUser
  #state: InviteClientState = 'calling'
  /** As it was sent, to be sent again; let go of with a 2xx. */
  #bytes: Buffer | null
  #interval_ms = T1_ms
  /** The last provisional answer: the timer for silence is not set anew for each. */
  #heardAt_ms = 0
  #retransmit: Timer | null = null
  #limit: Timer | null = null

  constructor(home: TransactionHome, key: string, bytes: Buffer, flow: Flow, user: ClientUser) {
    this.#home = home
    this.key = key
    this.#bytes = bytes
    this.flow = flow
    this.#user = user
  }

  get state(): InviteClientState {
    return this.#state
  }

  /** What an ACK or a CANCEL is made of: seldom needed, so read when it is. null once there is a 2xx. */
  get request(): SipRequest | null {
    const read = this.#bytes === null ? null : parseMessage(this.#bytes)
    return read?.kind === 'request' ? read : null
  }

  start(): void {
    if (!this.flow.reliable) this.#retransmit = this.#home.clock.after(T1_ms, this, TimerName.A)
    this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.B)
    this.#sendInvite()
  }

  onResponse(response: SipResponse): void {
    switch (this.#state) {
      case 'calling':
      case 'proceeding':
        if (response.status < 200) this.#provisional(response)
        else if (response.status < 300) this.#accept(response)
        else this.#complete(response)
        return
      case 'completed':
      case 'accepted':
      case 'terminated':
        return
    }
  }

  onTimer(which: number): void {
    switch (which) {
      case TimerName.A:
        this.#interval_ms *= 2
        this.#retransmit = this.#home.clock.after(this.#interval_ms, this, TimerName.A)
        this.#sendInvite()
        return
      case TimerName.Silence: {
        const { clock, inviteSilence_ms } = this.#home
        const left_ms = this.#heardAt_ms + inviteSilence_ms - clock.monotonic()
        if (left_ms > 0) this.#limit = clock.after(left_ms, this, TimerName.Silence)
        else this.#giveUp()
        return
      }
      case TimerName.B:
        this.#giveUp()
        return
    }
  }

  /** Of the ACK it means nothing: the user has its answer. */
  onSendFailed(failure: SendFailure): void {
    if (this.#state !== 'calling') return
    this.#end('terminated')
    this.#user.onSendFailed(failure, this)
  }

  /** The user gives up waiting for an answer that a CANCEL should have brought (section 9.1: 64*T1 after it). */
  abandon(): void {
    if (this.#state === 'calling' || this.#state === 'proceeding') this.#end('terminated')
  }

  #giveUp(): void {
    this.#end('terminated')
    this.#user.onTimeout(this)
  }

  #sendInvite(): void {
    if (this.#bytes !== null) this.#home.transmit(this, this.#bytes)
  }

  #provisional(response: SipResponse): void {
    this.#heardAt_ms = this.#home.clock.monotonic()
    if (this.#state === 'calling') {
      this.#stopTimers()
      this.#state = 'proceeding'
      this.#limit = this.#home.clock.after(this.#home.inviteSilence_ms, this, TimerName.Silence)
    }
    this.#user.onResponse(response, this)
  }

  #accept(response: SipResponse): void {
    this.#end('accepted')
    const { upstream } = this.#user
    if (upstream !== null) this.#home.keep(this, upstream.flow, NOTHING, upstream.acceptedAt_ms)
    this.#user.onResponse(response, this)
  }

  #complete(response: SipResponse): void {
    const { request } = this
    if (request === null) throw new Error('an INVITE that was sent cannot be read')
    const ack = buildAck(request, response)
    this.#end(this.flow.reliable ? 'terminated' : 'completed')
    this.#home.transmit(this, ack)
    if (!this.flow.reliable) this.#home.keep(this, this.flow, ack)
    this.#user.onResponse(response, this)
  }

  #end(state: 'accepted' | 'completed' | 'terminated'): void {
    this.#state = state
    this.#bytes = null
    this.#stopTimers()
    this.#home.ended(this)
  }

  #stopTimers(): void {
    this.#retransmit?.cancel()
    this.#limit?.cancel()
    this.#retransmit = null
    this.#limit = null
  }
}
