// SIP over UDP: one socket for each local address, since Bun does not say which address a datagram came to and an
// answer must leave from that one (RFC 3581 section 4).

import { canonicalHost, familyOf, isWildcard } from '../sip/host.ts'
import { ListenError } from './listen-error.ts'
import { bestLocal, type LocalAddress } from './local.ts'
import {
  type Address,
  type Flow,
  type Transport,
  type TransportContext,
  TransportCounts,
  type TransportUser,
} from './transport.ts'
import { type DatagramPath, type DatagramUser, UdpSocket } from './udp-socket.ts'

/** One address of the configuration with the sockets that serve it: several for a wildcard. */
interface Listening {
  readonly host: string
  readonly port: number
  sockets: readonly UdpSocket[]
}

export class UdpTransport implements Transport, DatagramUser {
  readonly name = 'udp'
  readonly reliable = false
  readonly counts = new TransportCounts()
  readonly #listen: readonly Address[]
  readonly #context: TransportContext
  readonly #path: DatagramPath
  #listening: readonly Listening[] = []
  #bound: readonly Address[] = []
  #sockets: readonly UdpSocket[] = []
  #locals: readonly LocalAddress[] = []
  /** The socket that fits a peer best, as long as the sockets are the same. */
  readonly #best = new Map<string, UdpSocket | null>()
  #user: TransportUser | null = null
  #unwatch: (() => void) | null = null
  /** One change of addresses after the other. */
  #following: Promise<void> = Promise.resolve()

  /** `path` is the best there is on this system; tests choose the other one. */
  constructor(listen: readonly Address[], context: TransportContext, path: DatagramPath = 'kernel') {
    this.#listen = listen
    this.#context = context
    this.#path = path
  }

  get bound(): readonly Address[] {
    return this.#bound
  }

  /** Which way the datagrams of each socket go now. */
  get paths(): readonly DatagramPath[] {
    return this.#sockets.map(({ path }) => path)
  }

  async listen(user: TransportUser): Promise<readonly Address[]> {
    this.#user = user
    try {
      for (const { host, port } of this.#listen) {
        const sockets = await this.#bindEach(host, port)
        this.#publish([...this.#listening, { host, port: sockets[0]?.address.port ?? port, sockets }])
      }
    } catch (error) {
      await this.close()
      throw error
    }
    if (this.#listen.some(({ host }) => isWildcard(host))) {
      this.#unwatch = this.#context.addresses.watch(() => {
        this.#following = this.#following.then(() => this.#follow())
      })
    }
    return this.#bound
  }

  flowTo(peer: Address, local: Address | null): Flow | null {
    const host = canonicalHost(peer.host)
    if (host === null || peer.port < 1 || peer.port > 65535) return null
    const socket = this.#socketFor(host, local)
    return socket === null ? null : socket.flowTo({ host, port: peer.port })
  }

  async close(): Promise<void> {
    this.#unwatch?.()
    this.#user = null
    await this.#following
    for (const socket of this.#sockets) socket.close()
    this.#publish([])
  }

  onDatagram(bytes: Buffer, flow: Flow): void {
    this.counts.bytesIn += bytes.length
    const start = firstOfMessage(bytes)
    if (start === bytes.length) {
      this.counts.dropped['keep-alive']++
      return
    }
    this.counts.messagesIn++
    try {
      this.#user?.onBytes(start === 0 ? bytes : bytes.subarray(start), flow)
    } catch (error) {
      this.counts.dropped['handler-threw']++
      this.#context.log.warn({ err: error, peer: flow.peer }, 'a datagram could not be handled')
    }
  }

  onBacklog(): void {
    this.#user?.onBacklog?.(Math.max(...this.#sockets.map(({ backlog_ms }) => backlog_ms)))
  }

  #socketFor(peerHost: string, local: Address | null): UdpSocket | null {
    const family = familyOf(peerHost)
    const asked = this.#sockets.find(
      ({ address, local: { family: own } }) =>
        own === family && address.host === local?.host && address.port === local.port,
    )
    if (asked !== undefined) return asked
    const known = this.#best.get(peerHost)
    if (known !== undefined) return known
    const best = bestLocal(peerHost, this.#locals)
    const socket = this.#sockets.find(({ local: own }) => own === best) ?? null
    if (this.#best.size >= this.#context.limits.udpFlows_entries) this.#best.clear()
    this.#best.set(peerHost, socket)
    return socket
  }

  async #bindEach(host: string, port: number): Promise<readonly UdpSocket[]> {
    const locals = this.#context.addresses.expand(host)
    for (let attempt = 1; ; attempt++) {
      const sockets: UdpSocket[] = []
      try {
        // When any port will do, the first socket picks it and the others must get the same.
        for (const local of locals) sockets.push(await this.#bind(local, sockets[0]?.address.port ?? port))
        return sockets
      } catch (error) {
        for (const socket of sockets) socket.close()
        const taken = error instanceof ListenError && error.code === 'EADDRINUSE'
        if (port !== 0 || !taken || attempt === this.#context.limits.portAttempts) throw error
      }
    }
  }

  async #bind(local: LocalAddress, port: number): Promise<UdpSocket> {
    try {
      return await UdpSocket.bind(local, port, {
        user: this,
        context: this.#context,
        counts: this.counts,
        path: this.#path,
      })
    } catch (cause) {
      throw new ListenError('udp', { host: local.host, port }, cause)
    }
  }

  /**
   * Takes up addresses that have come and gives up those that have gone, for each wildcard. At each scan, not only when
   * something changed: an IPv6 address cannot be bound until the system knows that nobody else has it.
   */
  async #follow(): Promise<void> {
    for (const listening of this.#listening) {
      if (!isWildcard(listening.host)) continue
      const wanted = this.#context.addresses.expand(listening.host)
      const gone = listening.sockets.filter(({ local }) => !wanted.some(({ host }) => host === local.host))
      const missing = wanted.filter(({ host }) => !listening.sockets.some(({ local }) => host === local.host))
      const made = await this.#bindThoseFree(missing, listening.port)
      if (gone.length + made.length === 0) continue
      listening.sockets = [...listening.sockets.filter((socket) => !gone.includes(socket)), ...made]
      this.#publish(this.#listening)
      for (const socket of gone) socket.close()
    }
  }

  async #bindThoseFree(locals: readonly LocalAddress[], port: number): Promise<readonly UdpSocket[]> {
    const made: UdpSocket[] = []
    for (const local of locals) {
      if (this.#user === null) break
      try {
        made.push(await this.#bind(local, port))
      } catch (error) {
        this.#context.log.warn({ err: error }, 'a new address of this machine cannot be listened on')
      }
    }
    return made
  }

  #publish(listening: readonly Listening[]): void {
    this.#listening = listening
    this.#sockets = listening.flatMap(({ sockets }) => sockets)
    this.#bound = this.#sockets.map(({ address }) => address)
    this.#locals = this.#sockets.map(({ local }) => local)
    this.#best.clear()
  }
}

/** RFC 3261 section 7.5: empty lines before a message are skipped. Some phones keep their NAT open with four NULs. */
function firstOfMessage(bytes: Buffer): number {
  let at = 0
  while (
    at < bytes.length &&
    (bytes[at] === 0x0d || bytes[at] === 0x0a || bytes[at] === 0x20 || bytes[at] === 0)
  )
    at++
  return at
}
