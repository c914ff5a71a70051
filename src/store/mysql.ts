// The MySQL driver: every statement that the running server uses, but for what a commit writes.

import type { Clock } from '../clock.ts'
import { LIMITS, type MysqlLocation } from '../config.ts'
import { VERSION } from '../version.ts'
import { DatabaseProblem, type Driver, type DriverOptions, type JournalReading } from './driver.ts'
import { applyChanges } from './mysql-commit.ts'
import { MysqlFingerprint, MysqlJournal } from './mysql-journal.ts'
import { migrateMysql } from './mysql-migration.ts'
import { mysqlProblem } from './mysql-problem.ts'
import { type MysqlSession, MysqlSessions } from './mysql-session.ts'
import { findProblems, type RowProblem } from './problems.ts'
import {
  ACTIVE_CREDENTIALS,
  ACTIVE_EXTENSIONS,
  type ActiveCredentialRow,
  type ActiveExtensionRow,
  activeRecords,
  type BindingRow,
  bindingRecord,
  COUNT_EXTENSIONS,
  type DomainRow,
  domainRecord,
  EXTENSION_BY_NUMBER,
  EXTENSION_BY_USER,
  type ExtensionRow,
  extensionRecords,
  extensionsById,
  mysqlTime,
  SELECT_BINDINGS,
  SELECT_DOMAINS,
  SELECT_SETTINGS,
  type SettingRow,
  settingMap,
} from './records.ts'
import { TRIM_CALLS } from './retention.ts'
import type { Change, ConfigProblem, Contents, DomainRecord, ExtensionRecord } from './store.ts'

const SAVE_NODE = `INSERT INTO node (name, version, opened_at) VALUES (?, ?, ?)
  ON DUPLICATE KEY UPDATE version = VALUES(version), opened_at = VALUES(opened_at)`

/**
 * Read first, so that the DELETE locks nothing but what it deletes. The last row always stays: whoever follows the
 * journal knows by it that nothing was cut.
 */
const OLD_JOURNAL = `
  SELECT seq FROM change_journal
    WHERE seq < (SELECT max(seq) FROM change_journal)
      AND (seq <= (SELECT max(seq) FROM change_journal) - ? OR at < ?)
    ORDER BY seq LIMIT ${LIMITS.storeJournalTrim_rows}`

export class MysqlDriver implements Driver {
  readonly #warnings: string[] = []
  readonly #location: MysqlLocation
  readonly #clock: Clock
  readonly #readers: MysqlSessions
  /** One connection, so that writes come one after the other. */
  readonly #writer: MysqlSessions
  readonly #journal: MysqlJournal
  /** What is looked at where there are no triggers; null where there are. */
  #fingerprint: MysqlFingerprint | null = null
  /** This server's row in `node`: its name, version, and when it opened the database. */
  readonly #node: readonly [name: string, version: string, openedAt: string]

  private constructor(location: MysqlLocation, { node, clock }: DriverOptions) {
    this.#location = location
    this.#clock = clock
    this.#readers = new MysqlSessions(location, clock, LIMITS.mysqlConnections)
    this.#writer = new MysqlSessions(location, clock, 1)
    this.#journal = new MysqlJournal(clock)
    this.#node = [node, VERSION, mysqlTime(clock.now())]
  }

  /** Connects, checks and migrates. Rejects with DatabaseProblem only. */
  static async open(location: MysqlLocation, options: DriverOptions): Promise<MysqlDriver> {
    const driver = new MysqlDriver(location, options)
    try {
      await driver.#prepare()
      return driver
    } catch (error) {
      await driver.close()
      throw error
    }
  }

  get warnings(): readonly string[] {
    return this.#warnings
  }

  async boot(): Promise<Contents> {
    return this.#readers.use(LIMITS.storeBoot_ms, async (session) => {
      await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
      const [count] = await session.select<{ n: number }>(COUNT_EXTENSIONS)
      const boot = {
        domains: await readDomains(session),
        settings: await readSettings(session),
        bindings: (await session.select<BindingRow>(SELECT_BINDINGS)).map(bindingRecord),
        activeExtensions: activeRecords(
          await session.select<ActiveExtensionRow>(ACTIVE_EXTENSIONS),
          await session.select<ActiveCredentialRow>(ACTIVE_CREDENTIALS),
        ),
        extensionCount: count?.n ?? 0,
      }
      await session.run('COMMIT')
      return boot
    })
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    return this.#readers.use(LIMITS.storeQuery_ms, readSettings)
  }

  async domains(): Promise<readonly DomainRecord[]> {
    return this.#readers.use(LIMITS.storeQuery_ms, readDomains)
  }

  async findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    return this.#readers.use(LIMITS.directoryLookup_ms, async (session) => {
      const numbered = await session.rows<ExtensionRow>(EXTENSION_BY_NUMBER, [domain, name])
      const rows =
        numbered.length > 0
          ? numbered
          : await session.rows<ExtensionRow>(EXTENSION_BY_USER, [domain, name, domain, name])
      const [found] = extensionRecords(rows)
      // To MySQL a name with spaces behind it is the same one.
      const same = found?.domain === domain && (found.number === name || found.userName === name)
      return found !== undefined && same ? found : null
    })
  }

  async extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]> {
    if (ids.length === 0) return []
    return this.#readers.use(LIMITS.storeQuery_ms, async (session) =>
      extensionRecords(await session.select<ExtensionRow>(extensionsById(ids.length), ids)),
    )
  }

  async commit(changes: readonly Change[]): Promise<void> {
    await this.#transaction((session) => applyChanges(session, changes))
  }

  async findProblems(pause: () => Promise<void>): Promise<readonly RowProblem[]> {
    return findProblems(
      (sql, values) => this.#readers.use(LIMITS.storeBoot_ms, (session) => session.rows(sql, values)),
      pause,
    )
  }

  async reportProblems(table: string, problems: readonly ConfigProblem[]): Promise<void> {
    const rows = problems.map(({ key, problem }) => [table, key, problem])
    await this.#transaction(async (session) => {
      await session.run('DELETE FROM config_problem WHERE table_name = ?', [table])
      if (rows.length > 0)
        await session.run('INSERT INTO config_problem (table_name, "key", problem) VALUES ?', [rows])
    })
  }

  async probe(): Promise<void> {
    // There and back: a row that is set to what it holds is not written at all.
    const [name, version] = this.#node
    await this.#transaction(async (session) => {
      for (const text of [`${version} probe`, version])
        await session.run('UPDATE node SET version = ? WHERE name = ?', [text, name])
    })
  }

  async startJournal(): Promise<void> {
    await this.#readers.use(LIMITS.storeBoot_ms, async (session) => {
      await this.#journal.start(session)
      await this.#fingerprint?.start(session)
    })
  }

  async readJournal(): Promise<JournalReading> {
    return this.#readers.use(LIMITS.storeQuery_ms, async (session) => {
      const reading = await this.#journal.read(session)
      const changed = (await this.#fingerprint?.changed(session)) ?? false
      return changed ? { rows: [], whole: false } : reading
    })
  }

  async trimJournal(): Promise<void> {
    const before = mysqlTime(this.#clock.now() - LIMITS.storeJournal_ms)
    await this.#readers.use(LIMITS.storeBoot_ms, async (session) => {
      for (;;) {
        const rows = await session.select<{ seq: number }>(OLD_JOURNAL, [LIMITS.storeJournal_rows, before])
        if (rows.length === 0) return
        await session.run('DELETE FROM change_journal WHERE seq IN (?)', [rows.map(({ seq }) => seq)])
      }
    })
  }

  async trimCalls(before: number, limit: number): Promise<void> {
    await this.#transaction((session) => session.run(TRIM_CALLS, [mysqlTime(before), limit]))
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers.close(), this.#writer.close()])
  }

  async #prepare(): Promise<void> {
    const refusal = await this.#writer.use(LIMITS.storeBoot_ms, migrateMysql)
    if (refusal !== null) {
      this.#fingerprint = new MysqlFingerprint(this.#clock)
      this.#warnings.push(
        `Changed rows act within ${LIMITS.storeFingerprint_ms / 1000} s instead of at once, as the database has no ` +
          `triggers. ${mysqlProblem(refusal, this.#location).message}`,
      )
    }
    await this.#writer.use(LIMITS.storeQuery_ms, (session) => this.#checkDurability(session))
    await this.#writeNode()
  }

  /** A 200 says that the binding survives; with another setting the loss of power takes the last second's. */
  async #checkDurability(session: MysqlSession): Promise<void> {
    const [row] = await session.select<{ flush: number }>('SELECT @@innodb_flush_log_at_trx_commit AS flush')
    if (row?.flush === 1) return
    this.#warnings.push(
      'Registrations that were acknowledged may be lost with the power of the database server, as it does not write ' +
        'each commit to its disk. Say there: SET GLOBAL innodb_flush_log_at_trx_commit = 1.',
    )
  }

  /** A database that may only be read just now, or that is full, is still good for reading. */
  async #writeNode(): Promise<void> {
    try {
      await this.#transaction((session) => session.run(SAVE_NODE, this.#node))
    } catch (error) {
      if (!(error instanceof DatabaseProblem) || error.kind === 'away') throw error
    }
  }

  /**
   * All or nothing, and never beside an older one of ours: a server that was frozen may still be at a transaction that
   * we have given up. So each takes this server's own row first, and nothing is sent before that is answered: it comes
   * after the older one has committed or was rolled back.
   */
  #transaction<Result>(work: (session: MysqlSession) => Promise<Result>): Promise<Result> {
    return this.#writer.use(LIMITS.storeQuery_ms, async (session) => {
      await session.run('START TRANSACTION')
      const [name] = this.#node
      const rows = await session.rows('SELECT name FROM node WHERE name = ? FOR UPDATE', [name])
      if (rows.length === 0) await session.run(SAVE_NODE, this.#node)
      const result = await work(session)
      await session.run('COMMIT')
      return result
    })
  }
}

async function readDomains(session: MysqlSession): Promise<DomainRecord[]> {
  return (await session.rows<DomainRow>(SELECT_DOMAINS)).map(domainRecord)
}

async function readSettings(session: MysqlSession): Promise<ReadonlyMap<string, string>> {
  return settingMap(await session.rows<SettingRow>(SELECT_SETTINGS))
}
