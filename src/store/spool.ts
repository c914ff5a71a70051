// The spool: changes that the database could not take, kept on this machine's disk until it can. A REGISTER is
// answered 200 from here while the database is away, so each append is synced.

import { Database } from 'bun:sqlite'
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import { databaseProblem } from './sqlite-open.ts'
import type { Change } from './store.ts'

/** It holds what the database holds, so it is read by the same people. */
const SPOOL_MODE = 0o640
/** Of the reserve so much is left for taking out of the spool what is written: that needs room too. */
const DRAIN_SHARE = 1 / 4
/** There is a reserve only where so many times its size is free: it takes twice its size, with its log. */
const DISK_PER_RESERVE = 4
/**
 * Of the limit calls may take so much, and the rest is for registrations: a phone makes a call record as fast as it may
 * call, and nobody is cut off by a lost one.
 */
const CALLS_SHARE = 1 / 2
/** What a row takes beside its change: its place in the table and in two indexes. */
const ROW_BYTES = 128

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS owner (database TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pending (
    seq INTEGER PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    since INTEGER NOT NULL,
    change TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS pending_since ON pending (since);`

/** A change and its place in the spool. */
export interface Spooled {
  readonly seq: number
  readonly change: Change
}

export interface SpoolOptions {
  readonly path: string
  /** Which database the changes are for, without secrets: what was meant for another one is never written to this. */
  readonly database: string
  readonly clock: Clock
  readonly limit_bytes: number
  /** Hears, in a sentence for the log, what the administrator must know. */
  readonly onNotice: (sentence: string) => void
}

export class Spool {
  readonly #options: SpoolOptions
  #database: Database
  #rows = 0
  #nextSeq = 1
  #callBytes = 0
  /** Used by rows, beyond which no more is taken. A live setting. */
  limit_bytes: number

  /** Throws DatabaseProblem when there can be no spool in that folder. */
  constructor(options: SpoolOptions) {
    this.#options = options
    this.limit_bytes = options.limit_bytes
    this.#database = this.#run(() => this.#openSound())
    this.#count()
  }

  /** Changes that wait. */
  get rows(): number {
    return this.#rows
  }

  get bytes(): number {
    return this.#run(() => (this.#rows === 0 ? 0 : usedBytes(this.#database)))
  }

  /** Since when the oldest of them waits, ms since the epoch; null when none does. */
  get oldestSince(): number | null {
    if (this.#rows === 0) return null
    return this.#run(
      () =>
        this.#database.query<{ since: number | null }, []>('SELECT min(since) AS since FROM pending').get()
          ?.since ?? null,
    )
  }

  /**
   * Durable when it returns, with the places they have now; null for calls beyond their share, which are not kept.
   * Throws DatabaseProblem: then none is.
   */
  append(changes: readonly Change[]): readonly (number | null)[] {
    try {
      return this.#run(() => this.#appendAll(changes))
    } catch (error) {
      if (!(error instanceof DatabaseProblem && error.kind === 'corrupt')) throw error
      this.#replace(error.message)
      return this.#run(() => this.#appendAll(changes))
    }
  }

  /** The oldest ones, in order. */
  first(limit: number): readonly Spooled[] {
    try {
      return this.#run(() => this.#read(limit))
    } catch (error) {
      if (!(error instanceof DatabaseProblem && error.kind === 'corrupt')) throw error
      this.#replace(error.message)
      return []
    }
  }

  all(): readonly Spooled[] {
    return this.first(Number.MAX_SAFE_INTEGER)
  }

  /** Those which have not been put behind by a newer state of the same subject meanwhile. */
  remove(seqs: readonly number[]): void {
    this.#run(() => {
      const gone = this.#database
        .query<{ subject: string; change: string }, [string]>(
          'DELETE FROM pending WHERE seq IN (SELECT value FROM json_each(?)) RETURNING subject, change',
        )
        .all(JSON.stringify(seqs))
      this.#rows -= gone.length
      for (const { subject, change } of gone) {
        if (subject.startsWith('call')) this.#callBytes -= bytesOf(change)
      }
    })
  }

  close(): void {
    this.#database.close()
  }

  #appendAll(changes: readonly Change[]): readonly (number | null)[] {
    if (isDiskFull(this.#database, this.#options.path)) throw diskFull(this.#options.path)
    const since = this.#options.clock.now()
    let rows = this.#rows
    let seq = this.#nextSeq
    let callBytes = this.#callBytes
    this.#database.run('BEGIN IMMEDIATE')
    try {
      const seqs = changes.map((change) => {
        const text = JSON.stringify(change)
        const subject = subjectOf(change, seq)
        if (subject.startsWith('call')) {
          if (callBytes + bytesOf(text) > this.limit_bytes * CALLS_SHARE) return null
          callBytes += bytesOf(text)
        }
        if (!this.#put(subject, text, seq, since)) rows++
        return seq++
      })
      if (usedBytes(this.#database) > this.limit_bytes) throw overfull(this.#rows)
      this.#database.run('COMMIT')
      this.#rows = rows
      this.#nextSeq = seq
      this.#callBytes = callBytes
      return seqs
    } catch (error) {
      if (this.#database.inTransaction) this.#database.run('ROLLBACK')
      throw error
    }
  }

  /** True when it takes the place of an older state of the same subject, whose time of waiting it goes on with. */
  #put(subject: string, text: string, seq: number, since: number): boolean {
    const older = this.#database
      .query<{ since: number }, [string]>('DELETE FROM pending WHERE subject = ? RETURNING since')
      .get(subject)
    this.#database
      .query('INSERT INTO pending (seq, subject, since, change) VALUES (?, ?, ?, ?)')
      .run(seq, subject, older?.since ?? since, text)
    return older !== null
  }

  #read(limit: number): readonly Spooled[] {
    return this.#database
      .query<{ seq: number; change: string }, [number]>(
        'SELECT seq, change FROM pending ORDER BY seq LIMIT ?',
      )
      .all(limit)
      .map(({ seq, change }) => ({ seq, change: JSON.parse(change) }))
  }

  #count(): void {
    this.#run(() => {
      // No change of ours is like that; somebody has edited the file by hand.
      this.#database.run('DELETE FROM pending WHERE NOT json_valid(change)')
      const counted = this.#database
        .query<{ rows: number; last: number | null; callBytes: number | null }, []>(
          `SELECT count(*) AS rows, max(seq) AS last,
              sum(octet_length(change) + ${ROW_BYTES}) FILTER (WHERE subject GLOB 'call*') AS callBytes
            FROM pending`,
        )
        .get()
      this.#callBytes = counted?.callBytes ?? 0
      this.#rows = counted?.rows ?? 0
      this.#nextSeq = (counted?.last ?? 0) + 1
    })
  }

  /** A spool that cannot be read, or belongs to another database, must not keep new writes from being kept. */
  #openSound(): Database {
    const { path, database: own } = this.#options
    let problem: string
    try {
      const database = open(path)
      const owner = ownerOf(database, own)
      if (owner === own) return database
      const { rows } = database.query<{ rows: number }, []>('SELECT count(*) AS rows FROM pending').get() ?? {
        rows: 0,
      }
      database.close()
      if (rows === 0) return this.#openNew()
      problem = `It holds ${rows} writes for another database, ${owner}.`
    } catch (error) {
      const found = databaseProblem(error, path)
      if (found.kind !== 'corrupt') throw found
      problem = found.message
    }
    this.#setAside(problem)
    return this.#openNew()
  }

  #openNew(): Database {
    const { path, database: own } = this.#options
    const database = open(path)
    database.run('DELETE FROM owner')
    database.query('INSERT INTO owner (database) VALUES (?)').run(own)
    return database
  }

  #replace(problem: string): void {
    this.#database.close()
    this.#setAside(problem)
    this.#database = this.#run(() => this.#openNew())
    this.#count()
  }

  #setAside(problem: string): void {
    const { path, clock, onNotice } = this.#options
    const aside = `${path}.${new Date(clock.now()).toISOString().replaceAll(':', '')}`
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix)
    }
    onNotice(`The spool ${path} cannot be used and was set aside as ${aside}; a new one serves. ${problem}`)
  }

  #run<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw databaseProblem(error, this.#options.path)
    }
  }
}

function open(path: string): Database {
  mkdirSync(dirname(path), { recursive: true })
  if (!existsSync(path)) closeSync(openSync(path, 'a', SPOOL_MODE))
  const database = new Database(path, { readwrite: true, create: false, strict: true })
  try {
    database.run('PRAGMA journal_mode = WAL')
    database.run('PRAGMA synchronous = FULL')
    database.run(`PRAGMA journal_size_limit = ${LIMITS.storeSpoolReserve_bytes}`)
    const found = database.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').get()?.quick_check
    if (found !== 'ok') throw new DatabaseProblem('corrupt', `It is damaged (${found}).`)
    database.run(SCHEMA)
    reserve(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * Room in the file and in its log that is the spool's own, so that it takes writes for a while when the disk is full:
 * pages that were written once and are free are used again without asking the disk for more.
 */
function reserve(database: Database, path: string): void {
  const { storeSpoolReserve_bytes: wanted } = LIMITS
  // On a small disk others need it more.
  if (freeBytes(database) >= wanted || diskBytes(path) < wanted * DISK_PER_RESERVE) return
  try {
    database.run(`CREATE TABLE room AS SELECT zeroblob(${wanted}) AS room`)
    database.run('DROP TABLE room')
    // The log is written from its beginning again, and keeps its length.
    database.run('PRAGMA wal_checkpoint(RESTART)')
  } catch (error) {
    // Full already: then there is none.
    if (databaseProblem(error, '').kind !== 'full') throw error
  }
}

/** A new spool is for whoever opens it first. */
function ownerOf(database: Database, own: string): string {
  const owner = database.query<{ database: string }, []>('SELECT database FROM owner').get()?.database
  if (owner !== undefined) return owner
  database.query('INSERT INTO owner (database) VALUES (?)').run(own)
  return own
}

function freeBytes(database: Database): number {
  const sql = 'SELECT freelist_count * page_size AS bytes FROM pragma_freelist_count, pragma_page_size'
  return database.query<{ bytes: number }, []>(sql).get()?.bytes ?? 0
}

function isDiskFull(database: Database, path: string): boolean {
  const { storeSpoolReserve_bytes: reserve_bytes } = LIMITS
  if (freeBytes(database) >= reserve_bytes * DRAIN_SHARE) return false
  return diskBytes(path) < reserve_bytes
}

/** Free on the disk that the file is on. */
function diskBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text) + ROW_BYTES
}

function diskFull(path: string): DatabaseProblem {
  return new DatabaseProblem('full', `The disk that holds ${path} is full. Make room on it.`)
}

function overfull(rows: number): DatabaseProblem {
  return new DatabaseProblem(
    'full',
    `The spool is full: ${rows} writes wait for the database, all that the setting spool_max_mb allows.`,
  )
}

function usedBytes(database: Database): number {
  return (
    database
      .query<{ bytes: number }, []>(
        `SELECT (page_count - freelist_count) * page_size AS bytes
           FROM pragma_page_count, pragma_freelist_count, pragma_page_size`,
      )
      .get()?.bytes ?? 0
  )
}

/**
 * Of two changes with one subject only the last one counts. A contact and a device have one state; what is written of a
 * call depends on what was written before, so nothing of it is left out.
 */
function subjectOf(change: Change, seq: number): string {
  switch (change.kind) {
    case 'save':
      return `binding ${change.binding.extensionId} ${change.binding.contactKey}`
    case 'remove':
      return `binding ${change.extensionId} ${change.contactKey}`
    case 'sighting':
      return `device ${change.extensionId} ${change.instance}`
    default:
      return `${change.kind} ${seq}`
  }
}
