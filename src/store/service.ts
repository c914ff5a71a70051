// What the database worker does, apart from being a worker: it answers look-ups, makes changes durable, and follows the
// journal, whether the database is there or not.

import type { Clock, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { RandomFill } from '../sip/id.ts'
import { DatabaseLink } from './database-link.ts'
import { DatabaseProblem, type Driver } from './driver.ts'
import { EVERYTHING, JournalFollower } from './journal.ts'
import { overlaid } from './overlay.ts'
import type { Place } from './place.ts'
import {
  type FailedCall,
  type Opening,
  packBoot,
  type Reply,
  type Request,
  unpackChanges,
  WORK_COUNTERS,
  Work,
} from './protocol.ts'
import { RowChecker } from './row-checker.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import { Spool } from './spool.ts'
import type { Boot, Change, Contents, ExtensionRecord } from './store.ts'
import { passes, WritePath } from './write-path.ts'

type Asking = Extract<Request, { readonly id: number }>
type Query = Exclude<Asking, { readonly kind: 'commit' | 'close' }>
type Commit = Extract<Request, { readonly kind: 'commit' }>
type Problems = Extract<Request, { readonly kind: 'problems' }>

export interface ServiceWorld {
  readonly clock: Clock
  readonly random: RandomFill
  readonly openDriver: () => Promise<Driver>
  /** Where the spool is; null for none. */
  readonly spool: Place | null
  /** Where the snapshot is; null for none, as a database on this machine needs none. */
  readonly snapshot: Place | null
  readonly reply: (message: Reply) => void
}

enum Wake {
  Poll = 0,
  Beat = 1,
}

const POLLS_PER_TRIM = Math.ceil(LIMITS.storeJournalTrim_ms / LIMITS.storePoll_ms)
/** Extensions whose records are read with one question. */
const RECORDS_AT_ONCE = 1000

export class StoreService implements Wakeable {
  readonly #world: ServiceWorld
  readonly #work: Float64Array
  /** What was counted by the workers before this one. */
  readonly #counted: Float64Array
  readonly #link: DatabaseLink
  readonly #writes: WritePath
  readonly #snapshot: SnapshotKeeper | null
  /** Until the main thread has read the setting: what is in the spool already is never too much. */
  #spoolLimit_bytes = Number.POSITIVE_INFINITY
  #follower: JournalFollower | null = null
  #rowChecker: RowChecker | null = null
  #openings = 0
  /** Of the driver, told once each. */
  readonly #warnings = new Set<string>()
  /** What the main thread has from an earlier worker or driver, or the snapshot: what changed since is not known. */
  #stale: boolean
  #polls = 0
  #closed = false
  #toldReason: string | null = null

  constructor(opening: Opening, world: ServiceWorld) {
    const { clock, random, reply } = world
    this.#world = world
    this.#work = opening.work
    this.#counted = opening.work.slice(0, WORK_COUNTERS)
    this.#stale = opening.again
    this.#link = new DatabaseLink({
      clock,
      random,
      open: world.openDriver,
      onOpened: (driver) => this.#onOpened(driver),
      onChange: () => this.#onLinkChange(),
    })
    this.#writes = new WritePath({
      clock,
      link: this.#link,
      openSpool: () => this.#openSpool(),
      onNotice: (sentence) => reply({ kind: 'notice', sentence }),
    })
    this.#snapshot =
      world.snapshot === null
        ? null
        : new SnapshotKeeper({
            place: world.snapshot,
            clock,
            isAway: () => this.#link.state === 'away',
            onNotice: (sentence) => reply({ kind: 'notice', sentence }),
          })
  }

  /** Resolves when the database is open; or may take too long, and need not be waited for. */
  async start(): Promise<void> {
    this.#beat()
    const hasSnapshot = (this.#snapshot?.asOf ?? 0) > 0
    const limit_ms = hasSnapshot ? LIMITS.storeOpen_ms : LIMITS.storeBoot_ms
    const opened = this.#patiently(() => this.#link.open(limit_ms))
    await (hasSnapshot ? Promise.race([opened, passes(this.#world.clock, LIMITS.storeStart_ms)]) : opened)
    this.#world.clock.after(LIMITS.storePoll_ms, this, Wake.Poll)
  }

  onTimer(which: Wake): void {
    if (this.#closed) return
    if (which === Wake.Beat) this.#beat()
    else void this.#poll()
  }

  async answer(query: Query): Promise<void> {
    const reply = await this.#answerOrRefuse(query)
    this.#publish()
    this.#world.reply(reply)
  }

  async commit({ id, calls, changes }: Commit): Promise<void> {
    const reply = await this.#commit(id, calls, unpackChanges(changes))
    this.#publish()
    this.#world.reply(reply)
  }

  async #commit(id: number, calls: readonly number[], changes: readonly Change[]): Promise<Reply> {
    try {
      const failed = await this.#writes.commit(calls, changes)
      this.#snapshot?.apply(failed.length === 0 ? changes : without(failed, calls, changes))
      return { kind: 'committed', id, failed }
    } catch (error) {
      return refusal(id, error)
    }
  }

  /** Nothing hangs on it: what could not be written is found and told again. */
  async report({ table, problems }: Problems): Promise<void> {
    await this.#link
      .write(LIMITS.storeAttempt_ms, (driver) => driver.reportProblems(table, problems))
      .catch(problemOf)
  }

  /** Nothing hangs on it: what is left goes the next time. */
  async trimCalls(before: number): Promise<void> {
    await this.#link
      .write(LIMITS.storeAttempt_ms, (driver) => driver.trimCalls(before, LIMITS.storeCallTrim_rows))
      .catch(problemOf)
  }

  limitSpool(bytes: number): void {
    this.#spoolLimit_bytes = bytes
    if (this.#writes.spool !== null) this.#writes.spool.limit_bytes = bytes
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#writes.close()
    this.#snapshot?.close()
    await this.#link.close()
  }

  async #answerOrRefuse(query: Query): Promise<Reply> {
    const { id } = query
    try {
      switch (query.kind) {
        case 'boot':
          return { kind: 'boot', id, boot: packBoot(await this.#boot()) }
        case 'settings': {
          const settings = await this.#read((driver) => driver.settings())
          this.#snapshot?.readSettings(settings)
          return { kind: 'settings', id, settings }
        }
        case 'domains': {
          const domains = await this.#read((driver) => driver.domains())
          this.#snapshot?.readDomains(domains)
          return { kind: 'domains', id, domains }
        }
        case 'find':
          return { kind: 'extension', id, extension: await this.#find(query.domain, query.name) }
      }
    } catch (error) {
      return refusal(id, error)
    }
  }

  #read<Result>(work: (driver: Driver) => Promise<Result>): Promise<Result> {
    return this.#link.read(LIMITS.storeLookup_ms, work)
  }

  async #find(domain: string, name: string): Promise<ExtensionRecord | null> {
    try {
      const record = await this.#read((driver) => driver.findExtension(domain, name))
      this.#snapshot?.found(domain, name, record)
      return record
    } catch (error) {
      // What was known last goes on serving. That nobody is called so is not known now.
      const known = this.#snapshot?.find(domain, name) ?? null
      if (known === null) throw error
      return known
    }
  }

  async #boot(): Promise<Boot> {
    try {
      const contents = await this.#readAll()
      this.#snapshot?.write(contents)
      return { ...contents, from: 'database', asOf: this.#world.clock.now() }
    } catch (error) {
      const boot = this.#snapshot?.boot() ?? null
      if (boot === null) throw error
      this.#stale = true
      this.#tellAvailability()
      const pending = this.#writes.pending()
      // One that was killed between the two may have left it out. It leaves the spool when the database is back.
      this.#snapshot?.apply(pending)
      const contents = await overlaid(boot, pending, async (ids) => this.#snapshot?.byId(ids) ?? [])
      return { ...boot, ...contents }
    }
  }

  async #readAll(): Promise<Contents> {
    // Read first: what leaves the spool meanwhile is in the database then.
    const pending = this.#writes.pending()
    const contents = await this.#patiently(() =>
      this.#link.read(LIMITS.storeBoot_ms, (driver) => driver.boot()),
    )
    return overlaid(contents, pending, (ids) => this.#recordsOf(ids))
  }

  async #recordsOf(ids: readonly number[]): Promise<readonly ExtensionRecord[]> {
    const records: ExtensionRecord[] = []
    for (let n = 0; n < ids.length; n += RECORDS_AT_ONCE) {
      const some = ids.slice(n, n + RECORDS_AT_ONCE)
      records.push(...(await this.#read((driver) => driver.extensionsById(some))))
    }
    return records
  }

  /** A record that the main thread has had for long may not be in a snapshot that was written anew. */
  async #completeSnapshot(): Promise<void> {
    const ids = this.#snapshot?.recordless(RECORDS_AT_ONCE) ?? []
    if (ids.length > 0) this.#snapshot?.putRecords(ids, await this.#recordsOf(ids))
  }

  #openSpool(): Spool {
    const { spool, clock, reply } = this.#world
    if (spool === null) throw new DatabaseProblem('missing', 'There is no folder for it.')
    return new Spool({
      ...spool,
      clock,
      limit_bytes: this.#spoolLimit_bytes,
      onNotice: (sentence) => reply({ kind: 'notice', sentence }),
    })
  }

  async #onOpened(driver: Driver): Promise<void> {
    this.#follower = await JournalFollower.start(driver)
    this.#rowChecker = new RowChecker(this.#rows, this.#world.clock)
    this.#work[Work.FollowedAt] = this.#world.clock.now()
    if (this.#openings++ > 0) this.#stale = true
    for (const warning of driver.warnings) this.#warn(warning)
  }

  #warn(sentence: string): void {
    if (this.#warnings.has(sentence)) return
    this.#warnings.add(sentence)
    this.#world.reply({ kind: 'notice', sentence })
  }

  /** What the look for rows that make no sense may do, in its bounds. */
  readonly #rows: Pick<Driver, 'findProblems' | 'reportProblems'> = {
    findProblems: (pause) => this.#link.read(LIMITS.storeBoot_ms, (driver) => driver.findProblems(pause)),
    reportProblems: (table, problems) =>
      this.#link.write(LIMITS.storeAttempt_ms, (driver) => driver.reportProblems(table, problems)),
  }

  #onLinkChange(): void {
    this.#publish()
    this.#tellAvailability()
    if (this.#link.state !== 'up') return
    this.#writes.drain()
    if (this.#stale) this.#world.reply({ kind: 'invalidation', changes: EVERYTHING })
    this.#stale = false
  }

  #tellAvailability(): void {
    const { reason } = this.#link
    if (reason !== this.#toldReason) this.#world.reply({ kind: 'availability', reason })
    this.#toldReason = reason
  }

  /** The next one is set when this one has ended, so that they never overlap. */
  async #poll(): Promise<void> {
    this.#polls++
    try {
      await this.#pollOnce()
    } catch (error) {
      // The link knows it already, and tries again.
      problemOf(error)
    }
    this.#publish()
    if (!this.#closed) this.#world.clock.after(LIMITS.storePoll_ms, this, Wake.Poll)
  }

  #beat(): void {
    this.#work[Work.Beats]! += 1
    this.#world.clock.after(LIMITS.storeBeat_ms, this, Wake.Beat)
  }

  /** For what may hold up this thread for long: reading or checking all that there is. */
  async #patiently<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#work[Work.Patient] = 1
    try {
      return await work()
    } finally {
      this.#work[Work.Patient] = 0
    }
  }

  async #pollOnce(): Promise<void> {
    const follower = this.#follower
    if (follower === null || this.#link.state === 'away') return
    const changes = await this.#link.poll(LIMITS.storeAttempt_ms, () => follower.poll())
    this.#work[Work.FollowedAt] = this.#world.clock.now()
    this.#snapshot?.changed(changes)
    await this.#completeSnapshot()
    if (this.#snapshot?.isWanted === true) this.#snapshot.write(await this.#readAll())
    if (changes.length > 0) this.#world.reply({ kind: 'invalidation', changes })
    this.#rowChecker?.onChanges(changes)
    this.#rowChecker?.poll()
    if (this.#polls % POLLS_PER_TRIM === 0 && this.#link.state === 'up')
      await this.#link.write(LIMITS.storeBoot_ms, (driver) => driver.trimJournal())
  }

  /** What cannot be read stays as it was: whoever writes next finds out why. */
  #publishSpool(): void {
    const { spool } = this.#writes
    try {
      this.#work[Work.SpoolBytes] = spool?.bytes ?? 0
      this.#work[Work.SpoolOldest] = spool?.oldestSince ?? 0
      this.#work[Work.SpoolRows] = spool?.rows ?? 0
    } catch (error) {
      problemOf(error)
    }
  }

  #publish(): void {
    const { counts } = this.#writes
    const { queries, seconds, failures } = this.#link.counts
    const count = (field: Work, counted: number): void => {
      this.#work[field] = (this.#counted[field] ?? 0) + counted
    }
    count(Work.Queries, queries)
    count(Work.QuerySeconds, seconds)
    count(Work.Failures, failures)
    count(Work.Commits, counts.commits)
    count(Work.CommitSeconds, counts.commitSeconds)
    count(Work.ChangesCommitted, counts.changesCommitted)
    count(Work.Spooled, counts.spooled)
    count(Work.Drained, counts.drained)
    count(Work.Dropped, counts.dropped)
    count(Work.SpoolRefused, counts.refused)
    this.#publishSpool()
    this.#work[Work.SnapshotAsOf] = this.#snapshot?.asOf ?? 0
    this.#work[Work.DatabaseUp] = this.#link.state === 'up' ? 1 : 0
  }
}

function refusal(id: number, error: unknown): Reply {
  return { kind: 'refused', id, reason: problemOf(error).message }
}

/** The changes of the calls that did not fail. */
function without(
  failed: readonly FailedCall[],
  calls: readonly number[],
  changes: readonly Change[],
): readonly Change[] {
  const failures = new Set(failed.map(({ call }) => call))
  let start = 0
  return calls.flatMap((length, call) => {
    start += length
    return failures.has(call) ? [] : changes.slice(start - length, start)
  })
}

/** Anything else is a defect of ours and ends the worker, which is started anew. */
function problemOf(error: unknown): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  throw error
}
