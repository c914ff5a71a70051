// A phone that says exactly what the test writes, and shows exactly what the server sent.

import { within } from './deadline.ts'
import type { HostPort } from './server-process.ts'

const EXPECT_MS = 5000

/** A message as it came, cut at its lines and no more: an oracle that shares no code with the server. */
export class WireMessage {
  readonly text: string
  readonly startLine: string
  readonly body: string
  readonly #headers: readonly (readonly [name: string, value: string])[]

  constructor(text: string) {
    this.text = text
    const end = text.indexOf('\r\n\r\n')
    const [startLine = '', ...lines] = text.slice(0, end).split('\r\n')
    this.startLine = startLine
    this.body = text.slice(end + 4)
    this.#headers = lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]
    })
  }

  get status(): number | null {
    const match = /^SIP\/2\.0 (\d{3}) /.exec(this.startLine)
    return match === null ? null : Number(match[1])
  }

  get method(): string | null {
    return this.status === null ? (this.startLine.split(' ')[0] ?? null) : null
  }

  /** Every value of the header, in order; lines are not cut at commas. */
  headers(name: string): readonly string[] {
    return this.#headers.filter(([each]) => each === name.toLowerCase()).map(([, value]) => value)
  }

  /** The value of a header that must be there. */
  header(name: string): string {
    const [value] = this.headers(name)
    if (value === undefined) throw new Error(`no ${name} in\n${this.text}`)
    return value
  }
}

/** What carries the bytes of a WirePhone. */
interface Line {
  readonly local: HostPort
  send(bytes: string): void
  close(): void
}

export class WirePhone {
  readonly transport: 'UDP' | 'TCP'
  readonly #line: Line
  readonly #inbox: Inbox

  private constructor(transport: 'UDP' | 'TCP', line: Line, inbox: Inbox) {
    this.transport = transport
    this.#line = line
    this.#inbox = inbox
  }

  static async udp(server: HostPort, host = '127.0.0.1'): Promise<WirePhone> {
    const inbox = new Inbox()
    const socket = await Bun.udpSocket({
      hostname: host,
      port: 0,
      socket: { data: (_socket, bytes) => inbox.put(bytes.toString('latin1')), error() {} },
    })
    return new WirePhone(
      'UDP',
      {
        local: { host, port: socket.port },
        send: (text) => void socket.send(Buffer.from(text, 'latin1'), server.port, server.host),
        close: () => socket.close(),
      },
      inbox,
    )
  }

  static async tcp(server: HostPort): Promise<WirePhone> {
    const inbox = new Inbox()
    const stream = new StreamCutter((text) => inbox.put(text))
    const socket = await Bun.connect({
      hostname: server.host,
      port: server.port,
      socket: {
        data: (_socket, bytes) => stream.feed(bytes.toString('latin1')),
        close: () => inbox.end('the connection was closed'),
        error() {},
      },
    })
    return new WirePhone(
      'TCP',
      {
        local: { host: socket.localAddress, port: socket.localPort },
        send: (text) => void socket.write(Buffer.from(text, 'latin1')),
        close: () => socket.end(),
      },
      inbox,
    )
  }

  get local(): HostPort {
    return this.#line.local
  }

  /** "127.0.0.1:5060": as it stands in Via and Contact. */
  get sentBy(): string {
    return `${this.local.host}:${this.local.port}`
  }

  /** Lines may be written with \n: SIP's line ends are put in. */
  sends(text: string): void {
    this.#line.send(text.replaceAll(/\r?\n/g, '\r\n'))
  }

  /**
   * The next message: it must begin with this status or method. 100 Trying and repeated datagrams are passed over,
   * unless it is 100 that is expected.
   */
  async expects(start: string, ms = EXPECT_MS): Promise<WireMessage> {
    for (;;) {
      const message = await within(ms, () => `${start} from the server`, this.#inbox.take())
      if (message.status?.toString() === start || message.method === start) return message
      if (message.status !== 100) throw new Error(`expected ${start}, got\n${message.text}`)
    }
  }

  /** Also when the server went away first. */
  close(): void {
    this.#line.close()
  }
}

/** Messages that were not yet asked for. A retransmission (the same bytes as one before) is not put in again. */
class Inbox {
  readonly #seen = new Set<string>()
  readonly #messages: WireMessage[] = []
  #takers: PromiseWithResolvers<WireMessage>[] = []
  #ended: string | null = null

  put(text: string): void {
    if (this.#seen.has(text) || text.trim() === '') return
    this.#seen.add(text)
    const message = new WireMessage(text)
    const taker = this.#takers.shift()
    if (taker === undefined) this.#messages.push(message)
    else taker.resolve(message)
  }

  take(): Promise<WireMessage> {
    const message = this.#messages.shift()
    if (message !== undefined) return Promise.resolve(message)
    if (this.#ended !== null) return Promise.reject(new Error(this.#ended))
    const taker = Promise.withResolvers<WireMessage>()
    this.#takers.push(taker)
    return taker.promise
  }

  end(why: string): void {
    this.#ended = why
    for (const taker of this.#takers) taker.reject(new Error(why))
    this.#takers = []
  }
}

/** Cuts a stream at Content-Length (RFC 3261 section 18.3). */
class StreamCutter {
  readonly #each: (text: string) => void
  #rest = ''

  constructor(each: (text: string) => void) {
    this.#each = each
  }

  feed(text: string): void {
    this.#rest = (this.#rest + text).replace(/^(\r\n)+/, '')
    for (;;) {
      const end = this.#rest.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(
        /^(?:content-length|l)[ \t]*:[ \t]*(\d+)/im.exec(this.#rest.slice(0, end))?.[1] ?? 0,
      )
      if (this.#rest.length < end + 4 + length) return
      this.#each(this.#rest.slice(0, end + 4 + length))
      this.#rest = this.#rest.slice(end + 4 + length)
    }
  }
}
