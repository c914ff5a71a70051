// The transactions of a simulated phone (RFC 3261 section 17 with RFC 6026), so that it survives what a network does.

import type { Clock, Timer, Wakeable } from '../../src/clock.ts'
import type { Address } from '../../src/transport/transport.ts'
import { hopByHopText, type SipText } from './sip-text.ts'

const T1_ms = 500
const T2_ms = 4000
const T4_ms = 5000
const TRANSACTION_ms = 64 * T1_ms
/** An INVITE that was heard of rings for longer than any timer C and CANCEL's limit; then the phone has had enough. */
const PATIENCE_ms = 400_000

export interface Line {
  readonly clock: Clock
  readonly reliable: boolean
  /** null: to the server. */
  send(text: string, to: Address | null): void
}

export interface ResponseUser {
  /** All but the retransmissions of a final answer that is no 2xx to an INVITE. */
  onResponse(response: SipText): void
  onTimeout(): void
}

enum Wake {
  Repeat = 0,
  Limit = 1,
}

export class UacTransaction implements Wakeable {
  readonly request: SipText
  readonly #line: Line
  readonly #user: ResponseUser
  readonly #onEnded: () => void
  readonly #invite: boolean
  #state: 'trying' | 'proceeding' | 'accepted' | 'completed' = 'trying'
  #interval_ms = T1_ms
  #repeat: Timer | null = null
  #limit: Timer

  constructor(line: Line, request: SipText, user: ResponseUser, onEnded: () => void) {
    this.#line = line
    this.request = request
    this.#user = user
    this.#onEnded = onEnded
    this.#invite = request.method === 'INVITE'
    this.#limit = line.clock.after(TRANSACTION_ms, this, Wake.Limit)
    this.#repeatLater()
    line.send(request.text, null)
  }

  onResponse(response: SipText): void {
    const status = response.status ?? 0
    if (this.#state === 'completed') {
      if (this.#invite && status >= 300) this.#ack(response)
      return
    }
    if (this.#state === 'accepted') {
      if (status >= 200 && status < 300) this.#user.onResponse(response)
      return
    }
    if (status < 200) this.#onProvisional()
    else this.#onFinal(response, status)
    this.#user.onResponse(response)
  }

  onTimer(which: number): void {
    if (which === Wake.Repeat) {
      const most = this.#invite ? Number.POSITIVE_INFINITY : T2_ms
      this.#interval_ms = this.#state === 'proceeding' ? T2_ms : Math.min(this.#interval_ms * 2, most)
      this.#repeatLater()
      this.#line.send(this.request.text, null)
      return
    }
    const waiting = this.#state === 'trying' || this.#state === 'proceeding'
    this.end()
    if (waiting) this.#user.onTimeout()
  }

  end(): void {
    this.#repeat?.cancel()
    this.#limit.cancel()
    this.#onEnded()
  }

  #onProvisional(): void {
    this.#state = 'proceeding'
    if (!this.#invite) return
    this.#repeat?.cancel()
    this.#endAfter(PATIENCE_ms)
  }

  #onFinal(response: SipText, status: number): void {
    this.#repeat?.cancel()
    this.#state = this.#invite && status < 300 ? 'accepted' : 'completed'
    if (this.#invite && status >= 300) this.#ack(response)
    // Timers D and M, and K.
    this.#endAfter(this.#invite ? TRANSACTION_ms : T4_ms)
  }

  #ack(refusal: SipText): void {
    this.#line.send(hopByHopText('ACK', this.request, refusal.header('To')).text, null)
  }

  #repeatLater(): void {
    if (!this.#line.reliable) this.#repeat = this.#line.clock.after(this.#interval_ms, this, Wake.Repeat)
  }

  #endAfter(ms: number): void {
    this.#limit.cancel()
    this.#limit = this.#line.clock.after(ms, this, Wake.Limit)
  }
}

export class UasTransaction implements Wakeable {
  readonly request: SipText
  readonly #line: Line
  readonly #from: Address
  readonly #onEnded: () => void
  readonly #invite: boolean
  #last: string | null = null
  #status = 0
  #interval_ms = T1_ms
  #repeat: Timer | null = null
  #limit: Timer | null = null
  /** Nobody acknowledged the 2xx (section 13.3.1.4). */
  onNoAck: (() => void) | null = null

  constructor(line: Line, request: SipText, from: Address, onEnded: () => void) {
    this.#line = line
    this.request = request
    this.#from = from
    this.#onEnded = onEnded
    this.#invite = request.method === 'INVITE'
  }

  get answered(): boolean {
    return this.#status >= 200
  }

  respond(status: number, text: string): void {
    if (this.answered) return
    this.#last = text
    this.#status = status
    this.#line.send(text, this.#from)
    if (status < 200) return
    this.#limit = this.#line.clock.after(TRANSACTION_ms, this, Wake.Limit)
    // A 2xx to an INVITE is repeated end to end, also over streams.
    if (this.#invite && (status < 300 || !this.#line.reliable)) this.#repeatLater()
  }

  onRetransmission(): void {
    if (this.#last !== null) this.#line.send(this.#last, this.#from)
  }

  /** Its own, or the one from end to end. */
  onAck(): void {
    this.#repeat?.cancel()
    this.#repeat = null
    this.onNoAck = null
  }

  onTimer(which: number): void {
    if (which === Wake.Repeat) {
      this.#interval_ms = Math.min(this.#interval_ms * 2, T2_ms)
      this.#repeatLater()
      this.onRetransmission()
      return
    }
    this.end()
    if (this.#status < 300) this.onNoAck?.()
  }

  end(): void {
    this.#repeat?.cancel()
    this.#limit?.cancel()
    this.#onEnded()
  }

  #repeatLater(): void {
    this.#repeat = this.#line.clock.after(this.#interval_ms, this, Wake.Repeat)
  }
}
