// The commands' statements for SQLite. Their own connection: the server may be running beside it.

import type { Database } from 'bun:sqlite'
import { LIMITS } from '../config.ts'
import { schemaVersion } from './migration.ts'
import type {
  CredentialName,
  DatabaseCondition,
  ExtensionChange,
  ExtensionDetail,
  ListedBinding,
  NewExtension,
  Provisioning,
  UserDetail,
  UserStatus,
} from './provisioning.ts'
import { readDomains, readSettings } from './sqlite.ts'
import { databaseProblem, openSqlite } from './sqlite-open.ts'
import type { ConfigProblem, CredentialRecord, DomainRecord } from './store.ts'

const NOW = `strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`

const SELECT_EXTENSION = `
  SELECT e.id, e.number, d.name AS domain, e.display_name AS displayName, e.max_bindings AS maxBindings,
      u.id AS userId, u.name AS user, u.status, e.created_at AS createdAt, e.updated_at AS updatedAt,
      (SELECT count(*) FROM binding b WHERE b.extension_id = e.id AND b.expires_at > ${NOW}) AS contacts
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id`

const SELECT_BINDING = `
  SELECT e.number, d.name AS domain, b.contact, b.source, b.user_agent AS userAgent,
      b.registered_at AS registeredAt, b.expires_at AS expiresAt,
      unixepoch(b.expires_at) - unixepoch('now') AS expiresIn_s
    FROM binding b JOIN extension e ON e.id = b.extension_id JOIN domain d ON d.id = e.domain_id
    WHERE b.expires_at > ${NOW} AND (?1 IS NULL OR e.number = ?1)
    ORDER BY length(e.number), e.number, b.contact`

export class SqliteProvisioning implements Provisioning {
  readonly #database: Database
  readonly #path: string

  private constructor(path: string, create: boolean) {
    this.#path = path
    this.#database = openSqlite(path, { create, busy_ms: LIMITS.commandBusy_ms })
  }

  /** Throws DatabaseProblem. */
  static open(path: string, options: { readonly create: boolean }): SqliteProvisioning {
    return new SqliteProvisioning(path, options.create)
  }

  async transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#run('BEGIN IMMEDIATE')
    try {
      const result = await work()
      this.#run('COMMIT')
      return result
    } catch (error) {
      if (this.#database.inTransaction) this.#run('ROLLBACK')
      throw error
    }
  }

  async domains(): Promise<readonly DomainRecord[]> {
    return this.#try(() => readDomains(this.#database))
  }

  async addDomain(name: string, realm: string): Promise<DomainRecord> {
    const isDefault = (await this.domains()).every((domain) => !domain.isDefault)
    const id = this.#insert('INSERT INTO domain (name, realm, is_default) VALUES (?, ?, ?)', [
      name,
      realm,
      isDefault ? 1 : 0,
    ])
    return { id, name, realm, isDefault }
  }

  async findUser(name: string): Promise<UserDetail | null> {
    return this.#get<UserDetail>(
      `SELECT u.id, u.name, u.display_name AS displayName, u.status,
          (SELECT count(*) FROM extension e WHERE e.user_id = u.id) AS extensionCount
        FROM user u WHERE u.name = ?`,
      [name],
    )
  }

  async addUser(name: string, displayName: string): Promise<number> {
    return this.#insert('INSERT INTO user (name, display_name) VALUES (?, ?)', [name, displayName])
  }

  async setUserStatus(userId: number, status: UserStatus): Promise<void> {
    this.#run('UPDATE user SET status = ? WHERE id = ?', [status, userId])
  }

  async setUserDisplayName(userId: number, displayName: string): Promise<void> {
    this.#run('UPDATE user SET display_name = ? WHERE id = ?', [displayName, userId])
  }

  async removeUser(userId: number): Promise<void> {
    this.#run('DELETE FROM user WHERE id = ?', [userId])
  }

  async findExtension(domainId: number, number: string): Promise<ExtensionDetail | null> {
    return this.#get<ExtensionDetail>(`${SELECT_EXTENSION} WHERE e.domain_id = ? AND e.number = ?`, [
      domainId,
      number,
    ])
  }

  async listExtensions(): Promise<readonly ExtensionDetail[]> {
    // 99 before 100: as people sort numbers.
    return this.#all<ExtensionDetail>(`${SELECT_EXTENSION} ORDER BY d.id, length(e.number), e.number`, [])
  }

  async addExtension(extension: NewExtension): Promise<number> {
    return this.#insert(
      'INSERT INTO extension (domain_id, number, user_id, display_name, max_bindings) VALUES (?, ?, ?, ?, ?)',
      [extension.domainId, extension.number, extension.userId, extension.displayName, extension.maxBindings],
    )
  }

  async changeExtension(extensionId: number, change: ExtensionChange): Promise<void> {
    const { displayName, maxBindings } = change
    if (displayName !== undefined) {
      this.#run('UPDATE extension SET display_name = ? WHERE id = ?', [displayName, extensionId])
    }
    if (maxBindings !== undefined) {
      this.#run('UPDATE extension SET max_bindings = ? WHERE id = ?', [maxBindings, extensionId])
    }
  }

  async removeExtension(extensionId: number): Promise<void> {
    this.#run('DELETE FROM extension WHERE id = ?', [extensionId])
  }

  async listCredentials(userId: number): Promise<readonly CredentialName[]> {
    return this.#all<CredentialName>(
      'SELECT username, realm, algorithm FROM credential WHERE user_id = ? ORDER BY username, realm, algorithm',
      [userId],
    )
  }

  async setCredential(userId: number, credential: CredentialRecord): Promise<boolean> {
    const { username, realm, algorithm, ha1 } = credential
    const written = this.#get(
      `INSERT INTO credential (user_id, username, realm, algorithm, ha1) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (username, realm, algorithm) DO UPDATE SET ha1 = excluded.ha1
          WHERE credential.user_id = excluded.user_id
        RETURNING id`,
      [userId, username, realm, algorithm, ha1],
    )
    return written !== null
  }

  async removeCredentials(userId: number, username: string, realm: string): Promise<void> {
    this.#run('DELETE FROM credential WHERE user_id = ? AND username = ? AND realm = ?', [
      userId,
      username,
      realm,
    ])
  }

  async listBindings(number: string | null): Promise<readonly ListedBinding[]> {
    return this.#all<ListedBinding>(SELECT_BINDING, [number])
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    return this.#try(() => readSettings(this.#database))
  }

  async listProblems(): Promise<readonly (ConfigProblem & { readonly table: string })[]> {
    return this.#all('SELECT table_name AS "table", key, problem FROM config_problem ORDER BY 1, 2', [])
  }

  async condition(): Promise<DatabaseCondition> {
    const count = this.#get<{ n: number }>('SELECT count(*) AS n FROM extension', [])
    const orphans = this.#all<{ table: string; parent: string; rowid: number | null }>(
      'SELECT "table", parent, rowid FROM pragma_foreign_key_check LIMIT ?',
      [LIMITS.orphansListed],
    )
    // A page is written, so that a full disk or a missing right shows.
    this.#run('PRAGMA user_version = 0')
    return {
      schemaVersion: this.#try(() => schemaVersion(this.#database)),
      extensionCount: count?.n ?? 0,
      orphans: orphans.map(({ table, parent, rowid }) => `${table} ${rowid ?? ''} has no ${parent}`),
    }
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #run(sql: string, values: readonly Value[] = []): void {
    this.#try(() => this.#database.query(sql).run(...values))
  }

  #insert(sql: string, values: readonly Value[]): number {
    return this.#try(() => Number(this.#database.query(sql).run(...values).lastInsertRowid))
  }

  // The row's type is what the statement's columns are: the driver cannot know it.
  #get<Row>(sql: string, values: readonly Value[]): Row | null {
    return this.#try(() => this.#database.query<Row, Value[]>(sql).get(...values))
  }

  #all<Row>(sql: string, values: readonly Value[]): Row[] {
    return this.#try(() => this.#database.query<Row, Value[]>(sql).all(...values))
  }

  #try<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw databaseProblem(error, this.#path)
    }
  }
}

type Value = string | number | null
