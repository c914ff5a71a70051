// The way to one peer from one UDP socket, and the flows that a socket keeps ready.

import { type Family, formatHostPort } from '../sip/host.ts'
import { addressOf, keyOf, NAME_WORDS, nameOf } from './socket-name.ts'
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
  #young = new Map<number | string, UdpFlow>()
  #old = new Map<number | string, UdpFlow>()

  constructor(socket: FlowSocket, entries: number) {
    this.#socket = socket
    this.#half = Math.max(1, entries >>> 1)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** Of the peer whose name begins at this word. */
  at(words: Uint32Array, start: number): UdpFlow {
    const { family } = this.#socket
    const key = keyOf(words, start, family)
    const known = this.#young.get(key)
    if (known !== undefined) return known
    return this.#old.get(key) === undefined
      ? this.#make(key, words.slice(start, start + NAME_WORDS), null)
      : this.#renew(key, this.#old.get(key)!)
  }

  /** `peer` is canonical and of the socket's family. */
  to(peer: Address): UdpFlow {
    const { family } = this.#socket
    const name = nameOf(peer, family)
    const key = keyOf(name, 0, family)
    const known = this.#young.get(key) ?? this.#old.get(key)
    return known ?? this.#make(key, name, peer)
  }

  #make(key: number | string, name: Uint32Array, peer: Address | null): UdpFlow {
    return this.#renew(key, new UdpFlow(this.#socket, peer ?? addressOf(name, this.#socket.family), name))
  }

  #renew(key: number | string, flow: UdpFlow): UdpFlow {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#old.delete(key)
    this.#young.set(key, flow)
    return flow
  }
}
