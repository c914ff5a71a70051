import type { Clock } from '../../src/clock.ts'
import { canonicalHost, familyOf, formatHostPort } from '../../src/sip/host.ts'
import {
  type Address,
  type Flow,
  type Sender,
  type SendFailure,
  type Transport,
  TransportCounts,
  type TransportName,
  type TransportUser,
} from '../../src/transport/transport.ts'
import { Random } from './random.ts'
import { type ConnectionOwner, VirtualConnection } from './virtual-connection.ts'

/** One message between two addresses, as somebody who watches the wire sees it. */
export interface Carried {
  readonly from: Address
  readonly to: Address
  readonly bytes: Buffer
  readonly reliable: boolean
}

/** Hears of every message: when it is sent, and what becomes of each copy. It must not answer. */
export interface NetworkWatcher {
  onSent(message: Carried): void
  /** Called just before the receiver is. */
  onArrival(message: Carried): void
  onLost(message: Carried): void
}

/**
 * Addresses, and what happens between them. Everything is decided by the clock and the seed, so that a run can be had
 * again. The fields may be changed at any time, for what is sent from then on.
 */
export class VirtualNetwork {
  readonly clock: Clock
  readonly #random: Random
  /** Of each datagram or piece of a stream; 0 is still in another task than the sending. */
  delay_ms = 0
  /** Up to so much more, at random: datagrams overtake each other. */
  jitter_ms = 0
  /** Probabilities, for datagrams: 0 to 1. */
  loss = 0
  duplication = 0
  /** What users of its transports threw: a bug in the server, or an expectation in a test. */
  readonly errors: unknown[] = []
  watcher: NetworkWatcher | null = null
  readonly #bound = new Map<string, VirtualTransport>()
  readonly #cuts = new Set<string>()
  #number = 0
  #ephemeralPort = 49152

  constructor(clock: Clock, seed = 1) {
    this.clock = clock
    this.#random = new Random(seed)
  }

  /** A transport for a server under test; it listens when told, port 0 picks one. */
  transport(name: TransportName, listen: readonly Address[]): VirtualTransport {
    return new VirtualTransport(name, listen, this)
  }

  /** Somebody at that address: a phone, another server. */
  endpoint(host: string, port: number, transport: TransportName = 'udp'): VirtualEndpoint {
    return new VirtualEndpoint(this.transport(transport, [{ host, port }]))
  }

  /** Nothing passes between the two hosts any more, in either direction, until `heal`. */
  partition(hostA: string, hostB: string): void {
    this.#cuts.add(cutKey(hostA, hostB))
  }

  heal(): void {
    this.#cuts.clear()
  }

  /** Ends one partition. */
  rejoin(hostA: string, hostB: string): void {
    this.#cuts.delete(cutKey(hostA, hostB))
  }

  isCut(hostA: string, hostB: string): boolean {
    return this.#cuts.has(cutKey(hostA, hostB))
  }

  bind(address: Address, transport: VirtualTransport): void {
    const key = bindKey(transport.name, address)
    if (this.#bound.has(key)) throw new Error(`${key} is taken`)
    this.#bound.set(key, transport)
  }

  unbind(address: Address, transport: VirtualTransport): void {
    const key = bindKey(transport.name, address)
    if (this.#bound.get(key) === transport) this.#bound.delete(key)
  }

  find(name: TransportName, address: Address): VirtualTransport | null {
    return this.#bound.get(bindKey(name, address)) ?? null
  }

  carryDatagram(from: Address, to: Address, bytes: Buffer): void {
    const carried: Carried = { from, to, bytes, reliable: false }
    this.watcher?.onSent(carried)
    const copies = this.#random.next() < this.duplication ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      if (this.#random.next() < this.loss || this.isCut(from.host, to.host)) this.watcher?.onLost(carried)
      else this.later(this.delayOnce_ms(), () => this.#arrive(carried))
    }
  }

  delayOnce_ms(): number {
    return this.delay_ms + (this.jitter_ms > 0 ? this.#random.next() * this.jitter_ms : 0)
  }

  later(delay_ms: number, task: () => void): void {
    if (delay_ms > 0) this.clock.after(delay_ms, { onTimer: task }, 0)
    else this.clock.soon(task)
  }

  nextNumber(): number {
    return ++this.#number
  }

  nextPort(): number {
    return this.#ephemeralPort++
  }

  #arrive(datagram: Carried): void {
    const { from, to, bytes } = datagram
    const receiver = this.find('udp', to)
    if (receiver === null) this.watcher?.onLost(datagram)
    else {
      this.watcher?.onArrival(datagram)
      receiver.onDatagram(Buffer.from(bytes), from, to)
    }
  }
}

/** What UdpTransport and TcpTransport are to the real network: "udp" carries datagrams, any other name streams. */
export class VirtualTransport implements Transport, ConnectionOwner {
  readonly name: TransportName
  readonly reliable: boolean
  readonly counts = new TransportCounts()
  readonly #listen: readonly Address[]
  readonly #network: VirtualNetwork
  readonly #connections = new Map<string, VirtualConnection>()
  #bound: readonly Address[] = []
  #user: TransportUser | null = null

  constructor(name: TransportName, listen: readonly Address[], network: VirtualNetwork) {
    this.name = name
    this.reliable = name !== 'udp'
    this.#listen = listen
    this.#network = network
  }

  get bound(): readonly Address[] {
    return this.#bound
  }

  async listen(user: TransportUser): Promise<readonly Address[]> {
    return this.open(user)
  }

  open(user: TransportUser): readonly Address[] {
    this.#user = user
    this.#bound = this.#listen.map(({ host, port }) => ({
      host: canonicalHost(host) ?? host,
      port: port === 0 ? this.#network.nextPort() : port,
    }))
    for (const address of this.#bound) this.#network.bind(address, this)
    return this.#bound
  }

  flowTo(peer: Address, local: Address | null): Flow | null {
    const host = canonicalHost(peer.host)
    if (host === null || peer.port < 1 || peer.port > 65535) return null
    const to = { host, port: peer.port }
    const own = this.#bound.filter((address) => familyOf(address.host) === familyOf(host))
    const from = own.find((address) => address.host === local?.host && address.port === local.port) ?? own[0]
    if (from === undefined) return null
    if (!this.reliable) return new DatagramFlow(this, to, from)
    return this.#connections.get(formatHostPort(host, peer.port)) ?? this.#connect(to, from)
  }

  async close(): Promise<void> {
    for (const address of this.#bound) this.#network.unbind(address, this)
    for (const connection of this.#connections.values()) connection.close()
    this.#bound = []
    this.#user = null
  }

  /** To be called by flows of this transport. */
  sendDatagram(from: Address, to: Address, bytes: Uint8Array, sender: Sender | undefined): void {
    if (!this.isBound(from)) {
      this.onSendFailed('closed', sender)
      return
    }
    if (bytes.length > 65507) {
      this.onSendFailed('too-large', sender)
      return
    }
    this.#countOut(bytes.length)
    this.#network.carryDatagram(from, to, Buffer.from(bytes))
  }

  isBound(address: Address): boolean {
    return this.#bound.includes(address)
  }

  onDatagram(bytes: Buffer, from: Address, to: Address): void {
    const own = this.#bound.find((address) => address.host === to.host && address.port === to.port)
    if (own !== undefined) this.#handUp(bytes, new DatagramFlow(this, from, own))
  }

  /** The server's half of a connection made to one of our addresses. */
  accept(peer: Address, local: Address): VirtualConnection {
    return this.#addConnection(peer, local)
  }

  onStreamSent(bytes: number): void {
    this.#countOut(bytes)
  }

  onStreamBytes(bytes: Buffer, connection: VirtualConnection): void {
    this.#handUp(bytes, connection)
  }

  onStreamClosed(connection: VirtualConnection): void {
    this.counts.connectionsOpen--
    this.#connections.delete(formatHostPort(connection.peer.host, connection.peer.port))
  }

  onSendFailed(failure: SendFailure, sender: Sender | undefined): void {
    this.counts.sendsFailed[failure]++
    if (sender !== undefined) this.#network.clock.soon(() => sender.onSendFailed(failure))
  }

  #connect(to: Address, listening: Address): VirtualConnection {
    const source = { host: listening.host, port: this.#network.nextPort() }
    const connection = this.#addConnection(to, listening)
    const reach = (): void => {
      if (!connection.open) return
      const there = this.#network.find(this.name, to)
      if (this.#network.isCut(source.host, to.host)) connection.close('timeout')
      else if (there === null) connection.close('refused')
      else {
        const accepted = there.accept(source, to)
        accepted.join(connection)
        connection.join(accepted)
      }
    }
    this.#network.later(this.#network.delayOnce_ms(), reach)
    return connection
  }

  #addConnection(peer: Address, local: Address): VirtualConnection {
    const connection = new VirtualConnection(this.name, peer, local, this.#network, this)
    this.counts.connectionsOpen++
    this.#connections.set(formatHostPort(peer.host, peer.port), connection)
    return connection
  }

  #countOut(bytes: number): void {
    this.counts.messagesOut++
    this.counts.bytesOut += bytes
  }

  #handUp(bytes: Buffer, flow: Flow): void {
    this.counts.messagesIn++
    this.counts.bytesIn += bytes.length
    try {
      this.#user?.onBytes(bytes, flow)
    } catch (error) {
      this.counts.dropped['handler-threw']++
      this.#network.errors.push(error)
    }
  }
}

class DatagramFlow implements Flow {
  readonly lingering = false
  readonly transport = 'udp'
  readonly reliable = false
  readonly peer: Address
  readonly local: Address
  readonly #transport: VirtualTransport

  constructor(transport: VirtualTransport, peer: Address, local: Address) {
    this.#transport = transport
    this.peer = peer
    this.local = local
  }

  get open(): boolean {
    return this.#transport.isBound(this.local)
  }

  get key(): string {
    const { local, peer } = this
    return `udp:${formatHostPort(local.host, local.port)}>${formatHostPort(peer.host, peer.port)}`
  }

  attach(): void {}

  detach(): void {}

  send(bytes: Uint8Array, sender?: Sender): void {
    this.#transport.sendDatagram(this.local, this.peer, bytes, sender)
  }
}

export interface Received {
  readonly bytes: Buffer
  readonly from: Address
}

/** Keeps what it receives, and tells who asked. */
export class VirtualEndpoint {
  readonly address: Address
  readonly received: Received[] = []
  /** May answer: by `send`, which over a stream finds the connection that the bytes came on. */
  onBytes: ((bytes: Buffer, from: Address) => void) | null = null
  readonly #transport: VirtualTransport

  constructor(transport: VirtualTransport) {
    this.#transport = transport
    const user: TransportUser = { onBytes: (bytes, flow) => this.#receive(bytes, flow.peer) }
    this.address = transport.open(user)[0]!
  }

  send(to: Address, bytes: Uint8Array | string): void {
    const flow = this.#transport.flowTo(to, this.address)
    flow?.send(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  }

  /** Gone: nothing reaches it any more, and its streams are closed. */
  async close(): Promise<void> {
    await this.#transport.close()
  }

  #receive(bytes: Buffer, from: Address): void {
    this.received.push({ bytes, from })
    this.onBytes?.(bytes, from)
  }
}

function bindKey(name: TransportName, { host, port }: Address): string {
  return `${name} ${formatHostPort(host, port)}`
}

function cutKey(hostA: string, hostB: string): string {
  return [hostA, hostB].sort().join(' ')
}
