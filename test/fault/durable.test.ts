// Promise P2 again and again: contacts come, are refreshed and go as fast as they can, the server is killed at a random
// moment of that and started again, and what was acknowledged is as it was: nothing lost, nothing back.

import { expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { type Dialect, eachDialect } from '../support/dialect.ts'
import { Random } from '../support/random.ts'
import { type Contact, contactsOf, nextOf } from '../support/registration.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import type { SqlShell } from '../support/sql-shell.ts'
import { WireClient } from '../support/wire-client.ts'

const KILLS = Number(process.env.SIPWITCHES_TEST_KILLS ?? 100)
const ACCOUNTS = 24
const CONTACTS_EACH = 8
/** So many are asked for at once. */
const ASKING = 48
/** SIGKILL comes after at most so many acknowledgements, and so many ms. */
const ACKNOWLEDGED_MAX = 400
const LATER_MS = 4
const ANSWER_MS = 10_000
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
      const bound = nextOf(contact, this.#random)
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

async function check(contacts: readonly Contact[], shell: SqlShell): Promise<void> {
  const rows = await stored(shell)
  const bound = await served(contacts)
  const faults = contacts.flatMap((contact) => {
    const cseq = rows.get(contact.uri)
    const inTable = contact.fault(cseq === undefined ? null : { cseq })
    const inMemory = contact.fault(bound.has(contact.uri) ? { cseq: null } : null)
    return [inTable, inMemory].filter((fault) => fault !== null)
  })
  expect(faults).toEqual([])
  expect([...bound].toSorted()).toEqual([...rows.keys()].toSorted())
  for (const contact of contacts) if (contact.asked !== null) contact.found(bound.has(contact.uri))
}

async function killing(server: ServerProcess, dialect: Dialect): Promise<void> {
  const random = new Random(seed)
  const client = await WireClient.open(() => server.udp)
  const shell = await server.shell()
  const contacts = contactsOf(client, phones, CONTACTS_EACH)
  const tally: Tally = { acknowledged: 0, removals: 0, open: 0 }
  let start_ms = 0
  const began_ms = performance.now()
  for (let kill = 1; kill <= KILLS; kill++) {
    const load = new Load(contacts, random, tally)
    const running = load.run()
    await load.reached.promise
    await passes(random.below(LATER_MS))
    await server.kill()
    await client.drain()
    load.end()
    client.abandon()
    await running
    tally.open += contacts.filter(({ asked }) => asked !== null).length
    const restart_ms = performance.now()
    await server.restart()
    start_ms += performance.now() - restart_ms
    await check(contacts, shell)
  }
  await shell.close()
  client.close()
  const seconds = ((performance.now() - began_ms) / 1000).toFixed(1)
  const start = (start_ms / KILLS).toFixed(0)
  console.log(
    `kill -9, ${dialect.name}: ${KILLS} times in ${seconds} s, start ${start} ms; ${tally.acknowledged} acknowledged ` +
      `(${tally.removals} removals), ${tally.open} open when killed; none lost, none back; seed ${seed}`,
  )
}

eachDialect((dialect) => {
  test(
    `${KILLS} times kill -9 under load: nothing acknowledged is lost (SIPWITCHES_TEST_SEED=${seed})`,
    async () => {
      const database = await dialect.fresh()
      await serving({ accounts: phones, database, log: 'warn' }, (server) => killing(server, dialect))
    },
    TEST_MS,
  )
})
