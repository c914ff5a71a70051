// A real MariaDB that is stopped, killed or frozen under the store, with a start of the store in between.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { SqlStore } from '../../src/store/client.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { within } from '../support/deadline.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { MariaDb } from '../support/mariadb.ts'
import { Random } from '../support/random.ts'
import { binding, ROWS, remove, save } from './binding.ts'
import { Watcher } from './watcher.ts'

const PHONES = 40
const ROUNDS = 30
/** For the first commit, and for each after it. */
const FIRST_MS = 1500
const BACK_MS = 40_000

let server: MariaDb
let clock: SystemClock
let databases = 0

beforeAll(async () => {
  server = await MariaDb.start()
  clock = new SystemClock((error) => {
    throw error
  })
}, 120_000)
afterAll(async () => {
  clock.close()
  await server.close()
}, 120_000)

interface Absence {
  readonly how: string
  leave(): Promise<void> | void
  comeBack(): Promise<void> | void
}

const ABSENCES: readonly Absence[] = [
  { how: 'stopped', leave: () => server.stop(), comeBack: () => server.restart() },
  { how: 'killed', leave: () => server.kill(), comeBack: () => server.restart() },
  { how: 'frozen', leave: () => server.freeze(), comeBack: () => server.thaw() },
]

/** Writes at random, and what the database must hold for them. */
class Writes {
  readonly #random = new Random(1)
  readonly held = new Map<string, number>()
  #cseq = 0

  async make(store: SqlStore): Promise<void> {
    const user = `phone${this.#random.below(PHONES)}`
    const cseq = ++this.#cseq
    const goes = this.#random.below(4) === 0
    await store.commit([goes ? remove(binding(1, user)) : save(binding(1, user, { cseq }))])
    if (goes) this.held.delete(user)
    else this.held.set(user, cseq)
  }

  async makeMany(store: SqlStore): Promise<number> {
    let longest_ms = 0
    for (let n = 0; n < ROUNDS; n++) {
      const begun_ms = clock.monotonic()
      await this.make(store)
      longest_ms = Math.max(longest_ms, clock.monotonic() - begun_ms)
    }
    return longest_ms
  }

  get rows(): string[] {
    return [...this.held].map(([user, cseq]) => `sip:${user}@192.0.2.7:5071\t${cseq}`).toSorted()
  }
}

async function drained(store: SqlStore, watcher: Watcher): Promise<void> {
  await watcher.until(BACK_MS, () => watcher.availability.at(-1) === null)
  const empty = async () => {
    while (store.counts().spool.rows > 0) await store.settings()
  }
  await within(BACK_MS, () => `the spool to be empty, not ${store.counts().spool.rows}`, empty())
}

test.each(ABSENCES)(
  'a database that is $how takes no registration away, over a restart too',
  async ({ leave, comeBack }) => {
    const name = `absence${databases++}`
    await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
    const folder = makeFolder('absence')
    let watcher = new Watcher()
    const open = () => new SqlStore(server.urlOf(name), clock, watcher, { folder, node: 'test' })
    let store = open()
    const writes = new Writes()
    try {
      await store.boot()
      await server.admin(ROWS, name)
      await watcher.hears('domains', 'extension 103@example.com')
      expect(await store.findExtension('example.com', '103')).toMatchObject({ id: 1 })
      await store.domains()
      await writes.makeMany(store)
      await leave()
      expect(await writes.makeMany(store)).toBeLessThan(FIRST_MS)
      const unknown: unknown = await store.findExtension('example.com', '999').catch((reason) => reason)
      expect(unknown).toBeInstanceOf(StoreUnavailable)

      await store.close()
      watcher = new Watcher()
      store = open()
      const boot = await store.boot()
      expect(boot.from).toBe('snapshot')
      expect(boot.bindings.map(({ contactKey, cseq }) => `${contactKey}\t${cseq}`).toSorted()).toEqual(
        writes.rows,
      )
      expect(boot.activeExtensions.map(({ number }) => number)).toEqual(['103'])
      expect(await writes.makeMany(store)).toBeLessThan(FIRST_MS)

      await comeBack()
      await drained(store, watcher)
      expect(watcher.stale).toContain('everything')
      expect(await server.admin('SELECT contact_key, cseq FROM binding', name)).toHaveLength(
        writes.rows.length,
      )
      await writes.makeMany(store)
      expect((await server.admin('SELECT contact_key, cseq FROM binding', name)).toSorted()).toEqual(
        writes.rows,
      )
      expect(store.counts().spool).toMatchObject({ rows: 0, dropped: 0, refused: 0 })
    } finally {
      await store.close()
      removeFolder(folder)
    }
  },
  120_000,
)
