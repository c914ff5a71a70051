// Many SIP transactions at once over one UDP socket: each answer finds its question by the branch (RFC 3261 section
// 17.1.3), and a question is asked again each T1 as phones do.

import { passes, within } from './deadline.ts'
import type { HostPort } from './server-process.ts'
import { WireMessage } from './wire.ts'
import { unique } from './wire-account.ts'

const T1_MS = 500
const LOOK_MS = 50
const DRAIN_MS = 5000

interface Open {
  readonly text: string
  readonly endsAt_ms: number
  sentAt_ms: number
  readonly answered: (message: WireMessage | null) => void
}

export class WireClient {
  readonly #socket: Bun.udp.Socket<'buffer'>
  readonly #server: () => HostPort
  readonly #open = new Map<string, Open>()
  readonly #drains = new Map<string, () => void>()
  /** Answers requests that the server sends here; without it they are left unanswered. */
  onRequest: ((request: WireMessage) => string | null) | null = null
  repeats = 0
  #repeating = false

  private constructor(socket: Bun.udp.Socket<'buffer'>, server: () => HostPort) {
    this.#socket = socket
    this.#server = server
  }

  static async open(server: () => HostPort): Promise<WireClient> {
    let client: WireClient | null = null
    const socket = await Bun.udpSocket({
      hostname: '127.0.0.1',
      port: 0,
      socket: { data: (_socket, bytes) => client?.receive(bytes), error() {} },
    })
    client = new WireClient(socket, server)
    return client
  }

  get sentBy(): string {
    return `127.0.0.1:${this.#socket.port}`
  }

  /** `request` takes the Via for its line. The final answer; null when none came, or `abandon` came first. */
  ask(request: (via: string) => string, within_ms: number): Promise<WireMessage | null> {
    const branch = unique('z9hG4bK')
    const text = request(`Via: SIP/2.0/UDP ${this.sentBy};rport;branch=${branch}`).replaceAll(
      /\r?\n/g,
      '\r\n',
    )
    const now_ms = performance.now()
    return new Promise((answered) => {
      this.#open.set(branch, { text, endsAt_ms: now_ms + within_ms, sentAt_ms: now_ms, answered })
      this.#send(text)
      if (!this.#repeating) void this.#repeat()
    })
  }

  /** Nothing more is waited for: whoever asked hears null. */
  abandon(): void {
    for (const open of this.#open.values()) open.answered(null)
    this.#open.clear()
  }

  /** Reads all that has come to the socket up to now: a datagram to itself queues up behind it. */
  async drain(): Promise<void> {
    const mark = unique('drain')
    const drained = Promise.withResolvers<void>()
    this.#drains.set(mark, drained.resolve)
    this.#socket.send(mark, this.#socket.port, '127.0.0.1')
    await within(DRAIN_MS, () => 'the datagram to ourselves', drained.promise)
  }

  close(): void {
    this.abandon()
    this.#socket.close()
  }

  receive(bytes: Buffer): void {
    const text = bytes.toString('latin1')
    const drained = this.#drains.get(text)
    if (drained !== undefined) {
      this.#drains.delete(text)
      drained()
      return
    }
    const message = new WireMessage(text)
    const { status } = message
    if (status === null) {
      const answer = this.onRequest?.(message) ?? null
      if (answer !== null) this.#send(answer.replaceAll(/\r?\n/g, '\r\n'))
      return
    }
    if (status < 200) return
    const branch = /;branch=([^;\s,]+)/.exec(message.header('Via'))?.[1] ?? ''
    const open = this.#open.get(branch)
    this.#open.delete(branch)
    open?.answered(message)
  }

  async #repeat(): Promise<void> {
    this.#repeating = true
    while (this.#open.size > 0) {
      await passes(LOOK_MS)
      const now_ms = performance.now()
      for (const [branch, open] of this.#open) {
        if (now_ms >= open.endsAt_ms) {
          this.#open.delete(branch)
          open.answered(null)
        } else if (now_ms - open.sentAt_ms >= T1_MS) {
          open.sentAt_ms = now_ms
          this.repeats++
          this.#send(open.text)
        }
      }
    }
    this.#repeating = false
  }

  #send(text: string): void {
    const { host, port } = this.#server()
    try {
      this.#socket.send(Buffer.from(text, 'latin1'), port, host)
    } catch {
      // The server is down: what came back is the answer to an earlier datagram, and this one is lost as on any way.
    }
  }
}
