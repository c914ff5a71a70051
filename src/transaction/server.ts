// Non-INVITE server transaction: RFC 3261 section 17.2.2 (figure 8), RFC 4320.

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
  /** For its 100; let go of once there was an answer, as a transaction may stay for long after it. */
  #request: SipRequest | null
  #state: ServerState = 'trying'
  #last: Buffer | null = null
  #limit: Timer | null

  constructor(home: TransactionHome, key: string, request: SipRequest, flow: Flow) {
    this.#home = home
    this.key = key
    this.method = request.method
    this.size_bytes = request.bytes.length
    this.#request = request
    this.flow = flow
    this.#limit = home.clock.after(LATE_ms, this, TimerName.Trying)
  }

  get state(): ServerState {
    return this.#state
  }

  get answered(): boolean {
    return this.#state === 'completed' || this.#state === 'terminated'
  }

  respond(status: number, bytes: Buffer): void {
    if (this.answered) return
    this.#last = bytes
    if (status < 200) this.#state = 'proceeding'
    else this.#complete()
    this.#home.transmit(this, bytes)
  }

  /** In Trying there is nothing to repeat yet. */
  onRetransmission(): void {
    if (this.#last !== null) this.#home.transmit(this, this.#last)
  }

  onTimer(which: number): void {
    if (which === TimerName.Trying) this.#sayTrying()
    else if (which === TimerName.J || which === TimerName.Silence) this.#terminate()
  }

  /** The asker is out of reach: timer J ends the transaction, its retransmission may reach us until then. */
  onSendFailed(): void {}

  #sayTrying(): void {
    // No figure has it: a request that is never answered must not live for ever. Timer F has ended its other side by
    // then; RFC 4320 section 4.2 lets a late answer fall silently.
    this.#limit = this.#home.clock.after(2 * TRANSACTION_ms - LATE_ms, this, TimerName.Silence)
    if (this.#state !== 'trying' || this.#request === null) return
    this.respond(100, buildResponse(this.#request, 100, { delay_s: LATE_ms / 1000 }))
    this.#request = null
  }

  #complete(): void {
    this.#request = null
    this.#limit?.cancel()
    this.#limit = null
    if (this.flow.reliable) this.#terminate()
    else {
      this.#state = 'completed'
      this.#limit = this.#home.clock.after(TRANSACTION_ms, this, TimerName.J)
    }
  }

  #terminate(): void {
    if (this.#state === 'terminated') return
    this.#state = 'terminated'
    this.#limit?.cancel()
    this.#limit = null
    this.#request = null
    this.#last = null
    this.#home.ended(this)
  }
}
