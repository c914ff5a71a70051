// Promise P2 again and again: contacts come, are refreshed and go as fast as they can, the server is killed at a random
// moment of that and started again, and what was acknowledged is as it was: nothing lost, nothing back. Once more with
// a database that goes away and comes back at random moments too, those of the starts among them.

import { expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { type Dialect, eachDialect } from '../support/dialect.ts'
import { Random } from '../support/random.ts'
import { type Contact, contactsOf, nextOf } from '../support/registration.ts'
import { Relay } from '../support/relay.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import type { SqlShell } from '../support/sql-shell.ts'
import { WireClient } from '../support/wire-client.ts'

const KILLS = Number(process.env.SIPWITCHES_TEST_KILLS ?? 100)
const KILLS_IN_ABSENCE = Math.ceil(KILLS / 4)
/** Of its absences, those in which it does not even refuse: a start takes some seconds then. */
const CUT = 0.2
const ACCOUNTS = 24
const CONTACTS_EACH = 8
/** So many are asked for at once. */
const ASKING = 48
/** SIGKILL comes after at most so many acknowledgements, and so many ms. */
const ACKNOWLEDGED_MAX = 400
const LATER_MS = 4
const ANSWER_MS = 10_000
const DRAINED_MS = 20_000
const TEST_MS = 240_000

const seed = Number(process.env.SIPWITCHES_TEST_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0])
const phones = accounts(1000, ACCOUNTS)

interface Tally {
  acknowledged: number
  removals: number
  /** Asked for when the server was killed, and not acknowledged. */
  open: number
}

/** The load of one life of the server: it ends when the server is killed. */
class Load {
  readonly #contacts: readonly Contact[]
  readonly #random: Random
  readonly #tally: Tally
  readonly #killAt: number
  readonly reached = Promise.withResolvers<void>()
  #acknowledged = 0
  #over = false

  constructor(contacts: readonly Contact[], random: Random, tally: Tally) {
    this.#contacts = contacts
    this.#random = random
    this.#tally = tally
    this.#killAt = 1 + random.below(ACKNOWLEDGED_MAX)
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: ASKING }, () => this.#ask()))
  }

  end(): void {
    this.#over = true
  }

  async #ask(): Promise<void> {
    while (!this.#over) {
      const contact = this.#idle()
      // One contact of each account stays: without any the server need not know it while the database is away.
      const bound = contact.uri.endsWith('line=0') || nextOf(contact, this.#random)
      const answer = await contact.register(bound, ANSWER_MS)
      // Killed: what has been acknowledged by then still counts.
      if (answer === null) {
        if (!this.#over) this.reached.reject(new Error(`${contact.uri}: no answer`))
        return
      }
      if (answer.status !== 200) {
        this.reached.reject(new Error(answer.text))
        return
      }
      this.#tally.acknowledged++
      if (!bound) this.#tally.removals++
      if (++this.#acknowledged === this.#killAt) this.reached.resolve()
    }
  }

  #idle(): Contact {
    for (;;) {
      const contact = this.#random.pick(this.#contacts)
      if (contact.asked === null) return contact
    }
  }
}

/** What the database holds: the CSeq of each contact. */
async function stored(shell: SqlShell): Promise<ReadonlyMap<string, number>> {
  const rows = await shell.run('SELECT contact, cseq FROM binding;')
  return new Map(
    rows.map((row) => {
      const [contact = '', cseq] = row.split('\t')
      return [contact, Number(cseq)]
    }),
  )
}

/** What the server says is bound, asked as a phone asks (RFC 3261 section 10.2.3). */
async function served(contacts: readonly Contact[]): Promise<ReadonlySet<string>> {
  const registrants = new Set(contacts.map(({ registrant }) => registrant))
  let cseq = 0
  const answers = await Promise.all([...registrants].map((each) => each.asks([], ANSWER_MS, () => ++cseq)))
  const bound = new Set<string>()
  for (const answer of answers) {
    if (answer?.status !== 200) throw new Error(answer?.text ?? 'a query was not answered')
    for (const contact of answer.headers('Contact')) bound.add(/<([^>]*)>/.exec(contact)?.[1] ?? contact)
  }
  return bound
}

/** `rows` is null when the database cannot be asked, or is not to have all of it yet. */
async function check(contacts: readonly Contact[], rows: ReadonlyMap<string, number> | null): Promise<void> {
  const bound = await served(contacts)
  const faults = contacts.flatMap((contact) => {
    const cseq = rows?.get(contact.uri)
    const inTable = rows === null ? null : contact.fault(cseq === undefined ? null : { cseq })
    const inMemory = contact.fault(bound.has(contact.uri) ? { cseq: null } : null)
    return [inTable, inMemory].filter((fault) => fault !== null)
  })
  expect(faults).toEqual([])
  if (rows !== null) expect([...bound].toSorted()).toEqual([...rows.keys()].toSorted())
  for (const contact of contacts) {
    if (contact.asked === null) continue
    // What the database has taken and this server has not heard of is found when that is back.
    if (rows === null) contact.doubt()
    else contact.found(bound.has(contact.uri))
  }
}

class Killing {
  readonly server: ServerProcess
  readonly random = new Random(seed)
  readonly client: WireClient
  readonly contacts: readonly Contact[]
  readonly tally: Tally = { acknowledged: 0, removals: 0, open: 0 }
  readonly #began_ms = performance.now()
  #kills = 0
  #starts_ms = 0

  private constructor(server: ServerProcess, client: WireClient) {
    this.server = server
    this.client = client
    this.contacts = contactsOf(client, phones, CONTACTS_EACH)
  }

  static async begin(server: ServerProcess): Promise<Killing> {
    const killing = new Killing(server, await WireClient.open(() => server.udp))
    for (const contact of killing.contacts.filter(({ uri }) => uri.endsWith('line=0')))
      expect((await contact.register(true, ANSWER_MS))?.status).toBe(200)
    return killing
  }

  /** One life of the server, and the begin of the next one; `meanwhile` when it has served for a while. */
  async life(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const { server, client, contacts, random, tally } = this
    const load = new Load(contacts, random, tally)
    const running = load.run()
    await load.reached.promise
    await meanwhile()
    await passes(random.below(LATER_MS))
    await server.kill()
    await client.drain()
    load.end()
    client.abandon()
    await running
    tally.open += contacts.filter(({ asked }) => asked !== null).length
    this.#kills++
    const start_ms = performance.now()
    await server.restart()
    this.#starts_ms += performance.now() - start_ms
  }

  end(what: string): void {
    this.client.close()
    const seconds = ((performance.now() - this.#began_ms) / 1000).toFixed(1)
    const start = (this.#starts_ms / this.#kills).toFixed(0)
    const { acknowledged, removals, open } = this.tally
    console.log(
      `kill -9, ${what}: ${this.#kills} times in ${seconds} s, start ${start} ms; ${acknowledged} acknowledged ` +
        `(${removals} removals), ${open} open when killed; none lost, none back; seed ${seed}`,
    )
  }
}

async function killedOften(server: ServerProcess, dialect: Dialect): Promise<void> {
  const killing = await Killing.begin(server)
  const shell = await server.shell()
  for (let kill = 1; kill <= KILLS; kill++) {
    await killing.life()
    await check(killing.contacts, await stored(shell))
  }
  await shell.close()
  killing.end(dialect.name)
}

/** The way to the database: there, or refused at once, or now and then a wire on which nothing passes. */
class ComingAndGoing {
  readonly #relay: Relay
  readonly #random: Random
  #away: 'cut' | 'refused' | null = null

  constructor(relay: Relay, random: Random) {
    this.#relay = relay
    this.#random = random
  }

  get isAway(): boolean {
    return this.#away !== null
  }

  async turn(): Promise<void> {
    if (this.#random.next() < 0.5) return
    if (this.isAway) return await this.comes()
    this.#away = this.#random.next() < CUT ? 'cut' : 'refused'
    if (this.#away === 'cut') this.#relay.cut()
    else await this.#relay.refuse()
  }

  async comes(): Promise<void> {
    if (this.#away === 'cut') this.#relay.heal()
    if (this.#away === 'refused') await this.#relay.accept()
    this.#away = null
  }
}

/** At moments of the load, of the end and of the start. */
async function killedInAbsence(server: ServerProcess, relay: Relay): Promise<void> {
  const killing = await Killing.begin(server)
  const database = new ComingAndGoing(relay, killing.random)
  let startsAlone = 0
  for (let kill = 1; kill <= KILLS_IN_ABSENCE; kill++) {
    await database.turn()
    await killing.life(() => database.turn())
    if (database.isAway) startsAlone++
    await check(killing.contacts, null)
  }
  await database.comes()
  await server.becomes('ready', DRAINED_MS)
  const shell = await server.shell()
  await check(killing.contacts, await stored(shell))
  await shell.close()
  killing.end(`MariaDB coming and going (${startsAlone} starts without it)`)
}

eachDialect((dialect) => {
  test(
    `${KILLS} times kill -9 under load: nothing acknowledged is lost (SIPWITCHES_TEST_SEED=${seed})`,
    async () => {
      const database = await dialect.fresh()
      await serving({ accounts: phones, database, log: 'warn' }, (server) => killedOften(server, dialect))
    },
    TEST_MS,
  )

  if (dialect.name !== 'mysql') return
  test(
    `${KILLS_IN_ABSENCE} times kill -9 while the database comes and goes (SIPWITCHES_TEST_SEED=${seed})`,
    async () => {
      const shell = await dialect.fresh()
      if (shell === undefined) throw new Error('no database')
      const relay = await Relay.to({ host: '127.0.0.1', port: Number(new URL(shell).port) })
      const database = shell.replace(/:\d+\//, `:${relay.port}/`)
      try {
        await serving({ accounts: phones, database, shell, log: 'warn' }, (server) =>
          killedInAbsence(server, relay),
        )
      } finally {
        await relay.refuse()
      }
    },
    TEST_MS,
  )
})
