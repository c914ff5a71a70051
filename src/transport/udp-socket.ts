// One UDP socket of ours: takes and sends many datagrams in one call, and lets none suffer for another one's peer.
//
// On Linux the kernel is asked by the C library, and Bun only says when there is something to read (decoy.ts): 5.1 us
// of CPU time for a datagram received and answered instead of 7.6; a loop in C takes 4.7. Bun has its socket back
// whenever only it can help: until it has found the new socket writable, and while the kernel has no room for what is
// to be sent. On other systems it keeps it. Datagrams are handed up as they are read, and never stored: so they stay in
// order whoever reads them.

import { type Family, unmapped } from '../sip/host.ts'
import { DatagramBatch } from './datagram-batch.ts'
import { DatagramQueue, SendReport } from './datagram-queue.ts'
import { hasDatagramRings, ReceiveRing } from './datagram-ring.ts'
import { Decoy } from './decoy.ts'
import type { LocalAddress } from './local.ts'
import { ignoreIcmpErrors, raiseReceiveBuffer } from './socket-option.ts'
import type { Address, Sender, SendFailure, TransportContext, TransportCounts } from './transport.ts'
import { type FlowSocket, FlowTable, UdpFlow } from './udp-flow.ts'

/** What fits into one datagram: 65535 less the headers of UDP and IPv4, or of UDP alone. */
const PAYLOAD_BYTES_MAX = { 4: 65507, 6: 65527 } as const

/** No datagram costs less: keeps a clock that stood still from promising any number of them. */
const DATAGRAM_MS_MIN = 0.001

/** Straight to the kernel where that can be, or by Bun. */
export type DatagramPath = 'kernel' | 'runtime'

export interface DatagramUser {
  /** Does not throw. */
  onDatagram(bytes: Buffer, flow: UdpFlow): void
  /** A socket's `backlog_ms` may be another one now. */
  onBacklog(): void
}

export interface UdpSocketParts {
  readonly user: DatagramUser
  readonly context: TransportContext
  readonly counts: TransportCounts
  readonly path: DatagramPath
}

type Socket = Bun.udp.Socket<'buffer'>

/** Made when the first socket of its family needs it. */
const receiveRings: { 4?: ReceiveRing; 6?: ReceiveRing } = {}

export class UdpSocket implements FlowSocket {
  readonly local: LocalAddress
  readonly #parts: UdpSocketParts
  readonly #flows: FlowTable
  readonly #report: SendReport
  /** For Bun to send; empty while there is a decoy. */
  readonly #queue: DatagramQueue
  readonly #mayTakeOver: boolean
  /** For the kernel; empty while there is none. */
  #batch: DatagramBatch | null = null
  #decoy: Decoy | null = null
  #socket: Socket | null = null
  #address: Address
  #flushDue = false
  /** Bun waits for it to become writable: as it does at first, and when it could not send all. */
  #awaitsDrain = true
  /** Datagrams are being handed up: what they bring forth is sent when they are done. */
  #receiving = false
  /** Since when more has waited than could be read within a turn; null while all that comes is read at once. */
  #backlogSince_ms: number | null = null
  #backlog_ms = 0
  /** What one of the last ones cost. */
  #datagram_ms = DATAGRAM_MS_MIN
  readonly #flush = (): void => this.#sendWaiting()

  private constructor(local: LocalAddress, parts: UdpSocketParts) {
    this.local = local
    this.#parts = parts
    this.#report = new SendReport(parts.context, parts.counts)
    this.#queue = new DatagramQueue(this.#report)
    this.#flows = new FlowTable(this, parts.context.limits.udpFlows_entries)
    this.#mayTakeOver = parts.path === 'kernel' && hasDatagramRings
    this.#address = { host: local.host, port: 0 }
  }

  /** Rejects with the system's error when the address cannot be bound. */
  static async bind(local: LocalAddress, port: number, parts: UdpSocketParts): Promise<UdpSocket> {
    const udp = new UdpSocket(local, parts)
    const socket = await Bun.udpSocket({
      hostname: local.host,
      port,
      socket: {
        data: (_socket, bytes, peerPort, peerHost, flags) =>
          udp.#receive(bytes, peerPort, peerHost, flags.truncated),
        drain: () => udp.#onDrain(),
        // Without this handler the first error would end the process.
        error: () => udp.#onError(),
      },
    })
    udp.#open(socket)
    return udp
  }

  get address(): Address {
    return this.#address
  }

  get family(): Family {
    return this.local.family
  }

  get open(): boolean {
    return this.#socket !== null
  }

  /** For how long it has not been read empty. The loop is on time all the while, as each turn has its bound. */
  get backlog_ms(): number {
    return this.#backlog_ms
  }

  /** Which way datagrams go now. */
  get path(): DatagramPath {
    return this.#decoy === null ? 'runtime' : 'kernel'
  }

  /** `peer` is canonical and of this socket's family. */
  flowTo(peer: Address): UdpFlow {
    return this.#flows.to(peer)
  }

  send(bytes: Uint8Array, flow: UdpFlow, sender?: Sender): void {
    const refusal = this.#refusal(bytes)
    if (refusal !== null) {
      this.#report.failed(refusal, sender)
      return
    }
    this.#enqueue(bytes, flow, sender)
    if (this.#flushDue || this.#receiving) return
    this.#flushDue = true
    this.#parts.context.clock.soon(this.#flush)
  }

  close(): void {
    this.#sendWaiting()
    this.#giveBack()
    this.#socket?.close()
    this.#socket = null
    this.#queue.abandon()
  }

  get #waiting(): number {
    return this.#queue.size + (this.#batch?.size ?? 0)
  }

  #refusal(bytes: Uint8Array): SendFailure | null {
    if (this.#socket === null) return 'closed'
    if (bytes.length > PAYLOAD_BYTES_MAX[this.local.family]) return 'too-large'
    return this.#waiting < this.#parts.context.limits.udpSendQueue_datagrams ? null : 'congested'
  }

  #open(socket: Socket): void {
    this.#socket = socket
    this.#address = { host: this.local.host, port: socket.port }
    const { log, limits } = this.#parts.context
    const fd = descriptorOf(socket)
    if (fd === null || process.platform !== 'linux') return
    if (!ignoreIcmpErrors(fd)) log.warn({ address: this.#address }, 'ICMP errors could not be switched off')
    if (!raiseReceiveBuffer(fd, limits.udpReceiveBuffer_bytes)) {
      log.warn({ address: this.#address }, 'the receive buffer could not be enlarged')
    }
  }

  #receive(bytes: Buffer, peerPort: number, peerHost: string, truncated: boolean): void {
    // Port 0 can be forged, and nothing can be sent to it.
    if (truncated || peerPort === 0) {
      this.#parts.counts.dropped.malformed++
      return
    }
    this.#parts.user.onDatagram(bytes, new UdpFlow(this, { host: unmapped(peerHost), port: peerPort }))
  }

  #onError(): void {
    if (this.#decoy !== null) this.#receiveAll(this.#decoy)
    // ICMP errors, where they cannot be switched off: they belong to no datagram that could still be told.
    else this.#parts.counts.sendsFailed.refused++
  }

  /** Within its share of a turn. Should more wait, Bun's loop comes back for it after all else has had its turn. */
  #receiveAll(decoy: Decoy): void {
    const { clock, limits } = this.#parts.context
    const ring = receiveRing(this.family)
    const begun_ms = clock.monotonic()
    let now_ms = begun_ms
    const end_ms = now_ms + limits.udpTurn_ms
    let left = limits.udpTurn_datagrams
    let full = false
    this.#receiving = true
    while (left > 0 && now_ms < end_ms && this.#decoy === decoy) {
      // What is read must be handled: no more than there is time for, if they cost what the last ones did.
      const affordable = Math.ceil((end_ms - now_ms) / this.#datagram_ms)
      const asked = Math.min(left, affordable, ring.size)
      const count = ring.receive(decoy.fd, asked)
      full = count === asked
      if (count === 0) break
      for (let slot = 0; slot < count && this.open; slot++) this.#handUp(ring, slot)
      this.#sendWaiting()
      const before_ms = now_ms
      now_ms = clock.monotonic()
      this.#datagram_ms = Math.max(DATAGRAM_MS_MIN, (now_ms - before_ms) / count)
      left -= count
    }
    this.#receiving = false
    // The turn is over; most times the last one that was read for it was the last that waited, too.
    const hasMore = full && this.#decoy === decoy && ring.hasMore(decoy.fd)
    this.#tellBacklog(hasMore ? (this.#backlogSince_ms ?? begun_ms) : null, now_ms)
  }

  #tellBacklog(since_ms: number | null, now_ms: number): void {
    if (since_ms === null && this.#backlogSince_ms === null) return
    this.#backlogSince_ms = since_ms
    this.#backlog_ms = since_ms === null ? 0 : now_ms - since_ms
    this.#parts.user.onBacklog()
  }

  #handUp(ring: ReceiveRing, slot: number): void {
    const flow = this.#flows.at(ring.words, ring.nameAt(slot))
    if (flow.peer.port === 0 || ring.isCut(slot)) this.#parts.counts.dropped.malformed++
    else this.#parts.user.onDatagram(ring.bytesOf(slot), flow)
  }

  #enqueue(bytes: Uint8Array, flow: UdpFlow, sender: Sender | undefined): void {
    const batch = this.#decoy === null ? null : this.#batch
    if (batch === null) {
      this.#queue.push(bytes, flow, sender)
      if (this.#queue.hasBatch) this.#sendWaiting()
    } else if (batch.put(bytes, flow, sender)) {
      if (batch.isFull) this.#sendWaiting()
    } else {
      this.#sendWaiting()
      // Empty now, whichever of the two it is.
      this.#enqueue(bytes, flow, sender)
    }
  }

  #sendWaiting(): void {
    this.#flushDue = false
    if (this.#socket === null) return
    if (this.#decoy !== null && this.#batch !== null) {
      if (this.#batch.sendBy(this.#decoy.fd, this.#queue)) return
      this.#giveBack()
    }
    if (!this.#queue.sendBy(this.#socket)) this.#awaitsDrain = true
    // Not here and now: Bun may be in the middle of reading.
    if (!this.#awaitsDrain && this.#mayTakeOver) this.#parts.context.clock.soon(this.#takeOver)
  }

  #onDrain(): void {
    this.#awaitsDrain = false
    // Later, as Bun ends its wait for room only after this: what we did here would be undone.
    this.#parts.context.clock.soon(this.#flush)
  }

  readonly #takeOver = (): void => {
    const fd = this.#socket === null ? null : descriptorOf(this.#socket)
    const idle = this.#queue.size === 0 && !this.#awaitsDrain && this.#decoy === null
    if (fd === null || !idle) return
    this.#decoy = Decoy.put(fd)
    if (this.#decoy !== null) this.#batch ??= new DatagramBatch(this, this.#report)
  }

  #giveBack(): void {
    this.#tellBacklog(null, 0)
    this.#decoy?.remove()
    this.#decoy = null
  }
}

function receiveRing(family: Family): ReceiveRing {
  const ring = receiveRings[family] ?? new ReceiveRing(family)
  receiveRings[family] = ring
  return ring
}

/** Bun has the descriptor, its types have not. */
function descriptorOf(socket: object): number | null {
  return 'fd' in socket && typeof socket.fd === 'number' ? socket.fd : null
}
