import type { Address } from '../../src/transport/transport.ts'

/** A TCP client that sends what it is told, byte by byte if need be, and knows nothing of SIP. */
export class RawStream {
  received = ''
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>
  readonly #socket: Bun.Socket<undefined>
  #waiting: { readonly text: string; resolve(): void } | null = null

  private constructor(socket: Bun.Socket<undefined>, closed: Promise<void>) {
    this.#socket = socket
    this.closed = closed
  }

  static async connect(to: Address): Promise<RawStream> {
    const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>()
    let stream: RawStream | null = null
    const socket = await Bun.connect({
      hostname: to.host,
      port: to.port,
      socket: {
        data: (_socket, bytes) => stream?.onData(bytes),
        close: () => onClosed(),
        error() {},
      },
    })
    socket.setNoDelay(true)
    stream = new RawStream(socket, closed)
    return stream
  }

  get address(): Address {
    return { host: this.#socket.localAddress, port: this.#socket.localPort }
  }

  send(bytes: Uint8Array | string): void {
    this.#socket.write(bytes)
  }

  /** Until all of this has come, from the beginning. */
  async receives(text: string): Promise<void> {
    if (this.received.startsWith(text)) return
    await new Promise<void>((resolve) => {
      this.#waiting = { text, resolve }
    })
  }

  /** No more from us. */
  halfClose(): void {
    this.#socket.shutdown()
  }

  reset(): void {
    this.#socket.terminate()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  onData(bytes: Buffer): void {
    this.received += bytes.toString('latin1')
    if (this.#waiting !== null && this.received.startsWith(this.#waiting.text)) this.#waiting.resolve()
  }
}
