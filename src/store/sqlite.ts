// The SQLite driver: every statement that the running server uses.

import type { Database } from 'bun:sqlite'
import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { VERSION } from '../version.ts'
import {
  DatabaseProblem,
  type Driver,
  type DriverOptions,
  type JournalReading,
  type JournalRow,
} from './driver.ts'
import { findProblems, type RowProblem } from './problems.ts'
import {
  ACTIVE_CREDENTIALS,
  ACTIVE_EXTENSIONS,
  type ActiveCredentialRow,
  type ActiveExtensionRow,
  activeRecords,
  BINDING_COLUMNS,
  type BindingRow,
  bindingRecord,
  bindingValues,
  CALL_COLUMNS,
  COUNT_EXTENSIONS,
  callValues,
  type DomainRow,
  domainRecord,
  EXTENSION_BY_NUMBER,
  EXTENSION_BY_USER,
  type ExtensionRow,
  extensionRecords,
  extensionsById,
  isoTime,
  SELECT_BINDINGS,
  SELECT_DOMAINS,
  SELECT_SETTINGS,
  type SettingRow,
  settingMap,
} from './records.ts'
import { TRIM_CALLS } from './retention.ts'
import { databaseProblem, openSqlite } from './sqlite-open.ts'
import type {
  Change,
  ConfigProblem,
  Contents,
  DomainRecord,
  ExtensionRecord,
  SightingChange,
} from './store.ts'

/** An extension that was removed meanwhile must not spoil the transaction that others wait for, hence the SELECT. */
const SAVE_BINDING = `
  INSERT INTO binding (${BINDING_COLUMNS.join(', ')})
    SELECT ${BINDING_COLUMNS.map((_, index) => `?${index + 1}`).join(', ')}
      WHERE EXISTS (SELECT 1 FROM extension WHERE id = ?1)
    ON CONFLICT (extension_id, contact_key) DO UPDATE
      SET ${BINDING_COLUMNS.slice(2)
        .map((column) => `${column} = excluded.${column}`)
        .join(', ')}`

const SAVE_CALL = `
  INSERT INTO call (${CALL_COLUMNS.join(', ')}) VALUES (${CALL_COLUMNS.map(() => '?').join(', ')})
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

const SAVE_NODE = `
  INSERT INTO node (name, version, opened_at) VALUES (?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, opened_at = excluded.opened_at`

/** The last row always stays. */
const TRIM_JOURNAL = `
  DELETE FROM change_journal WHERE seq IN (
    SELECT seq FROM change_journal
      WHERE seq < (SELECT max(seq) FROM change_journal)
        AND (seq <= (SELECT max(seq) FROM change_journal) - ? OR at < ?)
      ORDER BY seq LIMIT ?)`

export class SqliteDriver implements Driver {
  readonly warnings: readonly string[] = []
  readonly #database: Database
  readonly #path: string
  readonly #clock: Clock
  /** This server's row in `node`, until it is written. */
  #node: readonly [name: string, version: string, openedAt: string] | null
  #dataVersion = 0
  #seq = 0

  constructor(path: string, { node, clock }: DriverOptions) {
    this.#path = path
    this.#clock = clock
    // Opening may have to wait for a program that migrates; from then on no look-up may wait for long. The start
    // has just looked at it for damage.
    this.#database = openSqlite(path, { create: true, busy_ms: LIMITS.commandBusy_ms, checked: true })
    const { storeBusy_ms } = LIMITS
    this.#database.run(`PRAGMA busy_timeout = ${storeBusy_ms}`)
    this.#node = [node, VERSION, isoTime(clock.now())]
    this.#writeNode()
  }

  async boot(): Promise<Contents> {
    return this.#run((database) => ({
      domains: readDomains(database),
      settings: readSettings(database),
      bindings: database.query<BindingRow, []>(SELECT_BINDINGS).all().map(bindingRecord),
      activeExtensions: activeRecords(
        database.query<ActiveExtensionRow, []>(ACTIVE_EXTENSIONS).all(),
        database.query<ActiveCredentialRow, []>(ACTIVE_CREDENTIALS).all(),
      ),
      extensionCount: database.query<{ n: number }, []>(COUNT_EXTENSIONS).get()?.n ?? 0,
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
      const numbered = database.query<ExtensionRow, [string, string]>(EXTENSION_BY_NUMBER).all(domain, name)
      const rows =
        numbered.length > 0
          ? numbered
          : database
              .query<ExtensionRow, [string, string, string, string]>(EXTENSION_BY_USER)
              .all(domain, name, domain, name)
      return extensionRecords(rows)[0] ?? null
    })
  }

  async extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]> {
    if (ids.length === 0) return []
    return this.#run((database) =>
      extensionRecords(database.query<ExtensionRow, number[]>(extensionsById(ids.length)).all(...ids)),
    )
  }

  async commit(changes: readonly Change[]): Promise<void> {
    this.#transaction((database) => {
      for (const change of changes) apply(database, change)
    })
  }

  async findProblems(pause: () => Promise<void>): Promise<readonly RowProblem[]> {
    return findProblems(
      async (sql, values) =>
        this.#run((database) => database.query<Record<string, unknown>, number[]>(sql).all(...values)),
      pause,
    )
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

  async startJournal(): Promise<void> {
    this.#dataVersion = this.#readDataVersion()
    this.#seq = this.#run(lastSeq)
  }

  async readJournal(): Promise<JournalReading> {
    const version = this.#readDataVersion()
    // While only we write, the journal need not be read.
    if (version === this.#dataVersion) return { rows: [], whole: true }
    this.#dataVersion = version
    return this.#run((database) => {
      const head = lastSeq(database)
      const rows = database
        .query<JournalRow, [number, number, number]>(
          `SELECT seq, table_name AS "table", key FROM change_journal
            WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?`,
        )
        .all(this.#seq, head, LIMITS.storeJournalRead_rows)
      // A gap is a journal that was cut by hand or trimmed while we were away, or more than one read takes.
      const whole = head - this.#seq === rows.length
      this.#seq = head
      return { rows, whole }
    })
  }

  async trimJournal(): Promise<void> {
    const trim = {
      rows: LIMITS.storeJournal_rows,
      before: isoTime(this.#clock.now() - LIMITS.storeJournal_ms),
    }
    while (this.#trimSome(trim));
  }

  async trimCalls(before: number, limit: number): Promise<void> {
    this.#transaction((database) => {
      database.query(TRIM_CALLS).run(isoTime(before), limit)
    })
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  /** At most so many that a look-up need not wait long for it. True when more is to be trimmed. */
  #trimSome({ rows, before }: { readonly rows: number; readonly before: string }): boolean {
    let deleted = 0
    this.#transaction((database) => {
      deleted = database.query(TRIM_JOURNAL).run(rows, before, LIMITS.storeJournalTrim_rows).changes
    })
    return deleted === LIMITS.storeJournalTrim_rows
  }

  /** Where another program is writing, or the disk is full, it is written with the next transaction. */
  #writeNode(): void {
    try {
      this.#transaction(() => {})
    } catch (error) {
      if (!(error instanceof DatabaseProblem)) throw error
    }
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
        if (this.#node !== null) database.query(SAVE_NODE).run(...this.#node)
        work(database)
        database.run('COMMIT')
        this.#node = null
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
      database.query(SAVE_BINDING).run(...bindingValues(change.binding, isoTime))
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
      database.query(SAVE_CALL).run(...callValues(change.call, isoTime))
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
  return database.query<DomainRow, []>(SELECT_DOMAINS).all().map(domainRecord)
}

export function readSettings(database: Database): ReadonlyMap<string, string> {
  return settingMap(database.query<SettingRow, []>(SELECT_SETTINGS).all())
}

/** The last one ever given, even if its row is gone. */
function lastSeq(database: Database): number {
  return (
    database.query<{ seq: number }, []>(`SELECT seq FROM sqlite_sequence WHERE name = 'change_journal'`).get()
      ?.seq ?? 0
  )
}
