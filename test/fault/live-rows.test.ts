// Promise P1: what an administrator writes with the database's own program acts within a second, while phones call.

import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { passes } from '../support/deadline.ts'
import { type Dialect, eachDialect } from '../support/dialect.ts'
import { Random } from '../support/random.ts'
import { Registrant } from '../support/registration.ts'
import { type Account, accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'
import type { SqlShell } from '../support/sql-shell.ts'
import { CALLING, SteadyCalls } from '../support/steady-calls.ts'
import { lines, response, unique } from '../support/wire-account.ts'
import { WireClient } from '../support/wire-client.ts'

/** Five changes each. */
const ROUNDS = 40
const CALLS_PER_SECOND = 10
const EFFECT_MS_MAX = 1000
/** After that nobody waits any longer for an effect. */
const PATIENCE_MS = 5000
const ASK_EVERY_MS = 3
/** Changes come at any moment between two looks of the server. */
const PAUSE_MS_MAX = 100
const ANSWER_MS = 5000
const TEST_MS = 240_000
const DOMAIN = 'test.example'
const ASKED_S = 3600

const changing = accounts(2000, ROUNDS)
const suspending = accounts(3000, ROUNDS / 2)
const leaving = accounts(4000, ROUNDS)
const coming = accounts(5000, ROUNDS)
const [watching] = accounts(6000, 1)

/** What is written, and how a phone sees that it acts: false before, true after. */
interface Change {
  readonly kind: string
  readonly sql: string
  seen(): Promise<boolean>
  /** What else must be so from then on. */
  afterwards?(): Promise<void>
}

class Scene {
  readonly client: WireClient
  #cseq = 0

  constructor(client: WireClient) {
    this.client = client
    // Every phone here answers the question whether it is there.
    client.onRequest = (request) => response(request, '200 OK')
  }

  /** A REGISTER of its contact: the whole answer. */
  async register(phone: Registrant): Promise<{ readonly status: number | null; readonly contact: string }> {
    const headers = [`Contact: <sip:${phone.account.number}@${this.client.sentBy}>`, `Expires: ${ASKED_S}`]
    const answer = await phone.asks(headers, ANSWER_MS, () => ++this.#cseq)
    return { status: answer?.status ?? null, contact: answer?.headers('Contact').join() ?? '' }
  }

  async registers(phone: Registrant, status: number): Promise<boolean> {
    return (await this.register(phone)).status === status
  }

  /** Status for someone who asks whether this number is there. */
  async reaches(number: string): Promise<number | null> {
    const answer = await this.client.ask(
      (via) =>
        lines(
          `OPTIONS sip:${number}@${DOMAIN} SIP/2.0`,
          via,
          'Max-Forwards: 70',
          'From: <sip:somebody@elsewhere.example>;tag=1',
          `To: <sip:${number}@${DOMAIN}>`,
          `Call-ID: ${unique('call')}`,
          'CSeq: 1 OPTIONS',
          'Content-Length: 0',
        ),
      ANSWER_MS,
    )
    return answer?.status ?? null
  }

  comes(account: Account): Change {
    const phone = new Registrant(this.client, account)
    const { number } = account
    return {
      kind: 'new extension',
      sql: `BEGIN;
        INSERT INTO user (name) VALUES ('${number}');
        INSERT INTO extension (domain_id, number, user_id)
          SELECT d.id, '${number}', u.id FROM domain d, user u WHERE d.name = '${DOMAIN}' AND u.name = '${number}';
        INSERT INTO credential (user_id, username, realm, algorithm, ha1)
          SELECT id, '${number}', '${DOMAIN}', 'MD5', '${ha1(account)}' FROM user WHERE name = '${number}';
        COMMIT;`,
      seen: () => this.registers(phone, 200),
    }
  }

  changes(account: Account): Change {
    const before = new Registrant(this.client, account)
    const renewed = { ...account, password: `${account.password}-renewed` }
    const after = new Registrant(this.client, renewed)
    return {
      kind: 'credential',
      sql: `UPDATE credential SET ha1 = '${ha1(renewed)}'
        WHERE username = '${account.number}' AND algorithm = 'MD5';`,
      seen: () => this.registers(after, 200),
      afterwards: async () => expect((await this.register(before)).status).toBe(403),
    }
  }

  suspends(account: Account): Change {
    const phone = new Registrant(this.client, account)
    return {
      kind: 'suspended',
      sql: `UPDATE user SET status = 'suspended' WHERE name = '${account.number}';`,
      seen: () => this.registers(phone, 403),
      afterwards: async () => expect(await this.reaches(account.number)).toBe(480),
    }
  }

  activates(account: Account): Change {
    const phone = new Registrant(this.client, account)
    return {
      kind: 'activated',
      sql: `UPDATE user SET status = 'active' WHERE name = '${account.number}';`,
      seen: () => this.registers(phone, 200),
      afterwards: async () => expect(await this.reaches(account.number)).toBe(200),
    }
  }

  /** Its phone is registered, and is called. */
  async leaves(account: Account): Promise<Change> {
    const { number } = account
    const phone = new Registrant(this.client, account)
    expect(await this.registers(phone, 200)).toBe(true)
    expect(await this.reaches(number)).toBe(200)
    return {
      kind: 'removed extension',
      sql: `DELETE FROM extension WHERE number = '${number}';`,
      seen: async () => (await this.reaches(number)) === 404,
      afterwards: async () => expect((await this.register(phone)).status).toBe(403),
    }
  }

  sets(phone: Registrant, expires_s: number): Change {
    return {
      kind: 'setting',
      sql: `UPDATE setting SET value = '${expires_s}' WHERE name = 'expires_max_s';`,
      seen: async () => (await this.register(phone)).contact.includes(`expires=${expires_s}`),
    }
  }
}

function ha1({ number, password }: Account): string {
  return createHash('md5').update(`${number}:${DOMAIN}:${password}`).digest('hex')
}

/** From the commit to the answer that shows it. */
async function effect_ms(shell: SqlShell, change: Change): Promise<number> {
  if (await change.seen()) throw new Error(`${change.kind} acts before it was written: ${change.sql}`)
  await shell.run(change.sql)
  const committed_ms = performance.now()
  for (;;) {
    const seen = await change.seen()
    const passed_ms = performance.now() - committed_ms
    if (seen) {
      await change.afterwards?.()
      return passed_ms
    }
    if (passed_ms > PATIENCE_MS) throw new Error(`no effect in ${PATIENCE_MS} ms: ${change.sql}`)
    await passes(ASK_EVERY_MS)
  }
}

async function administering(server: ServerProcess, dialect: Dialect): Promise<void> {
  const calls = await SteadyCalls.ready(server)
  const client = await WireClient.open(() => server.udp)
  const shell = await server.shell()
  const scene = new Scene(client)
  const watcher = new Registrant(client, watching!)
  const times = new Map<string, number[]>()
  const random = new Random(1)
  const acts = async (change: Change) => {
    await passes(random.below(PAUSE_MS_MAX))
    const time_ms = await effect_ms(shell, change)
    times.set(change.kind, [...(times.get(change.kind) ?? []), time_ms])
  }

  await calls.begin(CALLS_PER_SECOND)
  for (let round = 0; round < ROUNDS; round++) {
    await acts(scene.comes(coming[round]!))
    await acts(scene.changes(changing[round]!))
    const held = suspending[Math.floor(round / 2)]!
    await acts(round % 2 === 0 ? scene.suspends(held) : scene.activates(held))
    await acts(await scene.leaves(leaving[round]!))
    await acts(scene.sets(watcher, 1000 + round))
  }
  const setUp_ms = await calls.end()
  await calls.close()

  const all = [...times.values()].flat()
  const kinds = [...times].map(([kind, each]) => `${kind} ${Math.max(...each).toFixed(0)}`)
  console.log(
    `live rows, ${dialect.name}: ${all.length} changes act after ${median(all).toFixed(0)} ms (median), ` +
      `${Math.max(...all).toFixed(0)} ms (most; ${kinds.join(', ')}); ${setUp_ms.length} calls meanwhile, 0 failed`,
  )
  expect(all).toHaveLength(5 * ROUNDS)
  expect(Math.max(...all)).toBeLessThan(EFFECT_MS_MAX)
  expect(setUp_ms.length).toBeGreaterThan(CALLS_PER_SECOND)
  expect(await server.metrics()).toMatch(/^sipwitches_defects_total 0$/m)
  expect(await server.metrics()).toMatch(/^sipwitches_sql_waits_on_call_path_total 0$/m)
  await shell.close()
  client.close()
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

eachDialect((dialect) => {
  test(
    `${5 * ROUNDS} changes of rows act within ${EFFECT_MS_MAX} ms, while phones call`,
    async () => {
      const all = [...CALLING, ...changing, ...suspending, ...leaving, watching!]
      const settings = { ...MD5_ONLY, expires_default_s: '600' }
      const database = await dialect.fresh()
      await serving({ accounts: all, settings, database, log: 'warn' }, (server) =>
        administering(server, dialect),
      )
    },
    TEST_MS,
  )
})
