// One connection as a flow, whatever carries its bytes: TCP now, TLS and WebSocket later.

import type { Timer, Wakeable } from '../clock.ts'
import { formatHostPort } from '../sip/host.ts'
import { type FramerUser, type FramingProblem, StreamFramer } from './framing.ts'
import { type SendBudget, SendQueue } from './send-queue.ts'
import type {
  Address,
  Flow,
  Sender,
  SendFailure,
  TransportContext,
  TransportCounts,
  TransportName,
} from './transport.ts'

/** What a connection needs of its socket; Bun's is one. */
export interface StreamSocket {
  /** How many bytes were taken; the rest is ours to keep until `onDrain`. Negative when the socket is gone. */
  write(bytes: Uint8Array): number
  /** No more bytes from us. */
  end(): void
  terminate(): void
}

export interface ConnectionUser {
  onMessage(bytes: Buffer, connection: StreamConnection): void
  /** The peer will say no more: answers may leave, but it is no way for new requests. */
  onLingering(connection: StreamConnection): void
  /** Once, whatever ended it. */
  onClosed(connection: StreamConnection): void
}

export interface ConnectionOptions {
  readonly transport: TransportName
  /** Different for all connections of a transport. */
  readonly number: number
  readonly peer: Address
  readonly local: Address
  readonly user: ConnectionUser
  readonly context: TransportContext
  readonly counts: TransportCounts
  /** Shared by all connections of the transport. */
  readonly budget: SendBudget
}

enum Wake {
  Connect,
  Message,
  Idle,
  Stall,
  Linger,
}

/** RFC 5626 section 3.5.1. */
const PONG = Buffer.from('\r\n')

export class StreamConnection implements Flow, FramerUser, Wakeable {
  readonly transport: TransportName
  readonly reliable = true
  readonly peer: Address
  readonly local: Address
  readonly key: string
  readonly #user: ConnectionUser
  readonly #context: TransportContext
  readonly #counts: TransportCounts
  readonly #framer: StreamFramer
  readonly #queue: SendQueue
  readonly #flush = (): void => this.#sendQueued()
  readonly #timers: (Timer | null)[] = [null, null, null, null, null]
  #socket: StreamSocket | null = null
  #state: 'connecting' | 'open' | 'lingering' | 'ending' | 'closed' = 'connecting'
  /** Never more than there are client transactions. */
  readonly #waiting = new Set<Sender>()
  #flushDue = false
  #active_ms: number
  #messages = 0

  constructor(options: ConnectionOptions) {
    const { transport, number, peer, local, user, context, counts, budget } = options
    this.transport = transport
    this.peer = peer
    this.local = local
    const ends = `${formatHostPort(local.host, local.port)}>${formatHostPort(peer.host, peer.port)}`
    this.key = `${transport}:${ends}#${number}`
    this.#user = user
    this.#context = context
    this.#counts = counts
    this.#framer = new StreamFramer(context.limits, this)
    this.#queue = new SendQueue(context.limits.streamSendQueue_bytes, budget)
    this.#active_ms = context.clock.monotonic()
    this.#wake(Wake.Connect, context.limits.streamConnect_ms)
  }

  get open(): boolean {
    return this.#state !== 'ending' && this.#state !== 'closed'
  }

  get lingering(): boolean {
    return this.#state === 'lingering'
  }

  send(bytes: Uint8Array, sender?: Sender): void {
    if (!this.open) this.#fail('closed', sender)
    else if (!this.#enqueue(bytes, sender)) this.#fail('congested', sender)
    else this.#flushSoon()
  }

  /** The socket is there, by connecting or by accepting. False when it came too late. */
  onOpen(socket: StreamSocket): boolean {
    if (this.#state !== 'connecting') return false
    this.#socket = socket
    this.#state = 'open'
    this.#counts.connectionsOpen++
    this.#sleep(Wake.Connect)
    this.#wake(Wake.Idle, this.#context.limits.streamIdle_ms)
    this.#sendQueued()
    return true
  }

  onData(chunk: Buffer): void {
    this.#counts.bytesIn += chunk.length
    this.#active_ms = this.#context.clock.monotonic()
    const messagesBefore = this.#messages
    this.#framer.push(chunk)
    // One message's time is not prolonged by its bytes, however they trickle in; the next message has its own.
    const another = this.#messages !== messagesBefore
    if (!this.#framer.partial || another) this.#sleep(Wake.Message)
    if (this.#framer.partial && this.#timers[Wake.Message] === null) {
      this.#wake(Wake.Message, this.#context.limits.streamMessage_ms)
    }
  }

  attach(sender: Sender): void {
    this.#waiting.add(sender)
  }

  detach(sender: Sender): void {
    this.#waiting.delete(sender)
  }

  onDrain(): void {
    this.#sendQueued()
  }

  /** The peer has closed its half. */
  onEnd(): void {
    this.#linger()
  }

  /** The socket is gone, or never came. */
  onClosed(failure: SendFailure): void {
    if (this.#state === 'closed') return
    if (this.#socket !== null) this.#counts.connectionsOpen--
    this.#state = 'closed'
    this.#socket = null
    this.#framer.stop()
    for (const which of this.#timers.keys()) this.#sleep(which)
    const unsent = this.#queue.clear()
    for (const sender of unsent) this.#fail(failure, sender)
    for (const sender of this.#waiting) if (!unsent.includes(sender)) this.#fail(failure, sender)
    this.#waiting.clear()
    this.#user.onClosed(this)
  }

  /** Sends what waits and closes; by force when the peer does not follow in time. */
  close(): void {
    if (this.#state === 'ending' || this.#state === 'closed') return
    if (this.#socket === null) {
      this.onClosed('closed')
      return
    }
    this.#framer.stop()
    this.#state = 'ending'
    this.#wake(Wake.Linger, this.#context.limits.streamLinger_ms)
    this.#sendQueued()
  }

  onMessage(bytes: Buffer): void {
    this.#messages++
    this.#counts.messagesIn++
    this.#user.onMessage(bytes, this)
  }

  onPing(): void {
    // Who does not read its pongs does not need more of them.
    if (this.#queue.empty) this.send(PONG)
  }

  onUnframed(problem: FramingProblem): void {
    this.#counts.dropped.framing++
    if (problem === 'headers-too-long') this.#abort('closed')
    else this.#linger()
  }

  onTimer(which: number): void {
    this.#timers[which] = null
    if (which === Wake.Connect) this.onClosed('timeout')
    else if (which === Wake.Stall) this.#abort('timeout')
    else if (which === Wake.Idle) this.#closeIfIdle()
    else if (which === Wake.Message) {
      this.#counts.dropped.incomplete++
      this.#abort('closed')
    } else if (this.#state === 'lingering') this.close()
    else this.#abort('closed')
  }

  #enqueue(bytes: Uint8Array, sender: Sender | undefined): boolean {
    if (this.#queue.add(bytes, sender)) return true
    // Full of what was sent in this turn, perhaps, and the socket has not been asked yet.
    this.#sendQueued()
    return this.#queue.add(bytes, sender)
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#socket === null) return
    this.#flushDue = true
    this.#context.clock.soon(this.#flush)
  }

  #sendQueued(): void {
    this.#flushDue = false
    if (this.#socket === null) return
    while (!this.#queue.empty) {
      const bytes = this.#queue.next()
      const taken = this.#socket.write(bytes)
      if (taken < 0) break
      this.#countTaken(taken)
      if (taken < bytes.length) break
    }
    if (this.#queue.empty) this.#onQueueEmpty()
    else if (this.#timers[Wake.Stall] === null) this.#wake(Wake.Stall, this.#context.limits.streamStall_ms)
  }

  #countTaken(bytes: number): void {
    if (bytes === 0) return
    this.#counts.messagesOut += this.#queue.take(bytes)
    this.#counts.bytesOut += bytes
    this.#active_ms = this.#context.clock.monotonic()
    this.#sleep(Wake.Stall)
  }

  #onQueueEmpty(): void {
    if (this.#state === 'ending') this.#socket?.end()
  }

  #linger(): void {
    if (this.#state !== 'open') return
    this.#state = 'lingering'
    this.#framer.stop()
    this.#sleep(Wake.Message)
    this.#wake(Wake.Linger, this.#context.limits.streamLinger_ms)
    this.#user.onLingering(this)
  }

  #closeIfIdle(): void {
    const idle_ms = this.#context.clock.monotonic() - this.#active_ms
    const left_ms = this.#context.limits.streamIdle_ms - idle_ms
    if (left_ms <= 0) this.close()
    else this.#wake(Wake.Idle, left_ms)
  }

  #abort(failure: SendFailure): void {
    const socket = this.#socket
    this.onClosed(failure)
    socket?.terminate()
  }

  #wake(which: Wake, delay_ms: number): void {
    this.#timers[which]?.cancel()
    this.#timers[which] = this.#context.clock.after(delay_ms, this, which)
  }

  #sleep(which: Wake): void {
    this.#timers[which]?.cancel()
    this.#timers[which] = null
  }

  #fail(failure: SendFailure, sender: Sender | undefined): void {
    this.#counts.sendsFailed[failure]++
    if (sender !== undefined) this.#context.clock.soon(() => sender.onSendFailed(failure))
  }
}
