// All transports as one (RFC 3261 section 18): who listens where, and the way to a peer.

import { canonicalHost } from '../sip/host.ts'
import type {
  Address,
  Flow,
  ListenAddress,
  Transport,
  TransportCounts,
  TransportName,
  TransportUser,
} from './transport.ts'

/** RFC 3261 section 19.1.2. */
const DEFAULT_PORT = 5060

export class TransportLayer {
  readonly #transports: readonly Transport[]
  readonly #user: TransportUser
  /** Ports by host, made from these lists of bound addresses: a list that is another one makes it stale. */
  #ports = new Map<string, number[]>()
  #portsOf: (readonly Address[])[] = []

  constructor(transports: readonly Transport[], user: TransportUser) {
    this.#transports = transports
    this.#user = user
  }

  /** Listens on all or on none: rejects when one of them cannot. */
  async listen(): Promise<readonly ListenAddress[]> {
    try {
      for (const transport of this.#transports) await transport.listen(this.#user)
    } catch (error) {
      await this.close()
      throw error
    }
    return this.bound
  }

  get bound(): readonly ListenAddress[] {
    return this.#transports.flatMap(({ name, bound }) =>
      bound.map(({ host, port }) => ({ transport: name, host, port })),
    )
  }

  get counts(): ReadonlyMap<TransportName, TransportCounts> {
    return new Map(this.#transports.map(({ name, counts }) => [name, counts]))
  }

  flowTo(transport: TransportName, peer: Address, local: Address | null): Flow | null {
    return this.#transports.find(({ name }) => name === transport)?.flowTo(peer, local) ?? null
  }

  /** Whether this is where we listen; 0 stands for a port that was left out. */
  isLocal(host: string, port: number): boolean {
    return this.#portsAt(host)?.includes(port === 0 ? DEFAULT_PORT : port) ?? false
  }

  isLocalHost(host: string): boolean {
    return this.#portsAt(host) !== undefined
  }

  async close(): Promise<void> {
    await Promise.all(this.#transports.map((transport) => transport.close()))
  }

  #portsAt(host: string): number[] | undefined {
    if (this.#transports.some(({ bound }, n) => bound !== this.#portsOf[n])) this.#collectPorts()
    // Nearly every host is spelled as we would, or is a name: only brackets and IPv6 are worth a second look.
    const ports = this.#ports.get(host)
    if (ports !== undefined || !host.includes(':')) return ports
    const canonical = canonicalHost(host)
    return canonical === null ? undefined : this.#ports.get(canonical)
  }

  #collectPorts(): void {
    this.#portsOf = this.#transports.map(({ bound }) => bound)
    this.#ports = new Map()
    for (const { host, port } of this.#portsOf.flat()) {
      const ports = this.#ports.get(host)
      if (ports === undefined) this.#ports.set(host, [port])
      else ports.push(port)
    }
  }
}
