// The snapshot: what the server needs of a remote database, in a file of this machine, so that a start without the
// database still serves. Not synced: it outlives the process, and after a loss of power it is whole but a little old.

import { Database } from 'bun:sqlite'
import { closeSync, existsSync, openSync, rmSync } from 'node:fs'
import { type DatabaseLocation, LIMITS } from '../config.ts'
import { snapshotPlace } from './place.ts'
import { databaseProblem } from './sqlite-open.ts'
import type { BindingRecord, Change, Contents, DomainRecord, ExtensionRecord } from './store.ts'

/** It holds HA1 as the database does. */
const SNAPSHOT_MODE = 0o640
/** Of a full file so many records go at once, so that looking for them is seldom. */
const RECORDS_PER_ROOM = 1000

const SCHEMA = `
  CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE extension (
    id INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    number TEXT NOT NULL,
    user_name TEXT,
    record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX extension_by_number ON extension (domain, number);
  CREATE INDEX extension_by_user ON extension (domain, user_name);
  CREATE TABLE binding (
    extension_id INTEGER NOT NULL,
    contact_key TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (extension_id, contact_key)
  ) STRICT, WITHOUT ROWID;`

interface Row {
  readonly record: string
}

/** Every method throws DatabaseProblem when the file cannot be read or written. */
export class Snapshot {
  readonly #database: Database
  readonly #path: string
  #records: number

  private constructor(database: Database, path: string) {
    this.#database = database
    this.#path = path
    this.#records = database.query<{ n: number }, []>('SELECT count(*) AS n FROM extension').get()?.n ?? 0
  }

  /** The whole snapshot of that database which is there, or null. */
  static open(path: string, database: string): Snapshot | null {
    if (!existsSync(path)) return null
    try {
      const snapshot = new Snapshot(openFile(path), path)
      if (snapshot.#fact('whole') === database && snapshot.#isSound()) return snapshot
      snapshot.close()
    } catch (error) {
      databaseProblem(error, path)
    }
    return null
  }

  /** A new file, of nothing so far. */
  static make(path: string): Snapshot {
    removeSnapshot(path)
    try {
      closeSync(openSync(path, 'a', SNAPSHOT_MODE))
      const database = openFile(path)
      database.run(SCHEMA)
      return new Snapshot(database, path)
    } catch (error) {
      throw databaseProblem(error, path)
    }
  }

  get asOf(): number {
    return Number(this.#fact('as_of') ?? 0)
  }

  /** It holds all of that database, and was true at that time. */
  noteWhole(database: string, asOf: number): void {
    this.#set('whole', database)
    this.noteTrue(asOf)
  }

  noteTrue(asOf: number): void {
    this.#set('as_of', String(asOf))
  }

  contents(): Contents {
    return this.#run(() => {
      const all = (sql: string) => this.#database.query<Row, []>(sql).all()
      return {
        domains: JSON.parse(this.#fact('domains') ?? '[]'),
        settings: new Map(JSON.parse(this.#fact('settings') ?? '[]')),
        bindings: all('SELECT record FROM binding').map(({ record }) => JSON.parse(record)),
        activeExtensions: all(
          'SELECT record FROM extension WHERE id IN (SELECT extension_id FROM binding)',
        ).map(({ record }) => JSON.parse(record)),
        extensionCount: Number(this.#fact('extension_count') ?? 0),
      }
    })
  }

  putFacts({ domains, settings, extensionCount }: Omit<Contents, 'bindings' | 'activeExtensions'>): void {
    this.putDomains(domains)
    this.putSettings(settings)
    this.#set('extension_count', String(extensionCount))
  }

  putDomains(domains: readonly DomainRecord[]): void {
    this.#set('domains', JSON.stringify(domains))
  }

  putSettings(settings: ReadonlyMap<string, string>): void {
    this.#set('settings', JSON.stringify([...settings]))
  }

  /** Gives back the extensions that have a binding by this and no record. */
  apply(changes: readonly Change[]): readonly number[] {
    const recordless: number[] = []
    this.#transaction(() => {
      for (const change of changes) {
        if (change.kind === 'save') {
          this.#putBinding(change.binding)
          if (!this.#has(change.binding.extensionId)) recordless.push(change.binding.extensionId)
        } else if (change.kind === 'remove')
          this.#database
            .query('DELETE FROM binding WHERE extension_id = ? AND contact_key = ?')
            .run(change.extensionId, change.contactKey)
      }
    })
    return recordless
  }

  putAll(bindings: readonly BindingRecord[], records: readonly ExtensionRecord[]): void {
    this.#transaction(() => {
      for (const binding of bindings) this.#putBinding(binding)
      for (const record of records) this.#put(record, null)
    })
  }

  /** `name`: what it was found by. */
  putRecord(record: ExtensionRecord, name: string): void {
    this.#transaction(() => {
      if (this.#records >= LIMITS.directory_entries) this.#makeRoom()
      this.#put(record, name === record.number ? null : name)
    })
  }

  /** Nobody is called so now. */
  forget(domain: string, name: string): void {
    this.#count('DELETE FROM extension WHERE domain = ?1 AND (number = ?2 OR user_name = ?2)', [domain, name])
  }

  /** Its row has changed. Where a phone is registered its record is read again anyway, and serves until then. */
  forgetIdle(domain: string, name: string): void {
    this.#count(
      `DELETE FROM extension WHERE domain = ?1 AND (number = ?2 OR user_name = ?2)
         AND id NOT IN (SELECT extension_id FROM binding)`,
      [domain, name],
    )
  }

  forgetAllIdle(): void {
    this.#count('DELETE FROM extension WHERE id NOT IN (SELECT extension_id FROM binding)', [])
  }

  find(domain: string, name: string): ExtensionRecord | null {
    return this.#run(() => {
      const row =
        this.#database
          .query<Row, [string, string]>('SELECT record FROM extension WHERE domain = ? AND number = ?')
          .get(domain, name) ??
        this.#database
          .query<Row, [string, string]>('SELECT record FROM extension WHERE domain = ? AND user_name = ?')
          .get(domain, name)
      return row === null ? null : JSON.parse(row.record)
    })
  }

  byId(ids: readonly number[]): readonly ExtensionRecord[] {
    return this.#run(() =>
      this.#database
        .query<Row, [string]>('SELECT record FROM extension WHERE id IN (SELECT value FROM json_each(?))')
        .all(JSON.stringify(ids))
        .map(({ record }) => JSON.parse(record)),
    )
  }

  close(): void {
    this.#database.close()
  }

  #putBinding(binding: BindingRecord): void {
    this.#database
      .query('INSERT OR REPLACE INTO binding (extension_id, contact_key, record) VALUES (?, ?, ?)')
      .run(binding.extensionId, binding.contactKey, JSON.stringify(binding))
  }

  #has(extensionId: number): boolean {
    return this.#database.query('SELECT 1 FROM extension WHERE id = ?').get(extensionId) !== null
  }

  #put(record: ExtensionRecord, foundByUser: string | null): void {
    const { changes } = this.#database
      .query(
        `UPDATE extension SET domain = ?2, number = ?3, record = ?5,
            user_name = CASE WHEN ?4 IS NULL AND user_name = ?6 THEN user_name ELSE ?4 END
           WHERE id = ?1`,
      )
      .run(record.id, record.domain, record.number, foundByUser, JSON.stringify(record), record.userName)
    if (changes > 0) return
    this.#database
      .query('INSERT INTO extension (id, domain, number, user_name, record) VALUES (?, ?, ?, ?, ?)')
      .run(record.id, record.domain, record.number, foundByUser, JSON.stringify(record))
    this.#records++
  }

  #makeRoom(): void {
    const { changes } = this.#database
      .query(
        `DELETE FROM extension WHERE id IN (
           SELECT id FROM extension WHERE id NOT IN (SELECT extension_id FROM binding) LIMIT ?)`,
      )
      .run(RECORDS_PER_ROOM)
    this.#records -= changes
  }

  #count(sql: string, values: string[]): void {
    this.#run(() => {
      this.#records -= this.#database.query(sql).run(...values).changes
    })
  }

  #fact(name: string): string | undefined {
    return this.#run(
      () =>
        this.#database.query<{ value: string }, [string]>('SELECT value FROM fact WHERE name = ?').get(name)
          ?.value,
    )
  }

  #set(name: string, value: string): void {
    this.#run(() =>
      this.#database.query('INSERT OR REPLACE INTO fact (name, value) VALUES (?, ?)').run(name, value),
    )
  }

  #isSound(): boolean {
    return (
      this.#database.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').get()?.quick_check === 'ok'
    )
  }

  #transaction(work: () => void): void {
    this.#run(() => this.#database.transaction(work)())
  }

  #run<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw databaseProblem(error, this.#path)
    }
  }
}

/** Whether a start can go on without that database. */
export function hasSnapshot(folder: string, location: DatabaseLocation): boolean {
  const place = snapshotPlace(folder, location)
  const snapshot = place === null ? null : Snapshot.open(place.path, place.database)
  snapshot?.close()
  return snapshot !== null
}

export function removeSnapshot(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

function openFile(path: string): Database {
  const database = new Database(path, { readwrite: true, create: false, strict: true })
  database.run('PRAGMA journal_mode = WAL')
  database.run('PRAGMA synchronous = NORMAL')
  return database
}
