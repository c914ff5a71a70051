// The main thread's handle on the database worker: it matches answers to questions, gathers writes, and outlives the
// worker, which may die and is started again.

import type { Clock, Timer, Wakeable } from '../clock.ts'
import { DATABASE_WORKER, LIMITS } from '../config.ts'
import { GroupCommit } from './group-commit.ts'
import { type Reply, type Request, unpackBindings, WORK_FIELDS, Work } from './protocol.ts'
import {
  type Boot,
  type Change,
  type ConfigProblem,
  type DomainRecord,
  type ExtensionRecord,
  type Store,
  type StoreCounts,
  type StoreListener,
  StoreUnavailable,
} from './store.ts'

/** One that waits for the reply with its number. */
interface Question {
  resolve(reply: Reply): void
  reject(error: StoreUnavailable): void
  readonly timer: Timer
}

type Asking = Extract<Request, { readonly id: number }>
/** Omit on each member of the union, which plain Omit would melt into one. */
type Unnumbered<Kind> = Kind extends unknown ? Omit<Kind, 'id'> : never

/** Timers are numbered as the questions are, which begin at 1. */
const RESTART = 0

const OVERDUE = 'The database does not answer in time.'

export class SqlStore implements Store, Wakeable {
  readonly #url: string
  readonly #clock: Clock
  readonly #listener: StoreListener
  readonly #questions = new Map<number, Question>()
  readonly #groupCommit: GroupCommit
  /** Shared with the worker, and handed on to the next one: the counts never start again. */
  readonly #work = new Float64Array(new SharedArrayBuffer(WORK_FIELDS * Float64Array.BYTES_PER_ELEMENT))
  #worker: Worker | null = null
  #lastId = 0
  #pendingLookups = 0
  #workersStarted = 0
  /** What the worker says of the database; null while it can be used. */
  #workerReason: string | null = null
  /** A question went unanswered for its time: all others are refused at once until the worker says anything again. */
  #overdue = false
  #toldReason: string | null = null
  /** Once each, however often the database is opened. */
  readonly #toldWarnings = new Set<string>()
  #closing = false

  constructor(url: string, clock: Clock, listener: StoreListener) {
    this.#url = url
    this.#clock = clock
    this.#listener = listener
    this.#groupCommit = new GroupCommit(clock, async (calls, changes) => {
      const reply = await this.#ask({ kind: 'commit', calls, changes }, LIMITS.storeCommit_ms)
      if (reply.kind !== 'committed') throw unexpected(reply)
      return reply.failed
    })
    this.#startWorker()
  }

  async boot(): Promise<Boot> {
    const reply = await this.#ask({ kind: 'boot' }, LIMITS.storeBoot_ms)
    if (reply.kind !== 'boot') throw unexpected(reply)
    const { domains, settings, activeExtensions, extensionCount } = reply
    return { domains, settings, activeExtensions, extensionCount, bindings: unpackBindings(reply.bindings) }
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    const reply = await this.#ask({ kind: 'settings' }, LIMITS.storeQuery_ms)
    if (reply.kind !== 'settings') throw unexpected(reply)
    return reply.settings
  }

  async domains(): Promise<readonly DomainRecord[]> {
    const reply = await this.#ask({ kind: 'domains' }, LIMITS.storeQuery_ms)
    if (reply.kind !== 'domains') throw unexpected(reply)
    return reply.domains
  }

  async findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    this.#pendingLookups++
    try {
      const reply = await this.#ask({ kind: 'find', domain, name }, LIMITS.directoryLookup_ms)
      if (reply.kind !== 'extension') throw unexpected(reply)
      return reply.extension
    } finally {
      this.#pendingLookups--
    }
  }

  commit(changes: readonly Change[]): Promise<void> {
    if (this.#closing) return Promise.reject(new StoreUnavailable('The store is closed.'))
    return this.#groupCommit.add(changes)
  }

  reportProblems(table: string, problems: readonly ConfigProblem[]): void {
    this.#worker?.postMessage({ kind: 'problems', table, problems } satisfies Request)
  }

  trimCalls(before: number): void {
    this.#worker?.postMessage({ kind: 'trim-calls', before } satisfies Request)
  }

  counts(): StoreCounts {
    return {
      queries: this.#work[Work.Queries] ?? 0,
      querySeconds: this.#work[Work.QuerySeconds] ?? 0,
      commits: this.#work[Work.Commits] ?? 0,
      changesCommitted: this.#work[Work.ChangesCommitted] ?? 0,
      failures: this.#work[Work.Failures] ?? 0,
      pendingWrites: this.#groupCommit.pending_changes,
      refusedWrites: this.#groupCommit.refused_changes,
      pendingLookups: this.#pendingLookups,
      followedAt: this.#work[Work.FollowedAt] ?? 0,
    }
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    await this.#groupCommit.drained()
    try {
      await this.#ask({ kind: 'close' }, LIMITS.storeQuery_ms)
    } catch (error) {
      // A worker that cannot close holds nothing that was acknowledged: every commit is on the disk already.
      if (!(error instanceof StoreUnavailable)) throw error
    }
    this.#worker?.terminate()
    this.#worker = null
    this.#rejectAll('The store is closed.')
  }

  onTimer(which: number): void {
    if (which === RESTART) {
      this.#startWorker()
      return
    }
    const question = this.#questions.get(which)
    this.#questions.delete(which)
    this.#overdue = true
    this.#tellAvailability()
    question?.reject(new StoreUnavailable(OVERDUE))
  }

  #ask(request: Unnumbered<Asking>, limit_ms: number): Promise<Reply> {
    const worker = this.#worker
    if (worker === null)
      return Promise.reject(new StoreUnavailable(this.#workerReason ?? 'The store is closed.'))
    // A frozen worker must not gather messages without bound.
    if (this.#overdue && request.kind !== 'close') return Promise.reject(new StoreUnavailable(OVERDUE))
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve, reject, timer: this.#clock.after(limit_ms, this, id) })
      worker.postMessage({ ...request, id } satisfies Request)
    })
  }

  #startWorker(): void {
    if (this.#closing) return
    const worker = new Worker(DATABASE_WORKER)
    worker.onmessage = (event: MessageEvent<Reply>) => this.#onReply(event.data)
    // Not every death comes with an error (Bun gives none for an unhandled rejection), but each with 'close'.
    let cause = 'no reason given'
    worker.onerror = (event) => {
      cause = event.message
    }
    worker.addEventListener('close', () => this.#onWorkerDeath(worker, cause))
    worker.postMessage({ kind: 'open', url: this.#url, work: this.#work } satisfies Request)
    this.#worker = worker
    this.#workersStarted++
  }

  #onReply(reply: Reply): void {
    this.#overdue = false
    if (reply.kind === 'availability') this.#workerReason = reply.reason
    this.#tellAvailability()
    if (reply.kind === 'availability') return
    if (reply.kind === 'opened') this.#onOpened(reply.warnings)
    else if (reply.kind === 'invalidation') this.#listener.onInvalidation(reply.changes)
    else this.#settle(reply)
  }

  #settle(reply: Extract<Reply, { readonly id: number }>): void {
    const question = this.#questions.get(reply.id)
    // Its time ran out before.
    if (question === undefined) return
    this.#questions.delete(reply.id)
    question.timer.cancel()
    if (reply.kind === 'refused') question.reject(new StoreUnavailable(reply.reason))
    else question.resolve(reply)
  }

  #onOpened(warnings: readonly string[]): void {
    for (const warning of warnings) {
      if (!this.#toldWarnings.has(warning)) this.#listener.onWarning(warning)
      this.#toldWarnings.add(warning)
    }
    // What changed while no worker followed the journal is not known.
    if (this.#workersStarted === 1) return
    this.#listener.onInvalidation([{ kind: 'everything' }, { kind: 'settings' }, { kind: 'domains' }])
  }

  #onWorkerDeath(worker: Worker, cause: string): void {
    if (worker !== this.#worker || this.#closing) return
    this.#worker = null
    this.#overdue = false
    this.#workerReason = `The database worker ended unexpectedly (${cause}) and is started again.`
    this.#tellAvailability()
    this.#rejectAll(this.#workerReason)
    this.#clock.after(LIMITS.storeRestart_ms, this, RESTART)
  }

  #rejectAll(reason: string): void {
    const questions = [...this.#questions.values()]
    this.#questions.clear()
    for (const question of questions) {
      question.timer.cancel()
      question.reject(new StoreUnavailable(reason))
    }
  }

  #tellAvailability(): void {
    const reason = this.#overdue ? OVERDUE : this.#workerReason
    if (reason === this.#toldReason) return
    this.#toldReason = reason
    this.#listener.onAvailability(reason)
  }
}

function unexpected(reply: Reply): Error {
  return new Error(`The database worker answered with ${reply.kind}.`)
}
