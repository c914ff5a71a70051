// What waits to be sent through Bun: the whole way where there is no C library to send by, and elsewhere for as long as
// the kernel has no room, since only Bun hears when there is some again.

import type { Sender, SendFailure, TransportContext, TransportCounts } from './transport.ts'
import type { UdpFlow } from './udp-flow.ts'

/** Most datagrams in one call: what is left after a refused one is copied, and must stay small. */
const BATCH_DATAGRAMS = 256
/** sendMany takes them flat: bytes, port, host. */
const FIELDS = 3

type Socket = Bun.udp.Socket<'buffer'>

/** Counts what left and what did not, and tells the senders of these. */
export class SendReport {
  readonly #context: TransportContext
  readonly #counts: TransportCounts

  constructor(context: TransportContext, counts: TransportCounts) {
    this.#context = context
    this.#counts = counts
  }

  left(datagrams: number, bytes: number): void {
    this.#counts.messagesOut += datagrams
    this.#counts.bytesOut += bytes
  }

  failed(failure: SendFailure, sender: Sender | undefined): void {
    this.#counts.sendsFailed[failure]++
    if (sender !== undefined) this.#context.clock.soon(() => sender.onSendFailed(failure))
  }
}

export class DatagramQueue {
  readonly #report: SendReport
  #packets: (Uint8Array | number | string)[] = []
  #senders: (Sender | undefined)[] = []

  constructor(report: SendReport) {
    this.#report = report
  }

  get size(): number {
    return this.#senders.length
  }

  /** A turn that reads a flood has no end while more comes: a full batch does not wait for it. */
  get hasBatch(): boolean {
    return this.size > 0 && this.size % BATCH_DATAGRAMS === 0
  }

  push(bytes: Uint8Array, { peer }: UdpFlow, sender: Sender | undefined): void {
    this.#packets.push(bytes, peer.port, peer.host)
    this.#senders.push(sender)
  }

  /** Sends all it can. False when the socket has no room for the rest: Bun tells when it has, by `drain`. */
  sendBy(socket: Socket): boolean {
    const total = this.size
    let sent = 0
    let full = false
    while (sent < total) {
      sent += this.#sendBatch(socket, sent, Math.min(total, sent + BATCH_DATAGRAMS))
      if (sent === total) break
      // Something cut the batch short. Alone, the datagram at fault says what, and the others go on without it.
      const outcome = this.#sendOne(socket, sent)
      full = outcome === 'full'
      if (full) break
      if (outcome !== 'sent' && outcome !== 'full') this.#report.failed(outcome, this.#senders[sent])
      sent++
    }
    this.#packets = sent === total ? [] : this.#packets.slice(sent * FIELDS)
    this.#senders = sent === total ? [] : this.#senders.slice(sent)
    return !full
  }

  /** None of them will leave. */
  abandon(): void {
    for (const sender of this.#senders) this.#report.failed('closed', sender)
    this.#packets = []
    this.#senders = []
  }

  /** How many left. 0 as well when one of them is not to the system's taste. */
  #sendBatch(socket: Socket, from: number, to: number): number {
    const whole = from === 0 && to === this.size
    const batch = whole ? this.#packets : this.#packets.slice(from * FIELDS, to * FIELDS)
    try {
      const taken = socket.sendMany(batch)
      let bytes = 0
      for (let n = 0; n < taken; n++) bytes += (batch[n * FIELDS] as Uint8Array).length
      this.#report.left(taken, bytes)
      return taken
    } catch {
      return 0
    }
  }

  #sendOne(socket: Socket, index: number): SendFailure | 'sent' | 'full' {
    // The three fields of one datagram, pushed together.
    const bytes = this.#packets[index * FIELDS] as Uint8Array
    const port = this.#packets[index * FIELDS + 1] as number
    const host = this.#packets[index * FIELDS + 2] as string
    let outcome = trySend(socket, bytes, port, host)
    // An ICMP error that an earlier datagram has caused: it is gone once reported.
    if (outcome === 'refused') outcome = trySend(socket, bytes, port, host)
    if (outcome === 'sent') this.#report.left(1, bytes.length)
    return outcome
  }
}

function trySend(
  socket: Socket,
  bytes: Uint8Array,
  port: number,
  host: string,
): SendFailure | 'sent' | 'full' {
  try {
    return socket.send(bytes, port, host) ? 'sent' : 'full'
  } catch (error) {
    return failureOf(error)
  }
}

function failureOf(error: unknown): SendFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'EMSGSIZE') return 'too-large'
  return 'unreachable'
}
