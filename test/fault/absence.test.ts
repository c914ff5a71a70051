// Promise P3: that the database is down, frozen, slow or out of reach is a normal state. Known phones go on registering
// and calling as fast as before, also over a restart of the server; all that happened is in the database afterwards.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { MariaDb } from '../support/mariadb.ts'
import { requirePrograms } from '../support/programs.ts'
import { type Contact, contactsOf, Registrant } from '../support/registration.ts'
import { Relay } from '../support/relay.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'
import type { SqlShell } from '../support/sql-shell.ts'
import { CALLING, SteadyCalls } from '../support/steady-calls.ts'
import { SteadyRegistrations } from '../support/steady-registrations.ts'
import { WireClient } from '../support/wire-client.ts'

const ABSENT_MS = 20_000
const HEALTHY_MS = 10_000
/** After a restart of the server while the database is away. */
const RESTARTED_MS = 3000
const REGISTRATIONS_PER_SECOND = 50
const CALLS_PER_SECOND = 20
const DELAY_MS = 250
const NOTICED_MS = 10_000
const DRAINED_MS = 20_000
const LOOK_EVERY_MS = 100
const ANSWER_MS = 10_000
/** Noise of a machine that runs all of it; whoever waits for a slow database waits five times that. */
const NOISE_MS = 100
const START_MS = 180_000
const TEST_MS = 180_000

const phones = accounts(1000, 100)
const [stranger] = accounts(2000, 1)

let mariadb: MariaDb
let made = 0
beforeAll(async () => {
  requirePrograms()
  mariadb = await MariaDb.start()
}, START_MS)
afterAll(async () => await mariadb.close(), START_MS)

class Site {
  readonly server: ServerProcess
  readonly relay: Relay
  readonly calls: SteadyCalls
  readonly contacts: readonly Contact[]
  readonly stranger: Registrant
  readonly #registrations: SteadyRegistrations
  readonly #client: WireClient
  callCount = 0

  private constructor(server: ServerProcess, relay: Relay, calls: SteadyCalls, client: WireClient) {
    this.server = server
    this.relay = relay
    this.calls = calls
    this.contacts = contactsOf(client, phones, 2)
    this.stranger = new Registrant(client, stranger!)
    this.#registrations = new SteadyRegistrations(this.contacts)
    this.#client = client
  }

  /** Every phone is registered once, and has so become known. */
  static async open(server: ServerProcess, relay: Relay): Promise<Site> {
    const calls = await SteadyCalls.ready(server)
    const client = await WireClient.open(() => server.udp)
    const site = new Site(server, relay, calls, client)
    for (const contact of site.contacts) expect((await contact.register(true, ANSWER_MS))?.status).toBe(200)
    return site
  }

  /** Phones register and call for that long: the 99th percentile of the set-up time. Nothing may fail. */
  async goesOn(ms: number, meanwhile: () => Promise<void> = async () => {}): Promise<Measured> {
    this.#registrations.begin(REGISTRATIONS_PER_SECOND)
    await this.calls.begin(CALLS_PER_SECOND)
    await Promise.all([passes(ms), meanwhile()])
    const setUp_ms = await this.calls.end()
    const { failures, refused, times_ms } = await this.#registrations.end()
    expect({ failures, refused }).toEqual({ failures: [], refused: 0 })
    this.callCount += setUp_ms.length
    expect(await this.server.metrics()).toMatch(/^sipwitches_sql_waits_on_call_path_total 0$/m)
    expect(await this.server.metrics()).toMatch(/^sipwitches_defects_total 0$/m)
    return {
      calls: setUp_ms.length,
      registrations: times_ms.length,
      setUp_ms: percentile(setUp_ms, 99),
      register_ms: percentile(times_ms, 99),
    }
  }

  /** Of an extension that the server does not know, it cannot say anything now. */
  async refusesStrangers(): Promise<void> {
    const answer = await this.stranger.asks([], ANSWER_MS, () => 1)
    expect(answer?.startLine).toBe('SIP/2.0 503 Service Unavailable')
    expect(Number(answer?.header('Retry-After'))).toBeGreaterThan(0)
  }

  async isDegraded(since: number): Promise<void> {
    await this.server.becomes('degraded', NOTICED_MS)
    const readiness = await this.server.readiness()
    expect(readiness.reasons.join()).not.toBe('')
    expect(Date.parse(readiness.since)).toBeGreaterThanOrEqual(since)
  }

  /** All that phones were told is in the database, and each call once. How long it took, in ms. */
  async drains(): Promise<number> {
    const shell = await this.server.shell()
    const began_ms = performance.now()
    for (;;) {
      const wrong = await this.#differences(shell)
      const passed_ms = performance.now() - began_ms
      if (wrong.length === 0) {
        await shell.close()
        return passed_ms
      }
      if (passed_ms > DRAINED_MS) expect(wrong).toEqual([])
      await passes(LOOK_EVERY_MS)
    }
  }

  /** So many calls are in the database, and soon. */
  async writes(calls: number): Promise<void> {
    const shell = await this.server.shell()
    const began_ms = performance.now()
    while (Number(await shell.value('SELECT count(*) FROM v1_call;')) < calls) {
      if (performance.now() - began_ms > ABSENT_MS) throw new Error(`not ${calls} calls in ${ABSENT_MS} ms`)
      await passes(LOOK_EVERY_MS)
    }
    await shell.close()
  }

  async close(): Promise<void> {
    expect((await this.stranger.asks([], ANSWER_MS, () => 1))?.status).toBe(200)
    await this.calls.close()
    this.#client.close()
  }

  async #differences(shell: SqlShell): Promise<string[]> {
    const rows = await shell.run('SELECT contact, cseq FROM binding;')
    const held = new Map(
      rows.map((row) => row.split('\t')).map(([contact = '', cseq]) => [contact, Number(cseq)]),
    )
    const faults = this.contacts.flatMap((contact) => {
      const cseq = held.get(contact.uri)
      const fault = contact.fault(cseq === undefined ? null : { cseq })
      return fault === null ? [] : [fault]
    })
    const counted = await shell.value(
      'SELECT count(*), count(DISTINCT call_id), count(ended_at) FROM v1_call;',
    )
    const expected = Array(3).fill(this.callCount).join('\t')
    return counted === expected ? faults : [...faults, `calls: ${counted} and not ${expected}`]
  }
}

interface Measured {
  readonly calls: number
  readonly registrations: number
  readonly setUp_ms: number
  readonly register_ms: number
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN
}

interface Absence {
  readonly name: string
  away(site: Site): Promise<void>
  /** While it is away. */
  meanwhile?(site: Site): Promise<void>
  back(site: Site): Promise<void>
}

/** The server itself is started again: it knows its phones without the database. */
async function restarts(site: Site): Promise<void> {
  const { server, contacts } = site
  for (const ends of [() => server.stop(), () => server.kill()]) {
    await ends()
    await server.restart()
    for (const contact of contacts) expect((await contact.register(true, ANSWER_MS))?.status).toBe(200)
    await site.goesOn(RESTARTED_MS, () => site.refusesStrangers())
  }
}

const ABSENCES: readonly Absence[] = [
  {
    name: 'stopped',
    away: async ({ relay }) => {
      await mariadb.stop()
      await relay.refuse()
    },
    meanwhile: restarts,
    back: async ({ relay }) => {
      await mariadb.restart()
      await relay.accept()
    },
  },
  { name: 'frozen', away: async () => mariadb.freeze(), back: async () => mariadb.thaw() },
  {
    name: `slowed by ${DELAY_MS} ms each way`,
    away: async ({ relay }) => {
      relay.delay_ms = DELAY_MS
    },
    back: async ({ relay }) => {
      relay.delay_ms = 0
    },
  },
  { name: 'cut off', away: async ({ relay }) => relay.cut(), back: async ({ relay }) => relay.heal() },
]

async function absent(site: Site, absence: Absence): Promise<void> {
  const healthy = await site.goesOn(HEALTHY_MS)
  const since = Date.now()
  const isSlow = absence.name.startsWith('slowed')
  await absence.away(site)
  const away = await site.goesOn(ABSENT_MS, async () => {
    // A slow database takes what was done meanwhile, however late.
    if (isSlow) return await site.writes(healthy.calls + 1)
    await site.isDegraded(since)
    await site.refusesStrangers()
  })
  await absence.meanwhile?.(site)
  if (!isSlow) expect((await site.server.readiness()).status).toBe('degraded')
  await absence.back(site)
  const ready_ms = await site.server.becomes('ready', DRAINED_MS)
  const drained_ms = await site.drains()
  await site.close()
  const show = ({ calls, registrations, setUp_ms, register_ms }: Measured) =>
    `${calls} calls (p99 ${setUp_ms.toFixed(0)} ms), ${registrations} registrations (p99 ${register_ms.toFixed(0)} ms)`
  console.log(
    `MariaDB ${absence.name}: ${show(away)}; healthy ${show(healthy)}; 0 failed; ` +
      `ready after ${ready_ms.toFixed(0)} ms, all in it after ${drained_ms.toFixed(0)} ms more`,
  )
  expect(away.setUp_ms).toBeLessThan(Math.max(2 * healthy.setUp_ms, healthy.setUp_ms + NOISE_MS))
}

for (const absence of ABSENCES) {
  test(
    `MariaDB ${absence.name} for ${ABSENT_MS / 1000} s: phones register and call as before`,
    async () => {
      const direct = await mariadb.create(`absent_${++made}`)
      const relay = await Relay.to({ host: '127.0.0.1', port: mariadb.port })
      const database = direct.replace(`:${mariadb.port}/`, `:${relay.port}/`)
      const options = {
        accounts: [...CALLING, ...phones, stranger!],
        settings: MD5_ONLY,
        database,
        shell: direct,
      }
      try {
        await serving({ ...options, log: 'warn' }, async (server) =>
          absent(await Site.open(server, relay), absence),
        )
      } finally {
        await mariadb.revive()
        await relay.refuse()
      }
    },
    TEST_MS,
  )
}
