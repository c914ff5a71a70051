// Non-INVITE client transaction: RFC 3261 section 17.1.2 (figure 6). In its state Completed nobody finds
// it any more: timer K is there to absorb answers that come again, and what matches no transaction is dropped anyway.

import type { Timer } from '../clock.ts'
import type { SipResponse } from '../sip/message.ts'
import type { Flow, SendFailure } from '../transport/transport.ts'
import { T1_ms, T2_ms, TimerName, TRANSACTION_ms } from './timer.ts'
import type { ClientUser, TransactionHome } from './transaction.ts'

export type ClientState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export class ClientTransaction {
  readonly kind = 'client'
  readonly method: string
  readonly key: string
  readonly flow: Flow
  readonly bytes: Buffer
  readonly #home: TransactionHome
  readonly #user: ClientUser
  #state: ClientState = 'trying'
  #interval_ms = T1_ms
  #retransmit: Timer | null = null
  #limit: Timer | null = null

  constructor(
    home: TransactionHome,
    key: string,
    method: string,
    bytes: Buffer,
    flow: Flow,
    user: ClientUser,
  ) {
    this.#home = home
    this.key = key
    this.method = method
    this.bytes = bytes
    this.flow = flow
    this.#user = user
  }

  get state(): ClientState {
    return this.#state
  }

  start(): void {
    if (!this.flow.reliable) this.#retransmit = this.#home.clock.after(T1_ms, this, TimerName.E)
    this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.F)
    this.#home.transmit(this, this.bytes)
  }

  onResponse(response: SipResponse): void {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') return
    if (response.status < 200) this.#state = 'proceeding'
    else this.#end('completed')
    this.#user.onResponse(response, this)
  }

  onTimer(which: number): void {
    switch (which) {
      case TimerName.E:
        // Once a provisional answer is there the other side is alive: only T2 from then on.
        this.#interval_ms = this.#state === 'trying' ? Math.min(this.#interval_ms * 2, T2_ms) : T2_ms
        this.#retransmit = this.#home.clock.after(this.#interval_ms, this, TimerName.E)
        this.#home.transmit(this, this.bytes)
        return
      case TimerName.F:
        this.#end('terminated')
        this.#user.onTimeout(this)
        return
    }
  }

  onSendFailed(failure: SendFailure): void {
    if (this.#state !== 'trying' && this.#state !== 'proceeding') return
    this.#end('terminated')
    this.#user.onSendFailed(failure, this)
  }

  #end(state: 'completed' | 'terminated'): void {
    this.#state = state
    this.#retransmit?.cancel()
    this.#limit?.cancel()
    this.#retransmit = null
    this.#limit = null
    this.#home.ended(this)
  }
}
