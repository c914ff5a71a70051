// The service of the database worker without its thread, on virtual time, over a real database that can be ordered to
// fail. It can be stopped at any moment as if killed, and begun again on the same files.

import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { packChange, type Reply, type Request, WORK_FIELDS } from '../../src/store/protocol.ts'
import { StoreService } from '../../src/store/service.ts'
import { SqliteDriver } from '../../src/store/sqlite.ts'
import type { Change } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { ROWS } from './binding.ts'
import { Faults, FaultyDriver } from './faulty-driver.ts'

type Asking = Extract<Request, { readonly id: number }>
type Query = Exclude<Asking, { readonly kind: 'commit' | 'close' }>
type Numbered = Extract<Reply, { readonly id: number }>
type Unnumbered<Kind> = Kind extends unknown ? Omit<Kind, 'id'> : never

/** Longer than any wait between two attempts and any limit of one. */
export const RECOVERY_MS = 30_000

export class ServiceProcess {
  readonly folder = makeFolder('service')
  readonly faults = new Faults()
  readonly work = new Float64Array(WORK_FIELDS)
  readonly notices: string[] = []
  readonly availability: (string | null)[] = []
  readonly stale: string[] = []
  readonly clock = new VirtualClock()
  #service: StoreService | null = null
  #starts = 0
  #lastId = 0
  readonly #waiting = new Map<number, (reply: Numbered) => void>()

  /** `remote`: what there is of it is also kept in a snapshot. */
  constructor(readonly remote = false) {
    new SqliteDriver(this.databasePath, { node: 'test', clock: this.clock }).close()
    this.sql(ROWS)
  }

  get databasePath(): string {
    return join(this.folder, 'sipwitches.db')
  }

  get snapshotPath(): string {
    return join(this.folder, 'snapshot.db')
  }

  get spoolPath(): string {
    return join(this.folder, 'spool.db')
  }

  async start(): Promise<void> {
    const alive = ++this.#starts
    const service = new StoreService(
      { kind: 'open', url: '', node: 'test', folder: this.folder, work: this.work, again: alive > 1 },
      {
        clock: this.clock,
        random: (bytes) => bytes.fill(128),
        openDriver: () =>
          FaultyDriver.open(
            () => new SqliteDriver(this.databasePath, { node: 'test', clock: this.clock }),
            this.faults,
            this.clock,
          ),
        spool: { path: this.spoolPath, database: 'test' },
        snapshot: this.remote ? { path: this.snapshotPath, database: 'test' } : null,
        reply: (reply) => {
          if (alive === this.#starts) this.#onReply(reply)
        },
      },
    )
    this.#service = service
    await this.#passUntil(service.start())
  }

  /** As far as others can tell: nothing is answered any more, and the files are as they are. */
  async stop(): Promise<void> {
    const service = this.#service
    this.#service = null
    this.#starts++
    this.#waiting.clear()
    if (service !== null) await this.#passUntil(service.close())
  }

  async end(): Promise<void> {
    await this.stop()
    removeFolder(this.folder)
  }

  /** How each call ended: null, or why it was refused. Answered without time passing unless `within_ms` is given. */
  async commit(...calls: readonly (readonly Change[])[]): Promise<readonly (string | null)[]> {
    const packed: (string | number | boolean)[] = []
    for (const change of calls.flat()) packChange(packed, change)
    const id = ++this.#lastId
    const answer = this.#answerTo(id)
    void this.#service?.commit({
      kind: 'commit',
      id,
      calls: calls.map(({ length }) => length),
      changes: packed,
    })
    const reply = await this.#passUntil(answer)
    if (reply.kind === 'refused') return calls.map(() => reply.reason)
    if (reply.kind !== 'committed') throw new Error(`answered with ${reply.kind}`)
    return calls.map((_, n) => reply.failed.find(({ call }) => call === n)?.reason ?? null)
  }

  async ask(query: Unnumbered<Query>): Promise<Numbered> {
    const id = ++this.#lastId
    const answer = this.#answerTo(id)
    void this.#service?.answer({ ...query, id })
    return this.#passUntil(answer)
  }

  limitSpool(bytes: number): void {
    this.#service?.limitSpool(bytes)
  }

  /** By another program, over a connection of its own. Answers with the rows of the last statement. */
  sql(text: string, path = this.databasePath): readonly (readonly unknown[])[] {
    const database = new Database(path, { readwrite: true, create: false })
    try {
      const statements = text.split(/;\s*\n|;$/).filter((statement) => statement.trim() !== '')
      let rows: readonly (readonly unknown[])[] = []
      for (const statement of statements) rows = database.query(statement).values()
      return rows
    } finally {
      database.close()
    }
  }

  /** Rows that wait in the spool. */
  get spooled(): readonly string[] {
    return this.sql('SELECT subject FROM pending ORDER BY seq', this.spoolPath).flat().map(String)
  }

  #answerTo(id: number): Promise<Numbered> {
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  #onReply(reply: Reply): void {
    if (reply.kind === 'notice') this.notices.push(reply.sentence)
    else if (reply.kind === 'availability') this.availability.push(reply.reason)
    else if (reply.kind === 'invalidation') this.stale.push(...reply.changes.map(({ kind }) => kind))
    else {
      this.#waiting.get(reply.id)?.(reply)
      this.#waiting.delete(reply.id)
    }
  }

  /** Lets time pass, in small steps, for as long as it takes. */
  async #passUntil<Result>(promise: Promise<Result>): Promise<Result> {
    let done = false
    const finished = promise.finally(() => {
      done = true
    })
    await this.clock.idle()
    for (let passed_ms = 0; !done && passed_ms < 2 * RECOVERY_MS; passed_ms += 10) await this.clock.pass(10)
    if (!done) throw new Error('no answer, however long it is waited for')
    return finished
  }
}
