// Counts of messages in and out: what the metrics page shows, and where a trace can listen.

import { MethodId } from '../../wasm/layout.ts'
import type { SipMessage } from '../sip/message.ts'
import type { Flow, TransportName } from '../transport/transport.ts'

export type Direction = 'in' | 'out'

/** Hears of every message; only there while somebody watches, as it costs more than all the rest. */
export type Trace = (direction: Direction, bytes: Uint8Array, flow: Flow) => void

const METHODS = Object.keys(MethodId).filter((name) => Number.isNaN(Number(name)))
const METHOD_NUMBERS = new Map(METHODS.map((name, number) => [name, number]))
const TRANSPORTS: readonly TransportName[] = ['udp', 'tcp', 'tls', 'ws', 'wss']
const DIRECTIONS: readonly Direction[] = ['in', 'out']
/** Status classes 1xx to 6xx, and none at 0. */
const CLASSES = 7

export interface MessageCount {
  readonly method: string
  readonly transport: TransportName
  readonly direction: Direction
  readonly count: number
}

export class Traffic {
  readonly #counts = new Float64Array(METHODS.length * TRANSPORTS.length * DIRECTIONS.length)
  readonly #responses = new Float64Array(CLASSES)
  readonly #trace: Trace | null

  constructor(trace: Trace | null) {
    this.#trace = trace
  }

  received(message: SipMessage, flow: Flow): void {
    this.#count(message.cseqMethod, flow, 0)
    this.#trace?.('in', message.bytes, flow)
  }

  /** A response counts under the method of its CSeq, and under its class. */
  sent(method: string, status: number, bytes: Uint8Array, flow: Flow): void {
    this.#count(method, flow, 1)
    if (status > 0) this.#responses[Math.trunc(status / 100)]!++
    this.#trace?.('out', bytes, flow)
  }

  messages(): MessageCount[] {
    const counts: MessageCount[] = []
    this.#counts.forEach((count, at) => {
      if (count === 0) return
      const direction = DIRECTIONS[at % DIRECTIONS.length]!
      const rest = Math.trunc(at / DIRECTIONS.length)
      const transport = TRANSPORTS[rest % TRANSPORTS.length]!
      counts.push({ method: METHODS[Math.trunc(rest / TRANSPORTS.length)]!, transport, direction, count })
    })
    return counts
  }

  /** Responses sent whose status begins with this digit. */
  responses(statusClass: number): number {
    return this.#responses[statusClass]!
  }

  #count(method: string, flow: Flow, direction: 0 | 1): void {
    const number = METHOD_NUMBERS.get(method) ?? 0
    this.#counts[(number * TRANSPORTS.length + TRANSPORTS.indexOf(flow.transport)) * 2 + direction]!++
  }
}
