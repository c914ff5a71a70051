// The way to one peer from one UDP socket, and the flows that a socket keeps ready.

import { type Family, formatHostPort } from '../sip/host.ts'
import { addressOf, isName, keyOf, NAME_WORDS, nameOf, writeName } from './socket-name.ts'
import type { Address, Flow, Sender, TransportName } from './transport.ts'

/** What a flow needs of its socket. */
export interface FlowSocket {
  readonly address: Address
  readonly open: boolean
  readonly family: Family
  send(bytes: Uint8Array, flow: UdpFlow, sender?: Sender): void
}

export class UdpFlow implements Flow {
  readonly peer: Address
  readonly #socket: FlowSocket
  #name: Uint32Array | null
  #key: string | null = null

  constructor(socket: FlowSocket, peer: Address, name: Uint32Array | null = null) {
    this.#socket = socket
    this.peer = peer
    this.#name = name
  }

  /** The peer as the kernel is told it, made once: no address is read from text to send a datagram. */
  get name(): Uint32Array {
    this.#name ??= nameOf(this.peer, this.#socket.family)
    return this.#name
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
    if (this.#key === null) {
      const { local, peer } = this
      this.#key = `udp:${formatHostPort(local.host, local.port)}>${formatHostPort(peer.host, peer.port)}`
    }
    return this.#key
  }

  send(bytes: Uint8Array, sender?: Sender): void {
    this.#socket.send(bytes, this, sender)
  }

  attach(): void {}

  detach(): void {}
}

/**
 * Bounded, as sources can be forged: when half of the entries are new, those that were not asked for since the last
 * time are forgotten. A flow forgotten goes on to work, it is only made again.
 */
export class FlowTable {
  readonly #socket: FlowSocket
  readonly #half: number
  /** What `to` is asked for, as a name. */
  readonly #asked = new Uint32Array(NAME_WORDS)
  #young = new Map<number, UdpFlow>()
  #old = new Map<number, UdpFlow>()

  constructor(socket: FlowSocket, entries: number) {
    this.#socket = socket
    this.#half = Math.max(1, entries >>> 1)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** To the peer whose name begins at this word. */
  at(words: Uint32Array, start: number): UdpFlow {
    const { family } = this.#socket
    const key = keyOf(words, start, family)
    const young = this.#young.get(key)
    if (young !== undefined && isName(young.name, words, start, family)) return young
    const old = this.#old.get(key)
    if (old !== undefined && isName(old.name, words, start, family)) return this.#keep(key, old)
    const name = words.slice(start, start + NAME_WORDS)
    return this.#keep(key, new UdpFlow(this.#socket, addressOf(name, family), name))
  }

  /** `peer` is canonical and of the socket's family. */
  to(peer: Address): UdpFlow {
    writeName(this.#asked, peer, this.#socket.family)
    return this.at(this.#asked, 0)
  }

  #keep(key: number, flow: UdpFlow): UdpFlow {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(key)
    this.#young.set(key, flow)
    return flow
  }
}
