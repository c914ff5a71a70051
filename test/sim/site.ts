// The server of a simulation: the whole of it, as a process that can be stopped, killed and started again.

import { LIMITS } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { Server } from '../../src/server.ts'
import { IdSource } from '../../src/sip/id.ts'
import { Resolver } from '../../src/transport/resolve.ts'
import type { Address } from '../../src/transport/transport.ts'
import type { MemoryDatabase } from '../support/memory-store.ts'
import type { Random } from '../support/random.ts'
import type { VirtualNetwork, VirtualTransport } from '../support/virtual-network.ts'
import { ProcessClock } from './process-clock.ts'

export const SERVER: Address = { host: '10.0.0.1', port: 5060 }
const NODE_SECRET = Buffer.from('the same secret after a restart.')

export interface SiteParts {
  readonly network: VirtualNetwork
  readonly database: MemoryDatabase
  readonly random: Random
  /** A line of the log that tells of a bug of ours. */
  onDefect(line: string): void
  onStarted(server: Server): void
  onGone(): void
}

export class Site {
  readonly #parts: SiteParts
  #clock: ProcessClock
  #transports: readonly VirtualTransport[] = []
  #server: Server | null = null

  constructor(parts: SiteParts) {
    this.#parts = parts
    this.#clock = new ProcessClock(parts.network.clock)
  }

  get server(): Server | null {
    return this.#server
  }

  get timers(): number {
    return this.#clock.timers
  }

  get connections(): number {
    return this.#transports.reduce((sum, { counts }) => sum + counts.connectionsOpen, 0)
  }

  async start(): Promise<void> {
    const { network, database, random } = this.#parts
    const clock = new ProcessClock(network.clock)
    this.#clock = clock
    this.#transports = (['udp', 'tcp'] as const).map((name) => network.transport(name, [SERVER]))
    this.#server = await Server.start({
      clock,
      ids: new IdSource((bytes) => {
        for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256)
      }),
      log: createLog('debug', { write: (line) => this.#onLine(line) }),
      limits: LIMITS,
      transports: this.#transports,
      resolver: new Resolver(clock, LIMITS, async () => []),
      nodeSecret: NODE_SECRET,
      openStore: (listener) => database.open(listener, clock),
    })
    this.#parts.onStarted(this.#server)
  }

  /** As `kill -9`: its sockets are closed by the kernel, and nothing that it had begun goes on. */
  kill(): void {
    this.#gone()
    this.#clock.kill()
    this.#parts.database.abandon()
    for (const transport of this.#transports) void transport.close()
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#gone()
    await server?.stop()
    this.#clock.kill()
  }

  #gone(): void {
    this.#server = null
    this.#parts.onGone()
  }

  #onLine(line: string): void {
    if (line.includes('"event":"defect"')) this.#parts.onDefect(line)
  }
}
