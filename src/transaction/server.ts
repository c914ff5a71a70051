// Non-INVITE server transaction: RFC 3261 section 17.2.2 (figure 8), RFC 4320. Its state Completed, for timer J, is a
// record of answered.ts: the object is done with once it has answered.

import type { Timer } from '../clock.ts'
import type { SipRequest } from '../sip/message.ts'
import { buildResponse } from '../sip/serialize.ts'
import type { Flow } from '../transport/transport.ts'
import { LATE_ms, TimerName, TRANSACTION_ms } from './timer.ts'
import type { TransactionHome } from './transaction.ts'

export type ServerState = 'trying' | 'proceeding' | 'completed' | 'terminated'

export class ServerTransaction {
  readonly kind = 'server'
  readonly key: string
  readonly method: string
  readonly flow: Flow
  /** What the layer reckons it to hold. */
  readonly size_bytes: number
  readonly #home: TransactionHome
  /** For its 100. */
  #request: SipRequest | null
  #state: ServerState = 'trying'
  #last: Buffer | null = null
  #limit: Timer | null = null

  constructor(home: TransactionHome, key: string, request: SipRequest, flow: Flow) {
    this.#home = home
    this.key = key
    this.method = request.method
    this.size_bytes = request.bytes.length
    this.#request = request
    this.flow = flow
  }

  get state(): ServerState {
    return this.#state
  }

  get answered(): boolean {
    return this.#state === 'completed' || this.#state === 'terminated'
  }

  /** The user has not answered at once, as it mostly does: from now on its answer is waited for. */
  wait(): void {
    this.#limit = this.#home.clock.after(LATE_ms, this, TimerName.Trying)
  }

  respond(status: number, bytes: Buffer): void {
    if (this.answered) return
    if (status < 200) {
      this.#last = bytes
      this.#state = 'proceeding'
    } else {
      this.#end('completed')
      // Timer J is 0 on a reliable transport.
      if (!this.flow.reliable) this.#home.keep(this, this.flow, bytes)
    }
    this.#home.transmit(this, bytes)
  }

  /** In Trying there is nothing to repeat yet. */
  onRetransmission(): void {
    if (this.#last !== null) this.#home.transmit(this, this.#last)
  }

  onTimer(which: number): void {
    if (which === TimerName.Trying) this.#sayTrying()
    else if (which === TimerName.Silence) this.#end('terminated')
  }

  /** The asker is out of reach; its retransmission may reach us. */
  onSendFailed(): void {}

  #sayTrying(): void {
    // No figure has it: a request that is never answered must not live for ever. Timer F has ended its other side by
    // then; RFC 4320 section 4.2 lets a late answer fall silently.
    this.#limit = this.#home.clock.after(2 * TRANSACTION_ms - LATE_ms, this, TimerName.Silence)
    if (this.#state !== 'trying' || this.#request === null) return
    this.respond(100, buildResponse(this.#request, 100, { delay_s: LATE_ms / 1000 }))
    this.#request = null
  }

  #end(state: 'completed' | 'terminated'): void {
    if (this.answered) return
    this.#state = state
    this.#limit?.cancel()
    this.#limit = null
    this.#request = null
    this.#last = null
    this.#home.ended(this)
  }
}
