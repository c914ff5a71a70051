// The connections of one stream transport: found by their peer, counted against the limits.

import type { Limits } from '../config.ts'
import { formatHostPort } from '../sip/host.ts'
import type { StreamConnection } from './stream-connection.ts'
import type { Address } from './transport.ts'

export class ConnectionTable {
  readonly #limits: Limits
  readonly #all = new Set<StreamConnection>()
  readonly #byPeer = new Map<string, StreamConnection>()
  /** Sockets, not connections: one that is given up while it connects goes on being a socket for minutes. */
  readonly #socketsOfHost = new Map<string, number>()
  #sockets = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get all(): Iterable<StreamConnection> {
    return this.#all
  }

  get size(): number {
    return this.#all.size
  }

  /** Takes a place for a socket to or from that host, to be given back by `release`; false when there is none. */
  admit(host: string): boolean {
    const ofHost = this.#socketsOfHost.get(host) ?? 0
    if (this.#sockets >= this.#limits.streamConnections) return false
    if (ofHost >= this.#limits.streamConnectionsPerHost) return false
    this.#sockets++
    this.#socketsOfHost.set(host, ofHost + 1)
    return true
  }

  release(host: string): void {
    const ofHost = this.#socketsOfHost.get(host) ?? 0
    if (ofHost > 1) this.#socketsOfHost.set(host, ofHost - 1)
    else this.#socketsOfHost.delete(host)
    this.#sockets--
  }

  add(connection: StreamConnection): void {
    this.#all.add(connection)
    this.#byPeer.set(peerKey(connection.peer), connection)
  }

  /** The newest one, when a peer has connected from one port to several addresses of ours. */
  find(peer: Address): StreamConnection | null {
    return this.#byPeer.get(peerKey(peer)) ?? null
  }

  /** It is not to be found any more, and still there. */
  hide(connection: StreamConnection): void {
    const key = peerKey(connection.peer)
    if (this.#byPeer.get(key) === connection) this.#byPeer.delete(key)
  }

  remove(connection: StreamConnection): void {
    this.hide(connection)
    this.#all.delete(connection)
  }
}

function peerKey({ host, port }: Address): string {
  return formatHostPort(host, port)
}
