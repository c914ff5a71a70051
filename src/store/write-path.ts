// Where a change goes: into the database, or into the spool while the database cannot take it or takes too long. While
// anything is in the spool all that is new goes behind it, so that the order is kept.

import type { Clock, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { DatabaseLink } from './database-link.ts'
import { DatabaseProblem } from './driver.ts'
import type { FailedCall } from './protocol.ts'
import type { Spool, Spooled } from './spool.ts'
import type { Change } from './store.ts'

export interface WritePathOptions {
  readonly clock: Clock
  readonly link: DatabaseLink
  /** Opened when it is first needed, and again after it had to be given up; throws DatabaseProblem. */
  readonly openSpool: () => Spool
  readonly onNotice: (sentence: string) => void
}

const CALLS_FULL =
  'Call records take half of what the setting spool_max_mb allows; the rest is kept for registrations.'

/** What it has done since the worker started. */
export interface WriteCounts {
  commits: number
  commitSeconds: number
  changesCommitted: number
  spooled: number
  drained: number
  dropped: number
  refused: number
}

/** Whole calls, in order: what the database refuses of one does not fail the others. */
interface Group {
  /** How many changes each has. */
  readonly calls: readonly number[]
  readonly changes: readonly Change[]
}

interface Outcome {
  /** The calls that the schema refuses. */
  readonly failed: readonly FailedCall[]
  /** So many changes, from the first on, are committed or refused. */
  readonly done: number
  /** Why the others are not: the database is at fault, and they can be tried again. */
  readonly problem: DatabaseProblem | null
}

export class WritePath implements Wakeable {
  readonly #options: WritePathOptions
  #spool: Spool | null = null
  /** Waiting in a spool that cannot be used just now: nothing may overtake them. */
  #lostRows = 0
  /** A transaction of the spool's own changes is under way: no other may overtake it. */
  #draining = false
  #pausing = false
  #closed = false
  readonly counts: WriteCounts = {
    commits: 0,
    commitSeconds: 0,
    changesCommitted: 0,
    spooled: 0,
    drained: 0,
    dropped: 0,
    refused: 0,
  }

  constructor(options: WritePathOptions) {
    this.#options = options
    try {
      this.#spool = options.openSpool()
    } catch (error) {
      options.onNotice(`There is no spool. ${problemOf(error).message}`)
    }
  }

  get spool(): Spool | null {
    return this.#spool
  }

  /** What waits, oldest first; empty when the spool cannot be read. */
  pending(): readonly Change[] {
    try {
      return this.#spool?.all().map(({ change }) => change) ?? []
    } catch (error) {
      this.#giveUpSpool(problemOf(error))
      return []
    }
  }

  /** Durable when it resolves, but for the calls it names. Throws DatabaseProblem when nothing of it is. */
  async commit(calls: readonly number[], changes: readonly Change[]): Promise<readonly FailedCall[]> {
    if (this.#isBehind() || this.#options.link.state !== 'up') return leftOut(calls, this.#append(changes))
    // With a spool nobody waits for long, and it may take its time.
    const limit_ms = this.#spool === null ? LIMITS.storeAttempt_ms : LIMITS.storeDrain_ms
    const attempt = this.#attempt({ calls, changes }, limit_ms)
    if (await this.#isLate(attempt)) {
      const seqs = this.#appendIfPossible(changes)
      if (seqs !== null) {
        // Answered from the spool now; the transaction goes on as if the drainer had begun it.
        this.#draining = true
        void attempt.then((outcome) => this.#settle(seqs, outcome))
        return leftOut(calls, seqs)
      }
    }
    const { failed, done, problem } = await attempt
    if (problem === null) return failed
    const seqs = this.#append(changes.slice(done), problem)
    return [...failed, ...leftOut(calls, [...changes.slice(0, done).map(() => 0), ...seqs])]
  }

  /** Begins when there is something to do and the database takes it; goes on by itself. */
  drain(): void {
    if (this.#draining || this.#pausing || this.#closed || !this.#isBehind()) return
    if (this.#options.link.state === 'up') void this.#drainBatch()
  }

  onTimer(): void {
    this.#pausing = false
    this.drain()
  }

  close(): void {
    this.#closed = true
    this.#spool?.close()
    this.#spool = null
  }

  #isBehind(): boolean {
    return this.#draining || (this.#spool?.rows ?? this.#lostRows) > 0
  }

  async #attempt({ calls, changes }: Group, limit_ms: number): Promise<Outcome> {
    try {
      await this.#write(changes, limit_ms)
      return { failed: [], done: changes.length, problem: null }
    } catch (error) {
      const problem = problemOf(error)
      return problem.kind === 'refused'
        ? this.#attemptApart({ calls, changes }, limit_ms)
        : { failed: [], done: 0, problem }
    }
  }

  /** One call has a change that the schema refuses: the others must not fail with it, so each is committed alone. */
  async #attemptApart({ calls, changes }: Group, limit_ms: number): Promise<Outcome> {
    const failed: FailedCall[] = []
    let done = 0
    for (const [call, length] of calls.entries()) {
      try {
        await this.#write(changes.slice(done, done + length), limit_ms)
      } catch (error) {
        const problem = problemOf(error)
        if (problem.kind !== 'refused') return { failed, done, problem }
        failed.push({ call, reason: problem.message })
      }
      done += length
    }
    return { failed, done, problem: null }
  }

  /** One transaction, tried again for a while when another program holds the right to write. */
  async #write(changes: readonly Change[], limit_ms: number): Promise<void> {
    const { clock, link } = this.#options
    const start_ms = clock.monotonic()
    for (;;) {
      const begun_ms = clock.monotonic()
      try {
        await link.write(limit_ms, (driver) => driver.commit(changes))
        this.counts.commits++
        this.counts.changesCommitted += changes.length
        return
      } catch (error) {
        const problem = problemOf(error)
        if (problem.kind !== 'busy') throw problem
        if (clock.monotonic() - start_ms > LIMITS.storeAttempt_ms) {
          link.block(problem)
          throw problem
        }
      } finally {
        this.counts.commitSeconds += (clock.monotonic() - begun_ms) / 1000
      }
      await passes(clock, LIMITS.storePoll_ms)
    }
  }

  async #drainBatch(): Promise<void> {
    let batch: readonly Spooled[]
    try {
      batch = this.#opened().first(LIMITS.storeSpoolBatch_rows)
    } catch (error) {
      this.#giveUpSpool(problemOf(error))
      this.#pause()
      return
    }
    this.#draining = true
    const changes = batch.map(({ change }) => change)
    this.#settle(
      batch.map(({ seq }) => seq),
      await this.#attempt({ calls: changes.map(() => 1), changes }, LIMITS.storeDrain_ms),
    )
  }

  /** What was committed, or never will be, leaves the spool. It may be applied again after a crash before this. */
  #settle(seqs: readonly (number | null)[], { failed, done, problem }: Outcome): void {
    this.#draining = false
    if (this.#closed) return
    const spooled = seqs.slice(0, done).filter((seq) => seq !== null)
    this.counts.drained += spooled.length - failed.length
    this.#drop(failed)
    try {
      this.#spool?.remove(spooled)
    } catch (error) {
      this.#giveUpSpool(problemOf(error))
      this.#pause()
      return
    }
    if (problem !== null) this.#pause()
    // In between comes whatever else there is to do.
    else this.#options.clock.soon(() => this.drain())
  }

  #drop(failed: readonly FailedCall[]): void {
    const [first] = failed
    if (first === undefined) return
    this.counts.dropped += failed.length
    this.#options.onNotice(
      `${failed.length} writes of the spool are dropped, as the database refuses them; the first: ${first.reason}`,
    )
  }

  #pause(): void {
    this.#pausing = true
    this.#options.clock.after(LIMITS.storeRetryMin_ms, this, 0)
  }

  async #isLate(attempt: Promise<unknown>): Promise<boolean> {
    const late = Promise.withResolvers<boolean>()
    const timer = this.#options.clock.after(LIMITS.storeSpool_ms, { onTimer: () => late.resolve(true) }, 0)
    const isLate = await Promise.race([attempt.then(() => false), late.promise])
    timer.cancel()
    return isLate
  }

  #appendIfPossible(changes: readonly Change[]): readonly (number | null)[] | null {
    try {
      return this.#append(changes)
    } catch {
      return null
    }
  }

  /** `cause`: why the database itself did not take them. Throws DatabaseProblem when the spool doesn't either. */
  #append(changes: readonly Change[], cause?: DatabaseProblem): readonly (number | null)[] {
    try {
      const seqs = this.#opened().append(changes)
      const kept = seqs.filter((seq) => seq !== null).length
      this.counts.spooled += kept
      this.counts.refused += seqs.length - kept
      return seqs
    } catch (error) {
      const problem = problemOf(error)
      this.counts.refused += changes.length
      this.#giveUpSpool(problem)
      const reason = cause?.message ?? this.#options.link.reason
      throw reason === null ? problem : new DatabaseProblem(problem.kind, `${problem.message} ${reason}`)
    }
  }

  /** What is at fault may be the open file; the next append opens it anew. */
  #giveUpSpool(problem: DatabaseProblem): void {
    if (problem.kind === 'full' || problem.kind === 'busy') return
    this.#lostRows = this.#spool?.rows ?? this.#lostRows
    this.#spool?.close()
    this.#spool = null
  }

  #opened(): Spool {
    this.#spool ??= this.#options.openSpool()
    return this.#spool
  }
}

export function passes(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, { onTimer: () => resolve() }, 0))
}

/** The calls with a change that the spool did not keep. Only call records have none, and each comes alone. */
function leftOut(calls: readonly number[], seqs: readonly (number | null)[]): readonly FailedCall[] {
  const failed: FailedCall[] = []
  let end = 0
  for (const [call, length] of calls.entries()) {
    const start = end
    end += length
    if (seqs.slice(start, end).includes(null)) failed.push({ call, reason: CALLS_FULL })
  }
  return failed
}

function problemOf(error: unknown): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  throw error
}
