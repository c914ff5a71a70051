// One run: a seed makes a world, a population lives a day in it, everyone goes home, and nothing may be left.

import { MemoryDatabase } from '../support/memory-store.ts'
import { Random } from '../support/random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { VirtualNetwork } from '../support/virtual-network.ts'
import { type Climate, climateOf } from './climate.ts'
import { PhoneCounts, WorldCounts } from './count.ts'
import { Ladder } from './ladder.ts'
import { Monitor } from './monitor.ts'
import { type PhoneHome, SimPhone } from './phone.ts'
import type { SipText } from './sip-text.ts'
import { SERVER, Site } from './site.ts'
import { Weather } from './weather.ts'

export interface Report {
  readonly seed: number
  /** Of every message and event, with its time. */
  readonly hash: string
  readonly violation: string | null
  readonly tail: readonly string[]
  readonly phones: PhoneCounts
  readonly world: WorldCounts
}

const SECOND_ms = 1000
/** From the end of the day until the last phone is gone. */
const GOING_HOME_ms = 12_000
const EXPIRES_s = [20, 30, 60, 90] as const
/** Behind timer C come a CANCEL with its limit, and the transactions that end with what that brings. */
const LAST_TIMERS_ms = 120_000

export class Simulation {
  readonly #seed: number
  readonly #random: Random
  readonly #climate: Climate
  readonly #clock = new VirtualClock()
  readonly #network: VirtualNetwork
  readonly #database: MemoryDatabase
  readonly #ladder = new Ladder()
  readonly #phoneCounts = new PhoneCounts()
  readonly #worldCounts = new WorldCounts()
  readonly #monitor: Monitor
  readonly #site: Site
  readonly #phones: SimPhone[]
  readonly #weather: Weather
  #texts = 0
  #over = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Random(seed)
    this.#climate = climateOf(this.#random)
    const { delay_ms, jitter_ms, loss, duplication, timerC_s, numbers } = this.#climate
    this.#network = new VirtualNetwork(this.#clock, this.#random.below(2 ** 32))
    Object.assign(this.#network, { delay_ms, jitter_ms, loss, duplication })
    this.#database = new MemoryDatabase(this.#clock)
    for (const number of numbers) this.#database.add(number)
    this.#database.set('timer_c_s', `${timerC_s}`)
    this.#database.set('expires_min_s', `${EXPIRES_s[0]}`)
    this.#monitor = this.#buildMonitor(timerC_s * 1000)
    this.#network.watcher = this.#monitor
    this.#site = new Site({
      network: this.#network,
      database: this.#database,
      random: new Random(this.#random.below(2 ** 32)),
      onDefect: (line) => this.#monitor.fail(`a defect was logged: ${line}`),
      onStarted: (server) => this.#monitor.onServerStarted(server),
      onGone: () => this.#monitor.onServerGone(),
    })
    this.#phones = this.#buildPhones()
    this.#weather = new Weather({
      climate: this.#climate,
      clock: this.#clock,
      network: this.#network,
      database: this.#database,
      random: new Random(this.#random.below(2 ** 32)),
      site: this.#site,
      phones: this.#phones,
      counts: this.#worldCounts,
      onEvent: (what) => this.#ladder.event(this.#clock.monotonic(), what),
      onTrouble: (host) => this.#monitor.onTrouble(host),
      onFailure: (error) => this.#monitor.fail(String(error)),
    })
  }

  async run(): Promise<Report> {
    try {
      await this.#site.start()
      for (const phone of this.#phones) this.#later(this.#random.next() * 3000, () => phone.starts())
      this.#actLater()
      this.#weather.begin()
      await this.#passes(this.#climate.day_ms)
      await this.#goHome()
      this.#expectNothingLeft()
      this.#monitor.onDayOver([...this.#database.calls.values()])
    } catch (error) {
      this.#monitor.fail(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    return {
      seed: this.#seed,
      hash: this.#ladder.digest(),
      violation: this.#monitor.violation,
      tail: this.#ladder.tail,
      phones: this.#phoneCounts,
      world: this.#worldCounts,
    }
  }

  #buildMonitor(timerC_ms: number): Monitor {
    return new Monitor({
      clock: this.#clock,
      ladder: this.#ladder,
      counts: this.#worldCounts,
      serverHost: SERVER.host,
      timerC_ms,
      stored: () => this.#database.bindings,
    })
  }

  #buildPhones(): SimPhone[] {
    const { numbers, phonesPerNumber, tcpShare } = this.#climate
    const owners = numbers.flatMap((number) => Array.from({ length: phonesPerNumber }, () => number))
    return owners.map((number, n) => {
      const host = `10.0.1.${n + 1}`
      const home: PhoneHome = {
        network: this.#network,
        server: SERVER,
        counts: this.#phoneCounts,
        numbers,
        unique: (prefix) => `${prefix}${(++this.#texts).toString(36)}`,
        onUnanswered: (invite: SipText) => this.#monitor.onUnanswered(invite, host),
      }
      return new SimPhone({
        number,
        host,
        transport: this.#random.next() < tcpShare ? 'tcp' : 'udp',
        expires_s: this.#random.pick(EXPIRES_s),
        random: new Random(this.#random.below(2 ** 32)),
        home,
      })
    })
  }

  /** Somebody does something, again and again. */
  #actLater(): void {
    this.#later(this.#random.next() * 2 * this.#climate.pace_ms, () => {
      if (this.#over) return
      this.#act()
      this.#actLater()
    })
  }

  #act(): void {
    const phone = this.#random.pick(this.#phones)
    if (!phone.on) return
    const habit = this.#random.next()
    // Now and then somebody dials a number that is nobody's.
    const number = this.#random.next() < 0.03 ? '999' : this.#random.pick(this.#climate.numbers)
    if (habit < 0.8) phone.calls(number)
    else phone.asks(habit < 0.9 ? 'MESSAGE' : 'OPTIONS', number)
  }

  async #goHome(): Promise<void> {
    this.#over = true
    await this.#weather.end()
    for (const phone of this.#phones) if (phone.on && this.#random.next() < 0.7) phone.leaves()
    await this.#passes(GOING_HOME_ms)
    for (const phone of this.#phones) await phone.vanishes()
    const expiry_ms = EXPIRES_s[EXPIRES_s.length - 1]! * 1000
    await this.#passes(Math.max(this.#climate.timerC_s * 1000, expiry_ms) + LAST_TIMERS_ms)
  }

  #expectNothingLeft(): void {
    const { server, timers, connections } = this.#site
    if (server === null) throw new Error('the server did not come back')
    const { transactions, location, store } = server
    const left = {
      'server transactions': transactions.serverCount,
      'client transactions': transactions.clientCount,
      bindings: location.count,
      'stored bindings': this.#storedBindings(),
      'pending writes': store.counts().pendingWrites,
      'pending look-ups': store.counts().pendingLookups,
      connections,
      // Those of the location's sweep and of the calls' retention go on.
      'timers of the server': timers - 2,
      'errors of the network': this.#network.errors.length,
    }
    for (const [name, count] of Object.entries(left)) {
      if (count !== 0) this.#monitor.fail(`when all phones are gone ${count} ${name} are left`)
    }
  }

  /** A removal that the store refused is made up for at the next start: until then its row says that it has expired. */
  #storedBindings(): number {
    const now = this.#clock.now()
    const refused = this.#climate.troubles.includes('failing-store')
    return this.#database.bindings.filter(({ expiresAt }) => !refused || expiresAt > now).length
  }

  /** Stops early when something is wrong. */
  async #passes(ms: number): Promise<void> {
    const end_ms = this.#clock.monotonic() + ms
    while (this.#clock.monotonic() < end_ms) {
      await this.#clock.pass(Math.min(SECOND_ms, end_ms - this.#clock.monotonic()))
      this.#monitor.onSecond()
      const [error] = this.#network.errors
      if (error !== undefined) throw error
      if (this.#monitor.violation !== null) throw new Error(this.#monitor.violation)
    }
  }

  #later(ms: number, task: () => void): void {
    this.#clock.after(ms, { onTimer: task }, 0)
  }
}
