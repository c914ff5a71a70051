import type { Address, Flow, Sender, SendFailure, Transport } from '../../src/transport/transport.ts'

export interface Received {
  readonly bytes: Buffer
  readonly flow: Flow
}

/** One party on a transport: keeps all it receives. */
export class Station {
  readonly transport: Transport
  readonly received: Received[] = []
  onBytes: ((bytes: Buffer, flow: Flow) => void) | null = null
  #waiting: { readonly count: number; resolve(): void }[] = []
  #address: Address | null = null

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** The first one it listened on; remembered after it has closed. */
  get address(): Address {
    return this.#address!
  }

  async listen(): Promise<void> {
    this.#address = (
      await this.transport.listen({ onBytes: (bytes, flow) => this.#receive(bytes, flow) })
    )[0]!
  }

  flowTo(peer: Address): Flow | null {
    return this.transport.flowTo(peer, null)
  }

  /** Resolves with all that came when it is that many; bun's own time limit ends a wait in vain. */
  async receives(count: number): Promise<readonly Received[]> {
    if (this.received.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
    }
    return this.received
  }

  #receive(bytes: Buffer, flow: Flow): void {
    this.received.push({ bytes, flow })
    const due = this.#waiting.filter(({ count }) => count <= this.received.length)
    this.#waiting = this.#waiting.filter((one) => !due.includes(one))
    for (const { resolve } of due) resolve()
    this.onBytes?.(bytes, flow)
  }
}

/** The least that a stream can frame. */
export function message(body: string): Buffer {
  return Buffer.from(`MESSAGE sip:x SIP/2.0\r\nl: ${body.length}\r\n\r\n${body}`)
}

export function waitForFailure(send: (sender: Sender) => void): Promise<SendFailure> {
  return new Promise((resolve) => send({ onSendFailed: resolve }))
}
