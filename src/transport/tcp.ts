// SIP over TCP (RFC 3261 section 18): connections are accepted, made on demand and used again.

import { canonicalHost, familyOf, isWildcard, unmapped } from '../sip/host.ts'
import { ConnectionTable } from './connection-table.ts'
import { ListenError } from './listen-error.ts'
import { bestLocal, type LocalAddress } from './local.ts'
import { SendBudget } from './send-queue.ts'
import { type ConnectionUser, StreamConnection } from './stream-connection.ts'
import {
  type Address,
  type Flow,
  type SendFailure,
  type Transport,
  type TransportContext,
  TransportCounts,
  type TransportUser,
} from './transport.ts'

/** What hangs on each socket: its connection, unless it was turned away, and whether it holds a place in the table. */
interface SocketData {
  readonly connection: StreamConnection | null
  admitted: boolean
}

type Socket = Bun.Socket<SocketData>

interface Listening extends Address {
  readonly listener: Bun.TCPSocketListener<SocketData>
}

interface BoundAddress extends LocalAddress {
  readonly port: number
}

export class TcpTransport implements Transport, ConnectionUser {
  readonly name = 'tcp'
  readonly reliable = true
  readonly counts = new TransportCounts()
  readonly #listen: readonly Address[]
  readonly #context: TransportContext
  readonly #table: ConnectionTable
  readonly #budget: SendBudget
  #listening: Listening[] = []
  #bound: readonly Address[] = []
  #locals: readonly BoundAddress[] = []
  #user: TransportUser | null = null
  #unwatch: (() => void) | null = null
  #onEmpty: (() => void) | null = null
  #number = 0
  readonly #handlers: Bun.SocketHandler<SocketData> = {
    data: (socket, bytes) => socket.data.connection?.onData(bytes),
    drain: (socket) => socket.data.connection?.onDrain(),
    end: (socket) => socket.data.connection?.onEnd(),
    close: (socket) => this.#onSocketClosed(socket),
    // Without them Bun reports to the process what `close` and the rejected promise of `connect` tell us anyway.
    error: () => {},
    connectError: () => {},
  }

  constructor(listen: readonly Address[], context: TransportContext) {
    this.#listen = listen
    this.#context = context
    this.#table = new ConnectionTable(context.limits)
    this.#budget = new SendBudget(context.limits.streamSendQueueTotal_bytes)
  }

  get bound(): readonly Address[] {
    return this.#bound
  }

  async listen(user: TransportUser): Promise<readonly Address[]> {
    this.#user = user
    try {
      for (const address of this.#listen) this.#listening.push(this.#listenOn(address))
    } catch (error) {
      await this.close()
      throw error
    }
    this.#publish()
    if (this.#listen.some(({ host }) => isWildcard(host))) {
      this.#unwatch = this.#context.addresses.watch((changed) => {
        if (changed) this.#publish()
      })
    }
    return this.#bound
  }

  flowTo(peer: Address, local: Address | null): Flow | null {
    const host = canonicalHost(peer.host)
    if (host === null || peer.port < 1 || peer.port > 65535 || this.#user === null) return null
    const to = { host, port: peer.port }
    return this.#table.find(to) ?? this.#connect(to, local)
  }

  /** Resolves when every connection is gone: its peer has closed too, or had the time for it. */
  async close(): Promise<void> {
    this.#unwatch?.()
    this.#user = null
    for (const { listener } of this.#listening) listener.stop()
    this.#listening = []
    this.#publish()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    for (const connection of this.#table.all) connection.close()
    if (this.#table.size === 0) resolve()
    await promise
  }

  onMessage(bytes: Buffer, connection: StreamConnection): void {
    try {
      this.#user?.onBytes(bytes, connection)
    } catch (error) {
      this.counts.dropped['handler-threw']++
      this.#context.log.warn({ err: error, peer: connection.peer }, 'a message could not be handled')
    }
  }

  onLingering(connection: StreamConnection): void {
    this.#table.hide(connection)
  }

  onClosed(connection: StreamConnection): void {
    this.#table.remove(connection)
    if (this.#table.size === 0) this.#onEmpty?.()
  }

  #listenOn({ host, port }: Address): Listening {
    try {
      const options: Bun.TCPSocketListenOptions<SocketData> & { readonly ipv6Only: boolean } = {
        hostname: host,
        port,
        // Otherwise "::" would take the port for IPv4 as well. Bun knows this option, its types have it elsewhere.
        ipv6Only: true,
        allowHalfOpen: true,
        data: { connection: null, admitted: false },
        socket: { ...this.#handlers, open: (socket) => this.#accept(socket, listener.port) },
      }
      const listener = Bun.listen(options)
      return { host, port: listener.port, listener }
    } catch (cause) {
      throw new ListenError('tcp', { host, port }, cause)
    }
  }

  #accept(socket: Socket, local_port: number): void {
    const host = canonicalHost(socket.remoteAddress)
    // A peer that has reset meanwhile has no address any more.
    if (host === null || this.#user === null || !this.#table.admit(host)) {
      this.counts.connectionsRefused++
      socket.terminate()
      return
    }
    const peer = { host, port: socket.remotePort }
    const connection = this.#addConnection(peer, { host: unmapped(socket.localAddress), port: local_port })
    socket.data = { connection, admitted: true }
    socket.setNoDelay(true)
    connection.onOpen(socket)
  }

  #connect(peer: Address, wanted: Address | null): Flow | null {
    const family = familyOf(peer.host)
    const local =
      this.#locals.find(
        (one) => one.family === family && one.host === wanted?.host && one.port === wanted.port,
      ) ?? bestLocal(peer.host, this.#locals)
    if (local === null) return null
    if (!this.#table.admit(peer.host)) {
      this.counts.connectionsRefused++
      return null
    }
    const connection = this.#addConnection(peer, { host: local.host, port: local.port })
    const data: SocketData = { connection, admitted: true }
    const options: Bun.TCPSocketConnectOptions<SocketData> & { readonly localAddress: string } = {
      hostname: peer.host,
      port: peer.port,
      // The source address must be the one that our Via names. Bun knows this option, its types do not.
      localAddress: local.host,
      allowHalfOpen: true,
      data,
      socket: { ...this.#handlers, open: (socket) => this.#onConnected(socket) },
    }
    Bun.connect(options).catch((error: unknown) => this.#onConnectFailed(data, peer.host, error))
    return connection
  }

  #onConnected(socket: Socket): void {
    socket.setNoDelay(true)
    // Too late: its senders have been told that it timed out.
    if (socket.data.connection?.onOpen(socket) !== true) socket.terminate()
  }

  #onConnectFailed(data: SocketData, host: string, error: unknown): void {
    this.#release(data, host)
    data.connection?.onClosed(connectFailureOf(error))
  }

  #onSocketClosed(socket: Socket): void {
    const { connection } = socket.data
    if (connection === null) return
    this.#release(socket.data, connection.peer.host)
    connection.onClosed('closed')
  }

  #release(data: SocketData, host: string): void {
    if (!data.admitted) return
    data.admitted = false
    this.#table.release(host)
  }

  #addConnection(peer: Address, local: Address): StreamConnection {
    const connection = new StreamConnection({
      transport: 'tcp',
      number: ++this.#number,
      peer,
      local,
      user: this,
      context: this.#context,
      counts: this.counts,
      budget: this.#budget,
    })
    this.#table.add(connection)
    return connection
  }

  #publish(): void {
    this.#locals = this.#listening.flatMap(({ host, port }) =>
      this.#context.addresses.expand(host).map((local) => ({ ...local, port })),
    )
    this.#bound = this.#locals.map(({ host, port }) => ({ host, port }))
  }
}

function connectFailureOf(error: unknown): SendFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  return code === 'ETIMEDOUT' ? 'timeout' : 'unreachable'
}
