// The commands' statements, in SQL that every dialect understands; what differs comes from the session.

import type { CommandSession, Dialect, Value } from './command-session.ts'
import { findProblems, type RowProblem } from './problems.ts'
import type {
  CredentialName,
  DatabaseCondition,
  ExtensionChange,
  ExtensionDetail,
  FreshAccount,
  ListedBinding,
  NewExtension,
  OwnedCredential,
  Owner,
  Provisioning,
  UserDetail,
  UserStatus,
} from './provisioning.ts'
import type { CredentialRecord, DomainRecord } from './store.ts'

export class SqlProvisioning implements Provisioning {
  readonly #session: CommandSession

  constructor(session: CommandSession) {
    this.#session = session
  }

  transaction<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#session.transaction(work)
  }

  async bulk<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = await this.#session.unmarked(work)
    await this.#session.run(
      `INSERT INTO change_journal (table_name, "key") VALUES ('extension', 'everything')`,
    )
    return result
  }

  async domains(): Promise<readonly DomainRecord[]> {
    const rows = await this.#session.all<{ id: number; name: string; realm: string; is_default: 0 | 1 }>(
      'SELECT id, name, realm, is_default FROM domain ORDER BY id',
    )
    return rows.map(({ is_default, ...domain }) => ({ ...domain, isDefault: is_default === 1 }))
  }

  async addDomain(name: string, realm: string): Promise<DomainRecord> {
    const isDefault = (await this.domains()).every((domain) => !domain.isDefault)
    const id = await this.#session.insert('INSERT INTO domain (name, realm, is_default) VALUES (?, ?, ?)', [
      name,
      realm,
      isDefault ? 1 : 0,
    ])
    return { id, name, realm, isDefault }
  }

  findUser(name: string): Promise<UserDetail | null> {
    return this.#get<UserDetail>(
      `SELECT u.id, u.name, u.display_name AS "displayName", u.status,
          (SELECT count(*) FROM extension e WHERE e.user_id = u.id) AS "extensionCount"
        FROM user u WHERE u.name = ?`,
      [name],
    )
  }

  addUser(name: string, displayName: string): Promise<number> {
    return this.#session.insert('INSERT INTO user (name, display_name) VALUES (?, ?)', [name, displayName])
  }

  setUserStatus(userId: number, status: UserStatus): Promise<void> {
    return this.#session.run('UPDATE user SET status = ? WHERE id = ?', [status, userId])
  }

  setUserDisplayName(userId: number, displayName: string): Promise<void> {
    return this.#session.run('UPDATE user SET display_name = ? WHERE id = ?', [displayName, userId])
  }

  removeUser(userId: number): Promise<void> {
    return this.#session.run('DELETE FROM user WHERE id = ?', [userId])
  }

  findExtension(domainId: number, number: string): Promise<ExtensionDetail | null> {
    return this.#get<ExtensionDetail>(
      `${selectExtension(this.#session.dialect)} WHERE e.domain_id = ? AND e.number = ?`,
      [domainId, number],
    )
  }

  listExtensions(): Promise<readonly ExtensionDetail[]> {
    // 99 before 100: as people sort numbers.
    const order = 'ORDER BY d.id, length(e.number), e.number'
    return this.#session.all<ExtensionDetail>(`${selectExtension(this.#session.dialect)} ${order}`)
  }

  addExtension(extension: NewExtension): Promise<number> {
    return this.#session.insert(
      'INSERT INTO extension (domain_id, number, user_id, display_name, max_bindings) VALUES (?, ?, ?, ?, ?)',
      [extension.domainId, extension.number, extension.userId, extension.displayName, extension.maxBindings],
    )
  }

  async takenNames(domain: DomainRecord, names: readonly string[]) {
    const some = marks(names)
    const numbers = await this.#names(
      `SELECT number AS name FROM extension WHERE domain_id = ? AND number IN ${some}`,
      [domain.id, ...names],
    )
    const logins = await this.#names(
      `SELECT name FROM user WHERE name IN ${some}
        UNION SELECT username FROM credential WHERE realm = ? AND username IN ${some}`,
      [...names, domain.realm, ...names],
    )
    const taken = new Map<string, 'number' | 'login'>(logins.map((name) => [name, 'login']))
    for (const name of numbers) taken.set(name, 'number')
    return taken
  }

  async addFreshAccounts(domain: DomainRecord, accounts: readonly FreshAccount[]): Promise<void> {
    if (accounts.length === 0) return
    const names = accounts.map(({ number }) => number)
    await this.#insertRows(
      'user (name, display_name)',
      accounts.map(({ number, displayName }) => [number, displayName]),
    )
    const users = await this.#session.all<{ id: number; name: string }>(
      `SELECT id, name FROM user WHERE name IN ${marks(names)}`,
      names,
    )
    const ids = new Map(users.map(({ id, name }) => [name, id]))
    const idOf = (account: FreshAccount) => ids.get(account.number) ?? null
    await this.#insertRows(
      'credential (user_id, username, realm, algorithm, ha1)',
      accounts.flatMap((account) =>
        account.credentials.map((credential) => credentialValues({ ...credential, userId: idOf(account) })),
      ),
    )
    // Last: this alone leaves a mark in the journal, where credentials would each leave another one.
    await this.#insertRows(
      'extension (domain_id, number, user_id, display_name)',
      accounts.map((account) => [domain.id, account.number, idOf(account), account.displayName]),
    )
  }

  async owners(domain: DomainRecord, numbers: readonly string[]): Promise<ReadonlyMap<string, Owner>> {
    if (numbers.length === 0) return new Map()
    const rows = await this.#session.all<Owner & { number: string }>(
      `SELECT e.number, e.id AS "extensionId", u.id AS "userId", u.name AS "user"
        FROM extension e JOIN user u ON u.id = e.user_id WHERE e.domain_id = ? AND e.number IN ${marks(numbers)}`,
      [domain.id, ...numbers],
    )
    return new Map(rows.map(({ number, ...owner }) => [number, owner]))
  }

  async renameExtensions(names: ReadonlyMap<number, string>): Promise<void> {
    if (names.size === 0) return
    await this.#session.run(
      `UPDATE extension SET display_name = CASE id ${'WHEN ? THEN ? '.repeat(names.size)} END
        WHERE id IN ${marks([...names])}`,
      [...[...names].flat(), ...names.keys()],
    )
  }

  async setCredentials(realm: string, credentials: readonly OwnedCredential[]): Promise<ReadonlySet<string>> {
    if (credentials.length === 0) return new Set()
    const names = new Set(credentials.map(({ username }) => username))
    const there = await this.#session.all<{ username: string; userId: number }>(
      `SELECT username, user_id AS "userId" FROM credential WHERE realm = ? AND username IN ${marks([...names])}`,
      [realm, ...names],
    )
    const users = new Map<string, number>()
    const taken = new Set<string>()
    for (const { username, userId } of [...there, ...credentials]) {
      if ((users.get(username) ?? userId) !== userId) taken.add(username)
      users.set(username, userId)
    }
    await this.#insertRows(
      'credential (user_id, username, realm, algorithm, ha1)',
      credentials.filter(({ username }) => !taken.has(username)).map(credentialValues),
      this.#session.dialect.orSet(['username', 'realm', 'algorithm'], 'ha1'),
    )
    return taken
  }

  async changeExtension(extensionId: number, change: ExtensionChange): Promise<void> {
    const { displayName, maxBindings } = change
    if (displayName !== undefined) {
      await this.#session.run('UPDATE extension SET display_name = ? WHERE id = ?', [
        displayName,
        extensionId,
      ])
    }
    if (maxBindings !== undefined) {
      await this.#session.run('UPDATE extension SET max_bindings = ? WHERE id = ?', [
        maxBindings,
        extensionId,
      ])
    }
  }

  removeExtension(extensionId: number): Promise<void> {
    return this.#session.run('DELETE FROM extension WHERE id = ?', [extensionId])
  }

  listCredentials(userId: number): Promise<readonly CredentialName[]> {
    return this.#session.all<CredentialName>(
      'SELECT username, realm, algorithm FROM credential WHERE user_id = ? ORDER BY username, realm, algorithm',
      [userId],
    )
  }

  async setCredential(userId: number, credential: CredentialRecord): Promise<boolean> {
    const { username, realm, algorithm, ha1 } = credential
    const old = await this.#get<{ id: number; user_id: number }>(
      'SELECT id, user_id FROM credential WHERE username = ? AND realm = ? AND algorithm = ?',
      [username, realm, algorithm],
    )
    if (old === null) {
      await this.#session.insert(
        'INSERT INTO credential (user_id, username, realm, algorithm, ha1) VALUES (?, ?, ?, ?, ?)',
        [userId, username, realm, algorithm, ha1],
      )
      return true
    }
    if (old.user_id !== userId) return false
    await this.#session.run('UPDATE credential SET ha1 = ? WHERE id = ?', [ha1, old.id])
    return true
  }

  removeCredentials(userId: number, username: string, realm: string): Promise<void> {
    return this.#session.run('DELETE FROM credential WHERE user_id = ? AND username = ? AND realm = ?', [
      userId,
      username,
      realm,
    ])
  }

  listBindings(number: string | null): Promise<readonly ListedBinding[]> {
    const { now, time, secondsUntil } = this.#session.dialect
    return this.#session.all<ListedBinding>(
      `SELECT e.number, d.name AS domain, b.contact, b.source, b.user_agent AS "userAgent",
          ${time('b.registered_at')} AS "registeredAt", ${time('b.expires_at')} AS "expiresAt",
          ${secondsUntil('b.expires_at')} AS "expiresIn_s"
        FROM binding b JOIN extension e ON e.id = b.extension_id JOIN domain d ON d.id = e.domain_id
        WHERE b.expires_at > ${now} ${number === null ? '' : 'AND e.number = ?'}
        ORDER BY length(e.number), e.number, b.contact`,
      number === null ? [] : [number],
    )
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    const rows = await this.#session.all<{ name: string; value: string }>('SELECT name, value FROM setting')
    return new Map(rows.map(({ name, value }) => [name, value]))
  }

  findProblems(): Promise<readonly RowProblem[]> {
    return findProblems(
      (sql, values) => this.#session.all(sql, values),
      async () => {},
    )
  }

  async condition(): Promise<DatabaseCondition> {
    const version = await this.#get<{ version: number }>(
      'SELECT max(version) AS version FROM schema_migration',
    )
    const count = await this.#get<{ n: number }>('SELECT count(*) AS n FROM extension')
    const [server = ''] = await this.#names(this.#session.dialect.server, [])
    return {
      server,
      warnings: await this.#session.check(),
      schemaVersion: version?.version ?? 0,
      extensionCount: count?.n ?? 0,
    }
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  async #get<Row>(sql: string, values: readonly Value[] = []): Promise<Row | null> {
    const [row] = await this.#session.all<Row>(sql, values)
    return row ?? null
  }

  async #names(sql: string, values: readonly Value[]): Promise<string[]> {
    const rows = await this.#session.all<{ name: string }>(sql, values)
    return rows.map(({ name }) => name)
  }

  async #insertRows(into: string, rows: readonly (readonly Value[])[], end = ''): Promise<void> {
    if (rows.length === 0) return
    await this.#session.run(`INSERT INTO ${into} VALUES ${rows.map(marks).join(', ')} ${end}`, rows.flat())
  }
}

function credentialValues(credential: CredentialRecord & { readonly userId: number | null }): Value[] {
  const { userId, username, realm, algorithm, ha1 } = credential
  return [userId, username, realm, algorithm, ha1]
}

function selectExtension({ now, time }: Dialect): string {
  return `SELECT e.id, e.number, d.name AS domain, e.display_name AS "displayName",
      e.max_bindings AS "maxBindings", u.id AS "userId", u.name AS "user", u.status,
      ${time('e.created_at')} AS "createdAt", ${time('e.updated_at')} AS "updatedAt",
      (SELECT count(*) FROM binding b WHERE b.extension_id = e.id AND b.expires_at > ${now}) AS contacts
    FROM extension e JOIN domain d ON d.id = e.domain_id JOIN user u ON u.id = e.user_id`
}

/** "(?, ?, ?)" for as many values. */
function marks(values: readonly unknown[]): string {
  return `(${values.map(() => '?').join(', ')})`
}
