// The database worker: the only owner of SQL. It answers look-ups, commits what comes in groups, and follows the
// journal. It runs in a thread of its own, on real time, so it may wait for the disk.

import { type Clock, SystemClock, type Wakeable } from '../clock.ts'
import { LIMITS, parseDatabaseUrl } from '../config.ts'
import { DatabaseProblem, type Driver } from './driver.ts'
import { JournalFollower } from './journal.ts'
import { openDriver } from './open-driver.ts'
import { type FailedCall, packBindings, type Reply, type Request, unpackChanges, Work } from './protocol.ts'
import { RowChecker } from './row-checker.ts'
import type { Change } from './store.ts'

type Asking = Extract<Request, { readonly id: number }>
type Query = Exclude<Asking, { readonly kind: 'commit' | 'close' }>
type Commit = Extract<Request, { readonly kind: 'commit' }>
type Opening = Extract<Request, { readonly kind: 'open' }>
type Problems = Extract<Request, { readonly kind: 'problems' }>

/** The poll is the worker's only timer; whatever happens more seldom counts polls. */
const POLLS_PER_RETRY = Math.ceil(LIMITS.storeRestart_ms / LIMITS.storePoll_ms)
const POLLS_PER_TRIM = Math.ceil(LIMITS.storeJournalTrim_ms / LIMITS.storePoll_ms)

class DatabaseWorker implements Wakeable {
  readonly #opening: Opening
  readonly #clock: Clock
  #driver: Driver | null = null
  #follower: JournalFollower | null = null
  #rowChecker: RowChecker | null = null
  /** Why the database cannot be used just now; null when it can. */
  #reason: string | null = 'The database is not open yet.'
  #polls = 0
  /** A commit that found the database locked, and how often. The client sends no other before it is answered. */
  #locked: { readonly commit: Commit; readonly tries: number } | null = null

  constructor(opening: Opening, clock: Clock) {
    this.#opening = opening
    this.#clock = clock
  }

  async start(): Promise<void> {
    await this.#open()
    this.#clock.after(LIMITS.storePoll_ms, this, 0)
  }

  onTimer(): void {
    void this.#poll()
  }

  async #open(): Promise<void> {
    try {
      this.#driver = await openDriver(parseDatabaseUrl(this.#opening.url), {
        node: 'main',
        clock: this.#clock,
      })
      this.#follower = await JournalFollower.start(this.#driver)
      this.#rowChecker = new RowChecker(this.#driver, this.#clock)
      this.#opening.work[Work.FollowedAt] = this.#clock.now()
      this.#available(null)
      reply({ kind: 'opened', warnings: this.#driver.warnings })
    } catch (error) {
      await this.#driver?.close()
      this.#driver = null
      this.#failed(error)
    }
  }

  /** The next one is set when this one has ended, so that they never overlap. */
  async #poll(): Promise<void> {
    this.#polls++
    try {
      await this.#pollOnce()
    } catch (error) {
      this.#failed(error)
    }
    this.#clock.after(LIMITS.storePoll_ms, this, 0)
  }

  async #pollOnce(): Promise<void> {
    const retry = this.#polls % POLLS_PER_RETRY === 0
    if (this.#driver === null || this.#follower === null) {
      if (retry) await this.#open()
      return
    }
    if (this.#locked !== null) await this.commit(this.#locked.commit, this.#locked.tries)
    if (this.#reason !== null && retry) {
      await this.#driver.probe()
      this.#available(null)
    }
    const changes = await this.#follower.poll()
    this.#opening.work[Work.FollowedAt] = this.#clock.now()
    if (changes.length > 0) reply({ kind: 'invalidation', changes })
    this.#rowChecker?.onChanges(changes)
    this.#rowChecker?.poll()
    if (this.#polls % POLLS_PER_TRIM === 0) await this.#trimJournal(this.#driver)
  }

  /** Nothing hangs on it: where another program is writing just now, the next time will do. */
  async #trimJournal(driver: Driver): Promise<void> {
    try {
      await driver.trimJournal()
    } catch (error) {
      if (!isProblem(error, 'busy')) throw error
    }
  }

  async answer(query: Query): Promise<void> {
    if (this.#driver === null) {
      reply({ kind: 'refused', id: query.id, reason: this.#reason ?? '' })
      return
    }
    const driver = this.#driver
    try {
      reply(await this.#timed(() => answerQuery(driver, query)))
    } catch (error) {
      reply({ kind: 'refused', id: query.id, reason: this.#failed(error) })
    }
  }

  async commit(commit: Commit, tries = 0): Promise<void> {
    this.#locked = null
    if (this.#driver === null) {
      reply({ kind: 'refused', id: commit.id, reason: this.#reason ?? '' })
      return
    }
    const driver = this.#driver
    const changes = unpackChanges(commit.changes)
    try {
      await this.#commitTogether(driver, changes)
      reply({ kind: 'committed', id: commit.id, failed: [] })
    } catch (error) {
      if (isProblem(error, 'busy') && tries < LIMITS.storeBusy_tries) {
        this.#locked = { commit, tries: tries + 1 }
      } else if (isProblem(error, 'refused')) {
        reply({
          kind: 'committed',
          id: commit.id,
          failed: await this.#commitApart(driver, commit.calls, changes),
        })
      } else {
        reply({ kind: 'refused', id: commit.id, reason: this.#failed(error) })
      }
    }
  }

  async report({ table, problems }: Problems): Promise<void> {
    const driver = this.#driver
    if (driver === null) return
    await this.#timed(() => driver.reportProblems(table, problems)).catch((error: unknown) =>
      this.#failed(error),
    )
  }

  /** Nothing hangs on it: where another program is writing just now, the next time will do. */
  async trimCalls(before: number): Promise<void> {
    const driver = this.#driver
    if (driver === null) return
    await this.#timed(() => driver.trimCalls(before, LIMITS.storeCallTrim_rows)).catch((error: unknown) => {
      if (!isProblem(error, 'busy')) this.#failed(error)
    })
  }

  async close(id: number): Promise<void> {
    await this.#driver?.close()
    this.#driver = null
    reply({ kind: 'closed', id })
  }

  async #commitTogether(driver: Driver, changes: readonly Change[]): Promise<void> {
    await this.#timed(() => driver.commit(changes))
    this.#opening.work[Work.Commits]! += 1
    this.#opening.work[Work.ChangesCommitted]! += changes.length
    this.#available(null)
  }

  /** One call has a change that the schema refuses: the others must not fail with it, so each is committed alone. */
  async #commitApart(
    driver: Driver,
    calls: readonly number[],
    changes: readonly Change[],
  ): Promise<readonly FailedCall[]> {
    const failed: FailedCall[] = []
    let start = 0
    for (const [call, length] of calls.entries()) {
      try {
        await this.#commitTogether(driver, changes.slice(start, start + length))
      } catch (error) {
        failed.push({ call, reason: this.#failed(error) })
      }
      start += length
    }
    return failed
  }

  async #timed<Result>(work: () => Promise<Result>): Promise<Result> {
    const start_ms = this.#clock.monotonic()
    try {
      return await work()
    } finally {
      this.#opening.work[Work.Queries]! += 1
      this.#opening.work[Work.QuerySeconds]! += (this.#clock.monotonic() - start_ms) / 1000
    }
  }

  /** Counts a failure and tells the main thread when it is the database's; a refused statement is its author's. */
  #failed(error: unknown): string {
    this.#opening.work[Work.Failures]! += 1
    const reason = error instanceof Error ? error.message : String(error)
    if (!isProblem(error, 'refused')) this.#available(reason)
    return reason
  }

  #available(reason: string | null): void {
    if (reason === this.#reason) return
    this.#reason = reason
    reply({ kind: 'availability', reason })
  }
}

async function answerQuery(driver: Driver, query: Query): Promise<Reply> {
  const { id } = query
  switch (query.kind) {
    case 'boot': {
      const { bindings, ...rest } = await driver.boot()
      return { kind: 'boot', id, ...rest, bindings: packBindings(bindings) }
    }
    case 'settings':
      return { kind: 'settings', id, settings: await driver.settings() }
    case 'domains':
      return { kind: 'domains', id, domains: await driver.domains() }
    case 'find':
      return { kind: 'extension', id, extension: await driver.findExtension(query.domain, query.name) }
  }
}

function isProblem(error: unknown, kind: DatabaseProblem['kind']): boolean {
  return error instanceof DatabaseProblem && error.kind === kind
}

function reply(message: Reply): void {
  postMessage(message)
}

/** Real time, whatever time the main thread lives in: what is waited for here is a disk and other programs. */
const clock = new SystemClock((error) => {
  throw error
})
let started: Promise<DatabaseWorker> | null = null

async function start(opening: Opening): Promise<DatabaseWorker> {
  const worker = new DatabaseWorker(opening, clock)
  await worker.start()
  return worker
}

async function receive(request: Request): Promise<void> {
  if (request.kind === 'open') {
    started = start(request)
    return
  }
  const worker = await started
  if (worker === null) throw new Error(`${request.kind} came before open`)
  if (request.kind === 'commit') await worker.commit(request)
  else if (request.kind === 'problems') await worker.report(request)
  else if (request.kind === 'trim-calls') await worker.trimCalls(request.before)
  else if (request.kind === 'close') await worker.close(request.id)
  else await worker.answer(request)
}

declare const self: Worker
self.onmessage = (event: MessageEvent<Request>): void => {
  void receive(event.data)
}
