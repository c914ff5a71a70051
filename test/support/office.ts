// The whole server with its phones, on one virtual clock and one virtual network. Nothing here is real but the code.

import { expect } from 'bun:test'
import { LIMITS, type Limits } from '../../src/config.ts'
import { createLog } from '../../src/log.ts'
import { Server } from '../../src/server.ts'
import { familyOf } from '../../src/sip/host.ts'
import { IdSource } from '../../src/sip/id.ts'
import { Resolver } from '../../src/transport/resolve.ts'
import type { Address, TransportName } from '../../src/transport/transport.ts'
import { Dialog } from './dialog.ts'
import { MemoryDatabase } from './memory-store.ts'
import { Phone, type PhoneHome, type RegisterParts } from './phone.ts'
import { Random } from './random.ts'
import { VirtualClock } from './virtual-clock.ts'
import { VirtualNetwork, type VirtualTransport } from './virtual-network.ts'

export const SERVER: Address = { host: '10.0.0.1', port: 5060 }
const SERVER_IPV6: Address = { host: '2001:db8::1', port: 5060 }
const NODE_SECRET = Buffer.from('the same secret after a restart.')
/** Longer than timer C and a CANCEL's limit after it, and than any transaction without an INVITE. */
const ALL_TIMERS_ms = 300_000

export interface OfficeOptions {
  /** Numbers with an account; 101, 102 and 103 when left out. */
  readonly numbers?: readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  readonly limits?: Partial<Limits>
  /** Defects that this test provokes on purpose. */
  readonly defects?: number
  /** Names that can be resolved. */
  readonly names?: ReadonlyMap<string, string>
}

interface PhoneOptions {
  readonly transport?: TransportName
  readonly host?: string
  readonly port?: number
  /** Its own address as it knows it, behind a NAT. */
  readonly inside?: string
}

/** A line of the log, as written. */
interface LogLine {
  readonly event?: string
  readonly [field: string]: unknown
}

export class Office implements PhoneHome {
  readonly clock = new VirtualClock()
  readonly network = new VirtualNetwork(this.clock)
  readonly database = new MemoryDatabase(this.clock)
  readonly log: LogLine[] = []
  readonly #options: OfficeOptions
  readonly #random = new Random(1)
  #transports: readonly VirtualTransport[] = []
  #server: Server | null = null
  #phones = 0
  #texts = 0

  constructor(options: OfficeOptions) {
    this.#options = options
    for (const number of options.numbers ?? ['101', '102', '103']) this.database.add(number)
    for (const [name, value] of Object.entries(options.settings ?? {})) this.database.set(name, value)
  }

  get server(): Server {
    if (this.#server === null) throw new Error('the server is not running')
    return this.#server
  }

  async opens(): Promise<void> {
    const limits = { ...LIMITS, ...this.#options.limits }
    this.#transports = (['udp', 'tcp'] as const).map((name) =>
      this.network.transport(name, [SERVER, SERVER_IPV6]),
    )
    this.#server = await Server.start({
      clock: this.clock,
      ids: new IdSource((bytes) => this.#fill(bytes)),
      log: createLog('debug', { write: (line) => void this.log.push(JSON.parse(line)) }),
      limits,
      transports: this.#transports,
      resolver: new Resolver(this.clock, limits, async (name) => this.#addressesOf(name)),
      nodeSecret: NODE_SECRET,
      openStore: (listener) => this.database.open(listener),
    })
  }

  /** Stops the server and starts another one on the same database: its memory is lost. */
  async restarts(): Promise<void> {
    await this.server.stop()
    // Phones with connections hear that these are gone.
    await this.clock.idle()
    await this.opens()
  }

  transport(name: TransportName): VirtualTransport {
    const found = this.#transports.find((one) => one.name === name)
    if (found === undefined) throw new Error(`the server has no ${name}`)
    return found
  }

  serverFor(host: string): Address {
    return familyOf(host) === 6 ? SERVER_IPV6 : SERVER
  }

  unique(prefix: string): string {
    return `${prefix}${++this.#texts}`
  }

  /** Each at an address of its own, unless told otherwise. */
  phone(number: string, { transport = 'udp', host, port = 5060, inside }: PhoneOptions = {}): Phone {
    const endpoint = this.network.endpoint(host ?? `10.0.1.${++this.#phones}`, port, transport)
    return new Phone(number, transport, endpoint, this, inside)
  }

  async registered(number: string, options: PhoneOptions & RegisterParts = {}): Promise<Phone> {
    const phone = this.phone(number, options)
    await phone.registers(options)
    return phone
  }

  /** A call that was answered, up to its ACK. */
  async talk(caller: Phone, callee: Phone): Promise<{ readonly caller: Dialog; readonly callee: Dialog }> {
    await caller.calls(callee.number)
    const invite = await callee.expects('INVITE')
    const answered = callee.answers(invite, '200 OK')
    const sides = {
      caller: Dialog.ofCaller(caller, await caller.expects('200')),
      callee: Dialog.ofCallee(callee, invite, answered),
    }
    sides.caller.sends('ACK')
    await callee.expects('ACK')
    return sides
  }

  async passes(ms: number): Promise<void> {
    await this.clock.pass(ms)
  }

  /** What the log says of an event. */
  logged(event: string): readonly LogLine[] {
    return this.log.filter((line) => line.event === event)
  }

  /** Whatever a test played, nothing of it may be left once all timers have run out. */
  async closes(): Promise<void> {
    const { server } = this
    await this.passes(ALL_TIMERS_ms)
    expect({ servers: server.transactions.serverCount, clients: server.transactions.clientCount }).toEqual({
      servers: 0,
      clients: 0,
    })
    await server.stop()
    this.#server = null
    expect(this.network.errors).toEqual([])
    const expected = this.#options.defects ?? 0
    const defects = this.logged('defect')
    if (defects.length !== expected) throw new Error(`defects: ${JSON.stringify(defects, null, 2)}`)
    expect(server.defects).toBe(expected)
  }

  #fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random.below(256)
  }

  #addressesOf(name: string): readonly string[] {
    const address = this.#options.names?.get(name)
    return address === undefined ? [] : [address]
  }
}

/** A test that is played in an office of its own: `test('rule', inOffice(async (office) => { ... }))`. */
export function inOffice(
  play: (office: Office) => Promise<void>,
  options: OfficeOptions = {},
): () => Promise<void> {
  return async () => {
    const office = new Office(options)
    await office.opens()
    await play(office)
    await office.closes()
  }
}
