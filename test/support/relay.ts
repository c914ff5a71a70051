// A wire of the test's own between two programs on TCP: it passes all on, late, not at all, or is not there.

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { passes } from './deadline.ts'
import type { HostPort } from './server-process.ts'

const HOST = '127.0.0.1'

export class Relay {
  readonly #target: HostPort
  readonly #sockets = new Set<Socket>()
  #server: Server
  #port = 0
  /** What each direction takes longer. */
  delay_ms = 0
  #healed: PromiseWithResolvers<void> | null = null
  accepted = 0

  private constructor(target: HostPort) {
    this.#target = target
    this.#server = this.#make()
  }

  static async to(target: HostPort): Promise<Relay> {
    const relay = new Relay(target)
    await relay.#listen()
    return relay
  }

  get port(): number {
    return this.#port
  }

  /** From now on connections are accepted, and not a byte passes; they pass when it is healed. */
  cut(): void {
    this.#healed ??= Promise.withResolvers<void>()
  }

  heal(): void {
    this.#healed?.resolve()
    this.#healed = null
  }

  /** Nobody listens here any more: connections are refused, those that are open end. */
  async refuse(): Promise<void> {
    this.heal()
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await once(this.#server, 'close')
  }

  /** After `refuse`: at the same port. */
  async accept(): Promise<void> {
    this.#server = this.#make()
    await this.#listen()
  }

  #make(): Server {
    return createServer((near) => void this.#join(near))
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, HOST)
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the relay has no port')
    this.#port = address.port
  }

  async #join(near: Socket): Promise<void> {
    this.accepted++
    this.#keep(near)
    await this.#healed?.promise
    if (near.destroyed) return
    const far = connect(this.#target.port, this.#target.host)
    this.#keep(far)
    this.#pass(near, far)
    this.#pass(far, near)
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => this.#sockets.delete(socket))
  }

  #pass(from: Socket, to: Socket): void {
    let last = Promise.resolve()
    const after = (step: () => void) => {
      const at_ms = performance.now() + this.delay_ms
      last = last.then(async () => {
        const left_ms = at_ms - performance.now()
        if (left_ms > 0) await passes(Math.ceil(left_ms))
        await this.#healed?.promise
        step()
      })
    }
    from.on('data', (bytes) => after(() => void to.write(bytes)))
    from.on('close', () => after(() => to.destroy()))
  }
}
