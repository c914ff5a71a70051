// The main thread's handle on the database worker: it matches answers to questions, gathers writes, and outlives the
// worker: what a dead one has not answered is asked again of the next.

import type { Clock, Timer, Wakeable } from '../clock.ts'
import { DATABASE_WORKER, LIMITS } from '../config.ts'
import { GroupCommit } from './group-commit.ts'
import { type Reply, type Request, unpackBoot, WORK_FIELDS, Work } from './protocol.ts'
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
import { Supervisor } from './supervisor.ts'

/** One that waits for the reply with its number. */
interface Question {
  readonly request: Asking
  resolve(reply: Reply): void
  reject(error: StoreUnavailable): void
  readonly timer: Timer
  /** To so many workers. */
  sends: number
}

type Asking = Extract<Request, { readonly id: number }>
/** Omit on each member of the union, which plain Omit would melt into one. */
type Unnumbered<Kind> = Kind extends unknown ? Omit<Kind, 'id'> : never

const OVERDUE = 'The database does not answer in time.'
const FATAL = 'The database worker ended each time that it was asked this.'

export interface SqlStoreOptions {
  /** Folder for what this machine keeps for itself; without one writes fail while the database is away. */
  readonly folder?: string
  /** Name of this server among those that use the database. */
  readonly node?: string
  /** The worker's program, where it is not ours. */
  readonly worker?: URL
}

export class SqlStore implements Store, Wakeable {
  readonly #clock: Clock
  readonly #listener: StoreListener
  /** In the order they were asked. */
  readonly #questions = new Map<number, Question>()
  readonly #groupCommit: GroupCommit
  readonly #supervisor: Supervisor
  /** Shared with the worker, and handed on to the next one: the counts never start again. */
  readonly #work = new Float64Array(new SharedArrayBuffer(WORK_FIELDS * Float64Array.BYTES_PER_ELEMENT))
  #spoolLimit_bytes = 0
  #lastId = 0
  #pendingLookups = 0
  #toldReason: string | null = null
  #closing = false
  #closed = false

  constructor(url: string, clock: Clock, listener: StoreListener, options: SqlStoreOptions = {}) {
    this.#clock = clock
    this.#listener = listener
    this.#groupCommit = new GroupCommit(clock, async (calls, changes) => {
      const reply = await this.#ask({ kind: 'commit', calls, changes }, LIMITS.storeCommit_ms)
      if (reply.kind !== 'committed') throw unexpected(reply)
      return reply.failed
    })
    this.#supervisor = new Supervisor({
      clock,
      program: options.worker ?? DATABASE_WORKER,
      opening: { url, folder: options.folder ?? null, node: options.node ?? 'main', work: this.#work },
      onReply: (reply) => this.#onReply(reply),
      onRestarted: () => this.#onWorkerRestarted(),
      onNotice: (sentence) => listener.onNotice(sentence),
    })
  }

  async boot(): Promise<Boot> {
    const reply = await this.#ask({ kind: 'boot' }, LIMITS.storeBoot_ms)
    if (reply.kind !== 'boot') throw unexpected(reply)
    return unpackBoot(reply.boot)
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
    this.#supervisor.send({ kind: 'problems', table, problems })
  }

  limitSpool(bytes: number): void {
    if (bytes === this.#spoolLimit_bytes) return
    this.#spoolLimit_bytes = bytes
    this.#supervisor.send({ kind: 'spool-limit', bytes })
  }

  trimCalls(before: number): void {
    this.#supervisor.send({ kind: 'trim-calls', before })
  }

  counts(): StoreCounts {
    const counted = (field: Work): number => this.#work[field] ?? 0
    const oldest = counted(Work.SpoolOldest)
    const asOf = counted(Work.SnapshotAsOf)
    return {
      queries: counted(Work.Queries),
      querySeconds: counted(Work.QuerySeconds),
      commits: counted(Work.Commits),
      commitSeconds: counted(Work.CommitSeconds),
      changesCommitted: counted(Work.ChangesCommitted),
      failures: counted(Work.Failures),
      pendingWrites: this.#groupCommit.pending_changes,
      refusedWrites: this.#groupCommit.refused_changes,
      pendingLookups: this.#pendingLookups,
      databaseUp: counted(Work.DatabaseUp) === 1,
      snapshotAsOf: asOf === 0 ? null : asOf,
      workerRestarts: this.#supervisor.restarts,
      spool: {
        rows: counted(Work.SpoolRows),
        bytes: counted(Work.SpoolBytes),
        oldestSince: oldest === 0 ? null : oldest,
        spooled: counted(Work.Spooled),
        drained: counted(Work.Drained),
        dropped: counted(Work.Dropped),
        refused: counted(Work.SpoolRefused),
      },
      followedAt: counted(Work.FollowedAt),
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
    this.#closed = true
    this.#supervisor.stop()
    for (const id of [...this.#questions.keys()]) this.#take(id)?.reject(closed())
  }

  /** Its time is over. */
  onTimer(id: number): void {
    this.#take(id)?.reject(new StoreUnavailable(OVERDUE))
  }

  #ask(unnumbered: Unnumbered<Asking>, limit_ms: number): Promise<Reply> {
    if (this.#closed) return Promise.reject(closed())
    const id = ++this.#lastId
    const request: Asking = { ...unnumbered, id }
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(limit_ms, this, id)
      this.#questions.set(id, { request, resolve, reject, timer, sends: 1 })
      this.#supervisor.send(request)
    })
  }

  #onReply(reply: Reply): void {
    switch (reply.kind) {
      case 'availability':
        this.#tellAvailability(reply.reason)
        return
      case 'notice':
        this.#listener.onNotice(reply.sentence)
        return
      case 'invalidation':
        this.#listener.onInvalidation(reply.changes)
        return
      case 'refused':
        this.#take(reply.id)?.reject(new StoreUnavailable(reply.reason))
        return
      default:
        this.#take(reply.id)?.resolve(reply)
    }
  }

  /** Undefined when its time ran out before. */
  #take(id: number): Question | undefined {
    const question = this.#questions.get(id)
    this.#questions.delete(id)
    question?.timer.cancel()
    return question
  }

  /** Each may be asked twice: changes that are made twice are as if made once. */
  #onWorkerRestarted(): void {
    if (this.#spoolLimit_bytes > 0)
      this.#supervisor.send({ kind: 'spool-limit', bytes: this.#spoolLimit_bytes })
    for (const [id, question] of this.#questions) {
      if (question.sends >= LIMITS.storeQuestionSends) {
        this.#take(id)?.reject(new StoreUnavailable(FATAL))
      } else {
        question.sends++
        this.#supervisor.send(question.request)
      }
    }
  }

  #tellAvailability(reason: string | null): void {
    if (reason === this.#toldReason) return
    this.#toldReason = reason
    this.#listener.onAvailability(reason)
  }
}

function closed(): StoreUnavailable {
  return new StoreUnavailable('The store is closed.')
}

function unexpected(reply: Reply): Error {
  return new Error(`The database worker answered with ${reply.kind}.`)
}
