// Where bytes become messages: parsed, marked with where they came from, counted, and handed to their transaction.

import { Field } from '../../wasm/layout.ts'
import type { SipRequest } from '../sip/message.ts'
import { PROBLEM_NAMES, parseMessage } from '../sip/parse.ts'
import type { Address, Flow, TransportName, TransportUser } from '../transport/transport.ts'
import type { TransactionLayer } from './layer.ts'

/** RFC 3261 section 19.1.2. */
const DEFAULT_PORT = 5060

export interface ReceiverParts {
  /** Code of ours threw while it handled a message; the process goes on. */
  onDefect(error: unknown): void
}

export class Receiver implements TransportUser {
  /** By problem, for the metrics page; indexed as PROBLEM_NAMES. */
  readonly parseFailures = new Float64Array(PROBLEM_NAMES.length)
  readonly #transactions: TransactionLayer
  readonly #parts: ReceiverParts

  constructor(transactions: TransactionLayer, parts: ReceiverParts) {
    this.#transactions = transactions
    this.#parts = parts
  }

  onBytes(bytes: Buffer, flow: Flow): void {
    try {
      this.#receive(bytes, flow)
    } catch (error) {
      this.#parts.onDefect(error)
    }
  }

  onBacklog(lasting_ms: number): void {
    this.#transactions.admission.onBacklog(lasting_ms)
  }

  #receive(bytes: Buffer, flow: Flow): void {
    if (!this.#transactions.admission.scans(bytes.length, flow)) return
    // A WebSocket's message ends by itself, as a datagram does (RFC 7118 section 5.2).
    const isStream = flow.transport === 'tcp' || flow.transport === 'tls'
    const message = parseMessage(bytes, isStream ? 'stream' : 'datagram')
    if (message.kind === 'failure') {
      this.parseFailures[message.problem]!++
      return
    }
    this.#transactions.traffic.received(message, flow)
    if (message.kind === 'response') {
      this.#transactions.receiveResponse(message)
      return
    }
    if (message.problem !== 0) this.parseFailures[message.problem]!++
    message.source = flow.peer
    this.#transactions.receiveRequest(message, flow)
  }
}

/** The way to a peer, or null; TransportLayer has it. */
export type FlowTo = (transport: TransportName, peer: Address, local: Address | null) => Flow | null

/**
 * Where an answer goes (RFC 3261 section 18.2.2, RFC 3581 section 4): back over the connection; over UDP to the port
 * that the request came from when it asked so by `rport`, otherwise to the one in its Via.
 */
export function replyFlow(request: SipRequest, flow: Flow, flowTo: FlowTo): Flow {
  if (flow.reliable ? flow.open : request.index[Field.RportStart] !== 0) return flow
  const port = request.viaPort === 0 ? DEFAULT_PORT : request.viaPort
  if (!flow.reliable && port === flow.peer.port) return flow
  return flowTo(flow.transport, { host: flow.peer.host, port }, flow.local) ?? flow
}
