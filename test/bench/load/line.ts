// The sockets of very many phones: a few addresses of the loopback, each with thousands of phones behind it.

import { raiseReceiveBuffer } from '../../../src/transport/socket-option.ts'
import type { HostPort } from '../../support/server-process.ts'
import { clock } from './time.ts'

/** One socket of ours towards the server. */
export interface Line {
  readonly transport: 'UDP' | 'TCP'
  readonly host: string
  readonly port: number
  send(text: string): void
}

/** Hears of each whole message, as one character for each byte. */
export type OnMessage = (text: string, line: Line) => void

export interface LineGroup {
  readonly lines: readonly Line[]
  close(): void
}

/** Datagrams in one call to the system. */
const BATCH_DATAGRAMS = 8
const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024

class UdpLine implements Line {
  readonly transport = 'UDP'
  readonly host: string
  #socket: Bun.udp.ConnectedSocket<'buffer'> | null = null
  #waiting: Buffer[] = []
  #flushDue = false
  readonly #flush = (): void => this.#sendWaiting()

  constructor(host: string) {
    this.host = host
  }

  get port(): number {
    return this.#socket?.port ?? 0
  }

  async open(port: number, server: HostPort, onMessage: OnMessage): Promise<void> {
    this.#socket = await Bun.udpSocket({
      hostname: this.host,
      port,
      connect: { hostname: server.host, port: server.port },
      socket: {
        data: (_socket, bytes) => onMessage(bytes.toString('latin1'), this),
        error() {},
      },
    })
    raiseReceiveBuffer(descriptorOf(this.#socket), RECEIVE_BUFFER_BYTES)
  }

  send(text: string): void {
    this.#waiting.push(Buffer.from(text, 'latin1'))
    if (this.#waiting.length >= BATCH_DATAGRAMS) this.#sendWaiting()
    if (this.#flushDue) return
    this.#flushDue = true
    clock.soon(this.#flush)
  }

  close(): void {
    this.#socket?.close()
    this.#socket = null
  }

  #sendWaiting(): void {
    this.#flushDue = false
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    this.#socket?.sendMany(waiting)
  }
}

class TcpLine implements Line {
  readonly transport = 'TCP'
  host = ''
  port = 0
  #socket: Bun.Socket | null = null
  #held = ''
  #waiting = ''
  #flushDue = false
  readonly #flush = (): void => this.#sendWaiting()

  async open(host: string, server: HostPort, onMessage: OnMessage): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: server.host,
      port: server.port,
      ...{ localAddress: host },
      socket: {
        data: (_socket, bytes) => this.#onBytes(bytes.toString('latin1'), onMessage),
        drain: this.#flush,
        error() {},
      },
    })
    this.#socket.setNoDelay(true)
    this.host = host
    this.port = this.#socket.localPort
  }

  send(text: string): void {
    this.#waiting += text
    if (this.#flushDue) return
    this.#flushDue = true
    clock.soon(this.#flush)
  }

  close(): void {
    this.#socket?.end()
    this.#socket = null
  }

  #sendWaiting(): void {
    this.#flushDue = false
    if (this.#waiting === '' || this.#socket === null) return
    const taken = this.#socket.write(Buffer.from(this.#waiting, 'latin1'))
    this.#waiting = this.#waiting.slice(taken)
  }

  #onBytes(chunk: string, onMessage: OnMessage): void {
    let text = this.#held === '' ? chunk : this.#held + chunk
    for (;;) {
      const blank = text.indexOf('\r\n\r\n')
      if (blank < 0) break
      const end = blank + 4 + contentLength(text, blank)
      if (end > text.length) break
      onMessage(text.slice(0, end), this)
      text = text.slice(end)
    }
    this.#held = text
  }
}

/** All at the same port: phones that come back with it have the contacts that they had. */
export async function openUdpLines(
  hosts: readonly string[],
  port: number,
  server: HostPort,
  onMessage: OnMessage,
): Promise<LineGroup> {
  const lines = hosts.map((host) => new UdpLine(host))
  for (const line of lines) await line.open(port, server, onMessage)
  return groupOf(lines)
}

export async function openTcpLines(
  hosts: readonly string[],
  count: number,
  server: HostPort,
  onMessage: OnMessage,
): Promise<LineGroup> {
  const lines = Array.from({ length: count }, () => new TcpLine())
  for (const [n, line] of lines.entries()) await line.open(hosts[n % hosts.length]!, server, onMessage)
  return groupOf(lines)
}

function groupOf(lines: readonly (UdpLine | TcpLine)[]): LineGroup {
  return {
    lines,
    close() {
      for (const line of lines) line.close()
    },
  }
}

/** Bun has the descriptor, its types have not. */
function descriptorOf(socket: object): number {
  return 'fd' in socket && typeof socket.fd === 'number' ? socket.fd : -1
}

const HEADER = /^(?:Content-Length|l)[ \t]*:[ \t]*(\d{1,5})/im

function contentLength(text: string, headersEnd: number): number {
  return Number(HEADER.exec(text.slice(0, headersEnd))?.[1] ?? 0)
}
