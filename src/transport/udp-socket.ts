// One UDP socket of ours: batches what is sent in a turn, and lets no datagram suffer for another one's peer.

import { formatHostPort, unmapped } from '../sip/host.ts'
import type { LocalAddress } from './local.ts'
import { ignoreIcmpErrors, raiseReceiveBuffer } from './socket-option.ts'
import type {
  Address,
  Flow,
  Sender,
  SendFailure,
  TransportContext,
  TransportCounts,
  TransportName,
} from './transport.ts'

/** Most datagrams in one call: what is left after a refused one is copied, and must stay small. */
const BATCH_DATAGRAMS = 256
/** sendMany takes them flat: bytes, port, host. */
const FIELDS = 3
/** What fits into one datagram: 65535 less the headers of UDP and IPv4, or of UDP alone. */
const PAYLOAD_BYTES_MAX = { 4: 65507, 6: 65527 } as const

export interface DatagramUser {
  onDatagram(bytes: Buffer, flow: Flow): void
}

type Socket = Bun.udp.Socket<'buffer'>

export class UdpSocket {
  readonly local: LocalAddress
  readonly #user: DatagramUser
  readonly #context: TransportContext
  readonly #counts: TransportCounts
  readonly #flush = (): void => this.#sendQueued()
  #socket: Socket | null = null
  #address: Address
  #packets: (Uint8Array | number | string)[] = []
  #senders: (Sender | undefined)[] = []
  #flushDue = false

  private constructor(
    local: LocalAddress,
    user: DatagramUser,
    context: TransportContext,
    counts: TransportCounts,
  ) {
    this.local = local
    this.#user = user
    this.#context = context
    this.#counts = counts
    this.#address = { host: local.host, port: 0 }
  }

  /** Rejects with the system's error when the address cannot be bound. */
  static async bind(
    local: LocalAddress,
    port: number,
    user: DatagramUser,
    context: TransportContext,
    counts: TransportCounts,
  ): Promise<UdpSocket> {
    const udp = new UdpSocket(local, user, context, counts)
    const socket = await Bun.udpSocket({
      hostname: local.host,
      port,
      socket: {
        data: (_socket, bytes, peerPort, peerHost, flags) =>
          udp.#receive(bytes, peerPort, peerHost, flags.truncated),
        drain: udp.#flush,
        // ICMP errors, where they cannot be switched off: they belong to no datagram that could still be told.
        // Without this handler the first one would end the process.
        error: () => {
          counts.sendsFailed.refused++
        },
      },
    })
    udp.#open(socket)
    return udp
  }

  get address(): Address {
    return this.#address
  }

  get open(): boolean {
    return this.#socket !== null
  }

  send(bytes: Uint8Array, peer: Address, sender?: Sender): void {
    const refusal = this.#refusal(bytes)
    if (refusal !== null) {
      this.#fail(refusal, sender)
      return
    }
    this.#packets.push(bytes, peer.port, peer.host)
    this.#senders.push(sender)
    // A turn that reads a flood has no end while more comes: a full batch does not wait for it.
    if (this.#senders.length % BATCH_DATAGRAMS === 0) this.#sendQueued()
    if (this.#flushDue) return
    this.#flushDue = true
    this.#context.clock.soon(this.#flush)
  }

  close(): void {
    this.#sendQueued()
    this.#socket?.close()
    this.#socket = null
    for (const sender of this.#senders) this.#fail('closed', sender)
    this.#packets = []
    this.#senders = []
  }

  #refusal(bytes: Uint8Array): SendFailure | null {
    if (this.#socket === null) return 'closed'
    if (bytes.length > PAYLOAD_BYTES_MAX[this.local.family]) return 'too-large'
    return this.#senders.length < this.#context.limits.udpSendQueue_datagrams ? null : 'congested'
  }

  #open(socket: Socket): void {
    this.#socket = socket
    this.#address = { host: this.local.host, port: socket.port }
    const { log, limits } = this.#context
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
      this.#counts.dropped.malformed++
      return
    }
    this.#user.onDatagram(bytes, new UdpFlow(this, { host: unmapped(peerHost), port: peerPort }))
  }

  /** Sends all it can; what the socket has no room for stays until it drains or the next turn sends again. */
  #sendQueued(): void {
    this.#flushDue = false
    const total = this.#senders.length
    let sent = 0
    while (sent < total) {
      sent += this.#sendBatch(sent, Math.min(total, sent + BATCH_DATAGRAMS))
      if (sent === total) break
      // Something cut the batch short. Alone, the datagram at fault says what, and the others go on without it.
      const outcome = this.#sendOne(sent)
      if (outcome === 'full') break
      if (outcome !== 'sent') this.#fail(outcome, this.#senders[sent])
      sent++
    }
    this.#packets = sent === total ? [] : this.#packets.slice(sent * FIELDS)
    this.#senders = sent === total ? [] : this.#senders.slice(sent)
  }

  /** How many left. 0 as well when one of them is not to the system's taste. */
  #sendBatch(from: number, to: number): number {
    const whole = from === 0 && to === this.#senders.length
    const batch = whole ? this.#packets : this.#packets.slice(from * FIELDS, to * FIELDS)
    try {
      const taken = this.#socket?.sendMany(batch) ?? 0
      for (let n = 0; n < taken; n++) this.#countOut((batch[n * FIELDS] as Uint8Array).length)
      return taken
    } catch {
      return 0
    }
  }

  #sendOne(index: number): SendFailure | 'sent' | 'full' {
    // The three fields of one datagram, pushed together by `send`.
    const bytes = this.#packets[index * FIELDS] as Uint8Array
    const port = this.#packets[index * FIELDS + 1] as number
    const host = this.#packets[index * FIELDS + 2] as string
    let failure = this.#trySend(bytes, port, host)
    // An ICMP error that an earlier datagram has caused: it is gone once reported.
    if (failure === 'refused') failure = this.#trySend(bytes, port, host)
    if (failure === 'sent') this.#countOut(bytes.length)
    return failure
  }

  #trySend(bytes: Uint8Array, port: number, host: string): SendFailure | 'sent' | 'full' {
    if (this.#socket === null) return 'closed'
    try {
      return this.#socket.send(bytes, port, host) ? 'sent' : 'full'
    } catch (error) {
      return failureOf(error)
    }
  }

  #countOut(bytes: number): void {
    this.#counts.messagesOut++
    this.#counts.bytesOut += bytes
  }

  #fail(failure: SendFailure, sender: Sender | undefined): void {
    this.#counts.sendsFailed[failure]++
    if (sender !== undefined) this.#context.clock.soon(() => sender.onSendFailed(failure))
  }
}

export class UdpFlow implements Flow {
  readonly peer: Address
  readonly #socket: UdpSocket

  constructor(socket: UdpSocket, peer: Address) {
    this.#socket = socket
    this.peer = peer
  }

  get transport(): TransportName {
    return 'udp'
  }

  get reliable(): boolean {
    return false
  }

  get local(): Address {
    return this.#socket.address
  }

  get open(): boolean {
    return this.#socket.open
  }

  /** Datagrams have no end. */
  get lingering(): boolean {
    return false
  }

  get key(): string {
    const { local, peer } = this
    return `udp:${formatHostPort(local.host, local.port)}>${formatHostPort(peer.host, peer.port)}`
  }

  send(bytes: Uint8Array, sender?: Sender): void {
    this.#socket.send(bytes, this.peer, sender)
  }

  attach(): void {}

  detach(): void {}
}

/** Bun has the descriptor, its types have not. */
function descriptorOf(socket: object): number | null {
  return 'fd' in socket && typeof socket.fd === 'number' ? socket.fd : null
}

function failureOf(error: unknown): SendFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'EMSGSIZE') return 'too-large'
  return 'unreachable'
}
