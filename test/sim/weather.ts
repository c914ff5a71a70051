// What befalls a simulated world: the server killed and restarted, ways cut, stores that fail, phones that die.

import type { MemoryDatabase } from '../support/memory-store.ts'
import type { Random } from '../support/random.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'
import type { VirtualNetwork } from '../support/virtual-network.ts'
import type { Climate, Trouble } from './climate.ts'
import type { WorldCounts } from './count.ts'
import type { SimPhone } from './phone.ts'
import { SERVER, type Site } from './site.ts'

export interface WeatherParts {
  readonly climate: Climate
  readonly clock: VirtualClock
  readonly network: VirtualNetwork
  readonly database: MemoryDatabase
  readonly random: Random
  readonly site: Site
  readonly phones: readonly SimPhone[]
  readonly counts: WorldCounts
  onEvent(what: string): void
  onTrouble(host: string): void
  onFailure(error: unknown): void
}

const STORM_LOSS = 0.6
/** Longest that a stopping server waits for the store, and until it is started again. */
const RESTART_ms = 60_000

export class Weather {
  readonly #parts: WeatherParts
  #over = false

  constructor(parts: WeatherParts) {
    this.#parts = parts
  }

  begin(): void {
    const { climate, random } = this.#parts
    if (climate.troubles.length === 0) return
    this.#later(random.next() * 2 * climate.calm_ms, () => {
      if (this.#over) return
      this.#strike(random.pick(climate.troubles))
      this.begin()
    })
  }

  /** From now on all is well. The server is there again when this resolves. */
  async end(): Promise<void> {
    this.#over = true
    const { network, database, climate, clock, site } = this.#parts
    network.heal()
    network.loss = climate.loss
    this.#healStore(database)
    await clock.pass(site.server === null ? RESTART_ms : 0)
    this.#parts.onEvent('the weather clears up')
  }

  #strike(trouble: Trouble): void {
    switch (trouble) {
      case 'kill':
      case 'restart':
        void this.#restart(trouble)
        return
      case 'partition':
        this.#cut()
        return
      case 'slow-store':
      case 'failing-store':
        this.#troubleStore(trouble)
        return
      case 'vanish':
        void this.#vanish()
        return
      case 'storm':
        this.#storm()
        return
    }
  }

  async #restart(how: 'kill' | 'restart'): Promise<void> {
    const { site, counts, random, onEvent, onFailure } = this.#parts
    if (site.server === null) return
    onEvent(how === 'kill' ? 'the server is killed' : 'the server is stopped')
    if (how === 'kill') counts.kills++
    else counts.restarts++
    try {
      if (how === 'kill') site.kill()
      else await site.stop()
      await this.#waits(random.next() * 3000)
      await site.start()
      onEvent('the server runs again')
    } catch (error) {
      onFailure(error)
    }
  }

  #cut(): void {
    const { phones, network, counts, random, onEvent, onTrouble } = this.#parts
    const { host } = random.pick(phones)
    counts.partitions++
    onEvent(`${host} is cut off`)
    network.partition(SERVER.host, host)
    onTrouble(host)
    this.#later(random.pick([1000, 5000, 40_000]) * (0.5 + random.next()), () => {
      onEvent(`${host} is within reach again`)
      network.rejoin(SERVER.host, host)
      onTrouble(host)
    })
  }

  #troubleStore(how: 'slow-store' | 'failing-store'): void {
    const { database, random, counts, onEvent } = this.#parts
    counts.storeTroubles++
    onEvent(how)
    if (how === 'slow-store') {
      database.answer_ms = random.next() * 2500
      database.commit_ms = random.next() * 2500
    } else database.fault = random.pick(['fails', 'hangs'])
    this.#later(random.next() * 12_000, () => {
      onEvent('the store is well again')
      this.#healStore(database)
    })
  }

  #healStore(database: MemoryDatabase): void {
    database.answer_ms = 0
    database.commit_ms = 0
    database.fault = null
  }

  async #vanish(): Promise<void> {
    const { phones, random, counts, onEvent, onFailure, onTrouble } = this.#parts
    const phone = random.pick(phones)
    if (!phone.on) return
    counts.phonesVanished++
    onEvent(`${phone.host} dies`)
    onTrouble(phone.host)
    try {
      await phone.vanishes()
      await this.#waits(random.next() * 20_000)
      if (this.#over) return
      onEvent(`${phone.host} is back`)
      phone.starts()
    } catch (error) {
      onFailure(error)
    }
  }

  #storm(): void {
    const { network, climate, random, onEvent } = this.#parts
    onEvent('much is lost')
    network.loss = STORM_LOSS
    this.#later(random.next() * 15_000, () => {
      onEvent('less is lost')
      network.loss = climate.loss
    })
  }

  #waits(ms: number): Promise<void> {
    return new Promise((resolve) => this.#later(ms, () => resolve()))
  }

  #later(ms: number, task: () => void): void {
    this.#parts.clock.after(ms, { onTimer: task }, 0)
  }
}
