// The seam between bytes and messages: what a transport is, and what the layers above may ask of it.

import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { LocalAddresses } from './local.ts'

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'

/** A host is a numeric address without brackets; `::ffff:1.2.3.4` never appears, it is written 1.2.3.4. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface ListenAddress extends Address {
  readonly transport: TransportName
}

/** Why bytes did not leave. A value, never an exception: the peer's absence is normal. */
export type SendFailure = 'refused' | 'unreachable' | 'closed' | 'congested' | 'too-large' | 'timeout'

/** Who wants to hear that its bytes did not leave; told later in another turn, once, and never on success. */
export interface Sender {
  onSendFailed(failure: SendFailure): void
}

/**
 * The way to one peer: a UDP socket of ours with an address, or one connection. Cheap for UDP (made per datagram).
 * `send` never throws and never waits. The bytes leave at the end of this turn or when the peer takes them, and not
 * every transport copies them before (UDP does where it has a batch of its own to put them in): from then on nobody may
 * write to them. Sending the same bytes again is fine.
 */
export interface Flow {
  readonly transport: TransportName
  /** RFC 3261 section 17: on a reliable transport nothing is retransmitted. */
  readonly reliable: boolean
  readonly peer: Address
  /** Our own end as Via and Record-Route write it: for a stream the listening address, not an ephemeral port. */
  readonly local: Address
  /** Bytes can still be given to it; also while a connection is being made. */
  readonly open: boolean
  /** The peer will say no more: answers may still leave, but a request would never be answered. */
  readonly lingering: boolean
  /** The same flow has the same key: "udp:127.0.0.1:5060>127.0.0.1:5071"; a connection's key has its number too. */
  readonly key: string
  send(bytes: Uint8Array, sender?: Sender): void
  /**
   * Bytes of this sender have left, and it waits for what they bring: should the connection end meanwhile, it hears
   * `closed`. Nothing on UDP, which has no end.
   */
  attach(sender: Sender): void
  /** It waits no more. */
  detach(sender: Sender): void
}

/** What every transport (UDP, TCP, later TLS and WebSocket, and the simulated one of the tests) gives to the layer. */
export interface Transport {
  readonly name: TransportName
  readonly reliable: boolean
  /** Where it listens, ports resolved, wildcards expanded; another array when addresses came or went. */
  readonly bound: readonly Address[]
  readonly counts: TransportCounts
  /** Rejects, with a sentence for the operator, when an address cannot be listened on. */
  listen(user: TransportUser): Promise<readonly Address[]>
  /**
   * The way to a peer: for UDP from the local address given (or the best one), for a stream an open connection to that
   * peer or a new one. null when no listening address has the peer's address family or the limits forbid it.
   */
  flowTo(peer: Address, local: Address | null): Flow | null
  close(): Promise<void>
}

/** What a transport hands up: whole messages' bytes, its own from then on. */
export interface TransportUser {
  onBytes(bytes: Buffer, flow: Flow): void
  /** For how long more has waited than could be read; 0 once that is over. */
  onBacklog?(lasting_ms: number): void
}

/** Why something that came in was not handed up, or what it cost its sender. */
export type DropReason =
  /** Nothing but white space: keeps a NAT binding alive. */
  | 'keep-alive'
  /** A datagram cut short by the kernel, or from port 0, to which nothing can be answered. */
  | 'malformed'
  /** A stream whose messages cannot be told apart any more. */
  | 'framing'
  /** A message begun and not finished in time. */
  | 'incomplete'
  /** The layers above threw: a bug of ours. */
  | 'handler-threw'

/** Running totals of one transport, read by the metrics page. Plain fields: they are written for each message. */
export class TransportCounts {
  messagesIn = 0
  messagesOut = 0
  bytesIn = 0
  bytesOut = 0
  readonly dropped: Record<DropReason, number> = {
    'keep-alive': 0,
    malformed: 0,
    framing: 0,
    incomplete: 0,
    'handler-threw': 0,
  }
  readonly sendsFailed: Record<SendFailure, number> = {
    refused: 0,
    unreachable: 0,
    closed: 0,
    congested: 0,
    'too-large': 0,
    timeout: 0,
  }
  connectionsOpen = 0
  /** Turned away or not made because of a limit. */
  connectionsRefused = 0
}

/** Where a transport says what the operator should know; a pino logger is one. */
export interface TransportLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** What each transport is built with. */
export interface TransportContext {
  readonly clock: Clock
  readonly limits: Limits
  readonly addresses: LocalAddresses
  readonly log: TransportLog
}
