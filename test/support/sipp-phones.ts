// A bank of SIPp phones behind one address: they register from there, call from there and are called there.

import { freePort } from './port.ts'
import type { Account, HostPort } from './server-process.ts'
import { authentication, type Sipp, type SippOptions, type SippResult, startSipp } from './sipp.ts'
import type { Subject } from './subject.ts'

const HOST = '127.0.0.1'
const PER_SECOND = 200
const WITHIN_MS = 20_000
const EXPIRES_S = '300'

/** SIPp 3.6.1 answers the first challenge of a response, and ends itself when that is not MD5. */
export const MD5_ONLY: Readonly<Record<string, string>> = { auth_algorithms: 'MD5' }

export interface Registering {
  readonly scenario?: 'register' | 'register-refused'
  /** In seconds; 0 unregisters. */
  readonly expires?: string
  readonly perSecond?: number
}

export interface Calls {
  readonly from: readonly Account[]
  /** The number that each of them calls. */
  readonly to: readonly string[]
  /** For call-refused: how the calls end. */
  readonly status?: string
  readonly pause_ms?: number
  readonly perSecond?: number
}

export class SippPhones {
  readonly address: HostPort
  readonly transport: 'udp' | 'tcp'
  readonly #server: Subject

  private constructor(server: Subject, transport: 'udp' | 'tcp', address: HostPort) {
    this.#server = server
    this.transport = transport
    this.address = address
  }

  static async of(server: Subject, transport: 'udp' | 'tcp' = 'udp'): Promise<SippPhones> {
    return new SippPhones(server, transport, { host: HOST, port: await freePort(HOST) })
  }

  /** Every account registers a contact here; an error unless every one of them goes as the scenario says. */
  async register(accounts: readonly Account[], registering: Registering = {}): Promise<SippResult> {
    return await (await this.startRegistering(accounts, registering)).succeeded()
  }

  async startRegistering(accounts: readonly Account[], registering: Registering = {}): Promise<Sipp> {
    const { scenario = 'register', expires = EXPIRES_S, perSecond = PER_SECOND } = registering
    return await this.#start({
      ...this.#common(scenario),
      server: this.#server[this.transport],
      calls: accounts.length,
      callsPerSecond: perSecond,
      users: accounts.map(({ number, password }) => [number, authentication(number, password)]),
      keys: { expires },
    })
  }

  /** Here the phones are called, and do as the scenario says, for as many calls. */
  async take(scenario: 'answer' | 'busy' | 'ring', calls: number, pause_ms = 0): Promise<Sipp> {
    return await this.#start({ ...this.#common(scenario), calls, pause_ms })
  }

  /** From here the phones call; an error unless every call goes as the scenario says. */
  async call(scenario: 'call' | 'call-refused' | 'call-cancelled', calls: Calls): Promise<SippResult> {
    const { from, to, status, pause_ms = 0, perSecond = PER_SECOND } = calls
    const calling = await this.#start({
      ...this.#common(scenario),
      server: this.#server[this.transport],
      calls: from.length,
      callsPerSecond: perSecond,
      pause_ms,
      users: from.map(({ number, password }, index) => [
        number,
        authentication(number, password),
        to[index] ?? '',
      ]),
      parts: status === undefined ? {} : { status },
    })
    return await calling.succeeded()
  }

  async #start(options: SippOptions): Promise<Sipp> {
    const started = await startSipp(options)
    this.#server.takesWithIt(started)
    return started
  }

  #common(scenario: string) {
    const { address: local, transport } = this
    return { scenario, local, transport, folder: this.#server.folder, within_ms: WITHIN_MS }
  }
}
