// The SQLite driver: every statement that the running server uses.

import type { Database } from 'bun:sqlite'
import { LIMITS } from '../config.ts'
import type { Driver, JournalRow } from './driver.ts'
import { databaseProblem, openSqlite } from './sqlite-open.ts'
import type {
  Algorithm,
  BindingRecord,
  CallRecord,
  Change,
  ConfigProblem,
  Contents,
  CredentialRecord,
  DomainRecord,
  ExtensionRecord,
  SightingChange,
} from './store.ts'

interface ExtensionRow {
  readonly id: number
  readonly number: string
  readonly domain: string
  readonly displayName: string
  readonly userId: number
  readonly userName: string
  readonly status: 'active' | 'suspended'
  readonly maxBindings: number | null
}

interface CredentialRow {
  readonly username: string
  readonly realm: string
  readonly algorithm: Algorithm
  readonly ha1: string
}

interface BindingRow {
  readonly extension_id: number
  readonly contact_key: string
  readonly contact: string
  readonly call_id: string
  readonly cseq: number
  readonly q: number
  readonly expires_at: string
  readonly registered_at: string
  readonly user_agent: string
  readonly instance: string
  readonly path: string
  readonly source: string
  readonly local: string
  readonly natted: 0 | 1
}

const SELECT_EXTENSION = `
  SELECT e.id, e.number, d.name AS domain, e.user_id AS userId, u.name AS userName, u.status,
      e.max_bindings AS maxBindings, iif(e.display_name = '', u.display_name, e.display_name) AS displayName
    FROM domain d JOIN extension e ON e.domain_id = d.id JOIN user u ON u.id = e.user_id`

const SELECT_CREDENTIAL = `
  SELECT c.username, c.realm, c.algorithm, c.ha1
    FROM credential c LEFT JOIN device v ON v.id = c.device_id
    WHERE c.user_id = ? AND (c.device_id IS NULL OR v.extension_id = ?)
    ORDER BY c.id`

/** An extension that was removed meanwhile must not spoil the transaction that others wait for, hence the SELECT. */
const SAVE_BINDING = `
  INSERT INTO binding (extension_id, contact_key, contact, call_id, cseq, q, expires_at, registered_at, user_agent,
      instance, path, source, local, natted)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
      WHERE EXISTS (SELECT 1 FROM extension WHERE id = ?1)
    ON CONFLICT (extension_id, contact_key) DO UPDATE SET contact = excluded.contact, call_id = excluded.call_id,
      cseq = excluded.cseq, q = excluded.q, expires_at = excluded.expires_at, registered_at = excluded.registered_at,
      user_agent = excluded.user_agent, instance = excluded.instance, path = excluded.path,
      source = excluded.source, local = excluded.local, natted = excluded.natted`

const SAVE_CALL = `
  INSERT INTO call (id, call_id, domain, caller, caller_name, dialled, answered_by, started_at, ringing_at,
      answered_at, ended_at, outcome, status, reason)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
    ON CONFLICT (id) DO UPDATE SET ended_at = coalesce(call.ended_at, excluded.ended_at)`

/** Made again after a crash, it must not end a record of that Call-ID which began later. */
const END_CALL = `
  UPDATE call SET ended_at = ?1
    WHERE call_id = ?2 AND outcome = 'answered' AND ended_at IS NULL AND started_at <= ?1`

const SEE_DEVICE = `
  UPDATE device SET user_agent = ?3, last_seen_at = ?4 WHERE extension_id = ?1 AND instance = ?2`

/** An instance is the phone's own word: one that makes up new ones must not fill the table. */
const ADD_DEVICE = `
  INSERT INTO device (extension_id, instance, user_agent, last_seen_at)
    SELECT ?1, ?2, ?3, ?4
      WHERE EXISTS (SELECT 1 FROM extension WHERE id = ?1)
        AND (SELECT count(*) FROM device WHERE extension_id = ?1) < ?5`

export class SqliteDriver implements Driver {
  readonly #database: Database
  readonly #path: string
  #dataVersion: number

  constructor(path: string, busy_ms: number) {
    this.#path = path
    // Opening may have to wait for a program that migrates; from then on no look-up may wait for long.
    this.#database = openSqlite(path, { create: true, busy_ms: LIMITS.commandBusy_ms })
    this.#database.run(`PRAGMA busy_timeout = ${busy_ms}`)
    this.#dataVersion = this.#readDataVersion()
  }

  async boot(): Promise<Contents> {
    return this.#run((database) => ({
      domains: readDomains(database),
      settings: readSettings(database),
      bindings: database
        .query<BindingRow, []>('SELECT b.* FROM binding b JOIN extension e ON e.id = b.extension_id')
        .all()
        .map(bindingRecord),
      activeExtensions: database
        .query<ExtensionRow, []>(`${SELECT_EXTENSION} WHERE e.id IN (SELECT extension_id FROM binding)`)
        .all()
        .map((row) => extensionRecord(database, row)),
      extensionCount: database.query<{ n: number }, []>('SELECT count(*) AS n FROM extension').get()?.n ?? 0,
    }))
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    return this.#run(readSettings)
  }

  async domains(): Promise<readonly DomainRecord[]> {
    return this.#run(readDomains)
  }

  async findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    return this.#run((database) => {
      const row =
        database
          .query<ExtensionRow, [string, string]>(`${SELECT_EXTENSION} WHERE d.name = ? AND e.number = ?`)
          .get(domain, name) ??
        // The name of a user who owns several is that of the first one made.
        database
          .query<ExtensionRow, [string, string]>(
            `${SELECT_EXTENSION} WHERE d.name = ? AND u.name = ? ORDER BY e.id`,
          )
          .get(domain, name)
      return row === null ? null : extensionRecord(database, row)
    })
  }

  async extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]> {
    return this.#run((database) =>
      database
        .query<ExtensionRow, [string]>(`${SELECT_EXTENSION} WHERE e.id IN (SELECT value FROM json_each(?))`)
        .all(JSON.stringify(ids))
        .map((row) => extensionRecord(database, row)),
    )
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#transaction((database) => {
      for (const change of changes) apply(database, change)
    })
  }

  async reportProblems(table: string, problems: readonly ConfigProblem[]): Promise<void> {
    this.#transaction((database) => {
      database.query('DELETE FROM config_problem WHERE table_name = ?').run(table)
      const insert = database.query('INSERT INTO config_problem (table_name, key, problem) VALUES (?, ?, ?)')
      for (const { key, problem } of problems) insert.run(table, key, problem)
    })
  }

  async probe(): Promise<void> {
    // Unlike an empty transaction this writes a page, and so finds out whether the disk takes one.
    this.#run((database) => database.run('PRAGMA user_version = 0'))
  }

  async changedByOthers(): Promise<boolean> {
    const version = this.#readDataVersion()
    if (version === this.#dataVersion) return false
    this.#dataVersion = version
    return true
  }

  async journalHead(): Promise<number> {
    return this.#run(
      (database) =>
        database
          .query<{ seq: number }, []>(`SELECT seq FROM sqlite_sequence WHERE name = 'change_journal'`)
          .get()?.seq ?? 0,
    )
  }

  async journalBetween(after: number, through: number, limit: number): Promise<readonly JournalRow[]> {
    return this.#run((database) =>
      database
        .query<JournalRow, [number, number, number]>(
          `SELECT seq, table_name AS "table", key FROM change_journal
            WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
        )
        .all(after, through, limit),
    )
  }

  async trimJournal(keep_rows: number): Promise<void> {
    this.#transaction((database) => {
      database
        .query('DELETE FROM change_journal WHERE seq <= (SELECT max(seq) FROM change_journal) - ?')
        .run(keep_rows)
    })
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #readDataVersion(): number {
    return this.#run(
      (database) =>
        database.query<{ data_version: number }, []>('PRAGMA data_version').get()?.data_version ?? 0,
    )
  }

  #transaction(work: (database: Database) => void): void {
    this.#run((database) => {
      database.run('BEGIN IMMEDIATE')
      try {
        work(database)
        database.run('COMMIT')
      } catch (error) {
        // SQLite has rolled back by itself after some failures, a full disk among them.
        if (database.inTransaction) database.run('ROLLBACK')
        throw error
      }
    })
  }

  #run<Result>(work: (database: Database) => Result): Result {
    try {
      return work(this.#database)
    } catch (error) {
      throw databaseProblem(error, this.#path)
    }
  }
}

function apply(database: Database, change: Change): void {
  switch (change.kind) {
    case 'save':
      database.query(SAVE_BINDING).run(...bindingValues(change.binding))
      return
    case 'remove':
      database
        .query('DELETE FROM binding WHERE extension_id = ? AND contact_key = ?')
        .run(change.extensionId, change.contactKey)
      return
    case 'sighting':
      see(database, change)
      return
    case 'call':
      database.query(SAVE_CALL).run(...callValues(change.call))
      return
    case 'call-ended':
      database.query(END_CALL).run(isoTime(change.endedAt), change.callId)
  }
}

function see(database: Database, sighting: SightingChange): void {
  const { extensionId, instance, userAgent, seenAt } = sighting
  const values = [extensionId, instance, userAgent, isoTime(seenAt)] as const
  if (database.query(SEE_DEVICE).run(...values).changes > 0) return
  database.query(ADD_DEVICE).run(...values, LIMITS.storeDevicesPerExtension)
}

export function readDomains(database: Database): DomainRecord[] {
  return database
    .query<{ id: number; name: string; realm: string; is_default: 0 | 1 }, []>(
      'SELECT id, name, realm, is_default FROM domain ORDER BY id',
    )
    .all()
    .map((row) => ({ id: row.id, name: row.name, realm: row.realm, isDefault: row.is_default === 1 }))
}

export function readSettings(database: Database): ReadonlyMap<string, string> {
  const rows = database.query<{ name: string; value: string }, []>('SELECT name, value FROM setting').all()
  return new Map(rows.map((row) => [row.name, row.value]))
}

function extensionRecord(database: Database, row: ExtensionRow): ExtensionRecord {
  const { status, ...rest } = row
  return { ...rest, suspended: status === 'suspended', credentials: readCredentials(database, row) }
}

function readCredentials(database: Database, extension: ExtensionRow): CredentialRecord[] {
  return database
    .query<CredentialRow, [number, number]>(SELECT_CREDENTIAL)
    .all(extension.userId, extension.id)
}

function isoTime(time: number): string {
  return new Date(time).toISOString()
}

function isoTimeOrNull(time: number | null): string | null {
  return time === null ? null : isoTime(time)
}

function callValues(call: CallRecord): (string | number | null)[] {
  return [
    call.id,
    call.callId,
    call.domain,
    call.caller,
    call.callerName,
    call.dialled,
    call.answeredBy,
    isoTime(call.startedAt),
    isoTimeOrNull(call.ringingAt),
    isoTimeOrNull(call.answeredAt),
    isoTimeOrNull(call.endedAt),
    call.outcome,
    call.status,
    call.reason,
  ]
}

function bindingValues(b: BindingRecord): (string | number)[] {
  return [
    b.extensionId,
    b.contactKey,
    b.contact,
    b.callId,
    b.cseq,
    b.priority / 1000,
    isoTime(b.expiresAt),
    isoTime(b.registeredAt),
    b.userAgent,
    b.instance,
    b.path,
    b.source,
    b.local,
    b.natted ? 1 : 0,
  ]
}

function bindingRecord(row: BindingRow): BindingRecord {
  return {
    extensionId: row.extension_id,
    contactKey: row.contact_key,
    contact: row.contact,
    callId: row.call_id,
    cseq: row.cseq,
    priority: Math.round(row.q * 1000),
    expiresAt: Date.parse(row.expires_at),
    registeredAt: Date.parse(row.registered_at),
    userAgent: row.user_agent,
    instance: row.instance,
    path: row.path,
    source: row.source,
    local: row.local,
    natted: row.natted === 1,
  }
}
