// What every database must do for the server. Run on each one: `storeContract(name, newDatabase)`.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, parseDatabaseUrl } from '../../src/config.ts'
import { SqlStore } from '../../src/store/client.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { binding, ROWS, remove, save } from './binding.ts'
import { problemContract } from './problem-contract.ts'
import { recordContract } from './record-contract.ts'
import { refusalContract } from './refusal-contract.ts'
import { Watcher } from './watcher.ts'

export interface ForeignClient {
  /** It leaves foreign keys unenforced. */
  readonly orphans?: boolean
}

/** A database of its own for one test, empty. */
export interface TestDatabase {
  readonly url: string
  /** As another program would, over another connection. Answers with the rows of the last statement. */
  execute(sql: string, client?: ForeignClient): Promise<readonly (readonly unknown[])[]>
  /** The same, each row as an object; times as they are in ISO 8601. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Another program holds the right to write until the function given back is called. */
  lock(): Promise<() => Promise<void>>
  remove(): Promise<void>
}

export function storeContract(name: string, newDatabase: () => Promise<TestDatabase>): void {
  let database: TestDatabase
  let clock: SystemClock
  let watcher: Watcher
  let store: SqlStore

  beforeEach(async () => {
    database = await newDatabase()
    clock = new SystemClock((error) => {
      throw error
    })
    watcher = new Watcher()
    store = new SqlStore(database.url, clock, watcher)
    await store.boot()
    await database.execute(ROWS)
    await watcher.hears('domains', 'extension 103@example.com', 'extension bob@example.com')
  })

  afterEach(async () => {
    await store.close()
    clock.close()
    await database.remove()
  })

  describe(`${name}: what is read at start`, () => {
    test('has domains, settings, bindings, who is registered and the number of extensions', async () => {
      await store.commit([save(binding(1, 'ann'))])
      const boot = await store.boot()
      expect(boot.domains).toEqual([{ id: 1, name: 'example.com', realm: 'example.com', isDefault: true }])
      expect(boot.settings.get('auth_algorithms')).toBe('SHA-256,MD5')
      expect(boot.bindings).toEqual([binding(1, 'ann')])
      const ann = await store.findExtension('example.com', '103')
      expect(boot.activeExtensions).toEqual(ann === null ? [] : [ann])
      expect(boot.activeExtensions).toHaveLength(1)
      expect(boot.extensionCount).toBe(3)
    })
  })

  describe(`${name}: a start`, () => {
    test('waits for nobody who is writing', async () => {
      const release = await database.lock()
      const second = new SqlStore(database.url, clock, new Watcher())
      expect((await second.boot()).extensionCount).toBe(3)
      await second.close()
      await release()
    })
  })

  describe(`${name}: an empty database`, () => {
    test('is made ready once by several servers that open it at once', async () => {
      const empty = await newDatabase()
      const stores = Array.from({ length: 3 }, () => new SqlStore(empty.url, clock, new Watcher()))
      const boots = await Promise.all(stores.map((one) => one.boot()))
      await Promise.all(stores.map((one) => one.close()))
      for (const { settings } of boots) expect(settings).toEqual(boots[0]!.settings)
      expect(await empty.execute('SELECT version FROM schema_migration ORDER BY version')).toEqual(
        Array.from({ length: SCHEMA_VERSION }, (_, index) => [index + 1]),
      )
      await empty.remove()
    })
  })

  describe(`${name}: a database of a newer program`, () => {
    test('is left alone', async () => {
      const version = SCHEMA_VERSION + 1
      await database.execute(`INSERT INTO schema_migration (version, name) VALUES (${version}, 'later')`)
      const second = new SqlStore(database.url, clock, new Watcher())
      const error: unknown = await second.boot().catch((reason) => reason)
      await second.close()
      expect(error).toMatchObject({ message: expect.stringContaining(`has schema version ${version}`) })
    })
  })

  describe(`${name}: the journal`, () => {
    test('is trimmed of what is old and of what is too much, and keeps its last row', async () => {
      const driver = await openDriver(parseDatabaseUrl(database.url), { node: 'other', clock })
      const last = LIMITS.storeJournal_rows + 1000
      await database.execute(`INSERT INTO change_journal (seq, table_name, \`key\`, at) VALUES
        (900, 'user', 'too many', '2100-01-01 00:00:00'), (1100, 'user', 'old', '2000-01-01 00:00:00'),
        (1200, 'user', 'young', '2100-01-01 00:00:00'), (${last}, 'user', 'last', '2100-01-01 00:00:00')`)
      const kept = async () => (await database.execute('SELECT seq FROM change_journal ORDER BY seq')).flat()
      await driver.trimJournal()
      expect(await kept()).toEqual([1200, last])
      await database.execute(`UPDATE change_journal SET at = '2000-01-01 00:00:00'`)
      await driver.trimJournal()
      expect(await kept()).toEqual([last])
      await driver.close()
    })
  })

  describe(`${name}: an extension`, () => {
    test('is found by its number, whole', async () => {
      expect(await store.findExtension('example.com', '103')).toEqual({
        id: 1,
        number: '103',
        domain: 'example.com',
        displayName: 'Ann Smith',
        userId: 1,
        userName: 'ann',
        suspended: false,
        maxBindings: null,
        credentials: [
          {
            username: '103',
            realm: 'example.com',
            algorithm: 'MD5',
            ha1: '0123456789abcdef0123456789abcdef',
          },
          {
            username: 'ann',
            realm: 'example.com',
            algorithm: 'MD5',
            ha1: 'fedcba9876543210fedcba9876543210',
          },
        ],
      })
    })

    test('is found by the name of its user; of several it is the first one', async () => {
      expect((await store.findExtension('example.com', 'ann'))?.number).toBe('103')
      expect((await store.findExtension('example.com', 'bob'))?.number).toBe('105')
    })

    test('is found by number before it is found by a user of that name', async () => {
      await database.execute(`UPDATE user SET name = '104' WHERE name = 'bob'`)
      expect((await store.findExtension('example.com', '104'))?.userName).toBe('ann')
    })

    test('has its own display name before that of its user', async () => {
      expect((await store.findExtension('example.com', '104'))?.displayName).toBe('Door')
    })

    test('does not exist in another domain, in other letters, or when nobody is called so', async () => {
      expect(await store.findExtension('example.org', '103')).toBeNull()
      expect(await store.findExtension('example.com', 'ANN')).toBeNull()
      expect(await store.findExtension('example.com', `103' OR '1' = '1`)).toBeNull()
    })

    test('is not found by a name with spaces behind it, nor in a domain with them', async () => {
      expect(await store.findExtension('example.com', '103 ')).toBeNull()
      expect(await store.findExtension('example.com', 'ann ')).toBeNull()
      expect(await store.findExtension('example.com ', '103')).toBeNull()
    })

    test('has its display name whole, in whatever writing', async () => {
      const displayName = 'Ann 電話 🧙‍♀️ é'
      await database.execute(`UPDATE user SET display_name = '${displayName}' WHERE name = 'ann'`)
      expect((await store.findExtension('example.com', '103'))?.displayName).toBe(displayName)
    })

    test('has a credential of one device only where that device belongs to it', async () => {
      await database.execute(`INSERT INTO device (extension_id, label) VALUES (2, 'door phone');
        INSERT INTO credential (user_id, device_id, username, realm, algorithm, ha1)
          VALUES (1, 1, 'device1', 'example.com', 'MD5', '00000000000000000000000000000000')`)
      const names = async (number: string) =>
        (await store.findExtension('example.com', number))?.credentials.map(({ username }) => username)
      expect(await names('103')).toEqual(['103', 'ann'])
      expect(await names('104')).toEqual(['103', 'ann', 'device1'])
    })

    test('is suspended with its user, and may have a limit of its own', async () => {
      await database.execute(`UPDATE user SET status = 'suspended' WHERE name = 'bob';
        UPDATE extension SET max_bindings = 3 WHERE number = '105'`)
      expect(await store.findExtension('example.com', '105')).toMatchObject({
        suspended: true,
        maxBindings: 3,
      })
    })
  })

  describe(`${name}: a binding`, () => {
    const stored = async () => (await store.boot()).bindings

    test('is replaced by one with the same key, and removed by it', async () => {
      await store.commit([save(binding(1, 'ann')), save(binding(1, 'mobile'))])
      await store.commit([save(binding(1, 'ann', { cseq: 7, natted: false, priority: 0, path: '' }))])
      await store.commit([remove(binding(1, 'mobile'))])
      expect(await stored()).toEqual([binding(1, 'ann', { cseq: 7, natted: false, priority: 0, path: '' })])
    })

    test('ends as the last of calls made at once says', async () => {
      await Promise.all([
        store.commit([save(binding(1, 'ann'))]),
        store.commit([remove(binding(1, 'ann'))]),
        store.commit([save(binding(1, 'ann', { cseq: 3 }))]),
      ])
      expect((await stored()).map(({ cseq }) => cseq)).toEqual([3])
    })

    test('shares its commit with all that come meanwhile', async () => {
      const before = store.counts()
      const calls = Array.from({ length: 1000 }, (_, n) => store.commit([save(binding(1, `phone${n}`))]))
      expect(store.counts().pendingWrites).toBe(1000)
      await Promise.all(calls)
      const { commits, changesCommitted, pendingWrites } = store.counts()
      expect(changesCommitted - before.changesCommitted).toBe(1000)
      expect(commits - before.commits).toBeLessThan(10)
      expect(pendingWrites).toBe(0)
      expect(await stored()).toHaveLength(1000)
    })

    test('that the schema refuses fails its own call only', async () => {
      const calls = await Promise.allSettled([
        store.commit([save(binding(1, 'ann'))]),
        store.commit([save(binding(2, 'door')), save(binding(2, 'bad', { cseq: -1 }))]),
        store.commit([save(binding(3, 'bob'))]),
      ])
      expect(calls.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect((await stored()).map(({ extensionId }) => extensionId)).toEqual([1, 3])
      expect(watcher.availability).toEqual([])
    })

    test('of an extension that was removed meanwhile is left out', async () => {
      await database.execute(`DELETE FROM extension WHERE number = '105'`)
      await store.commit([save(binding(3, 'bob')), save(binding(1, 'ann'))])
      expect((await stored()).map(({ extensionId }) => extensionId)).toEqual([1])
    })

    test('goes with its extension', async () => {
      await store.commit([save(binding(3, 'bob'))])
      await database.execute(`DELETE FROM extension WHERE number = '105'`)
      expect(await stored()).toEqual([])
    })

    test('is refused when too many wait', async () => {
      const many = Array.from({ length: LIMITS.storeWritesPending }, () => save(binding(1, 'ann')))
      const accepted = store.commit(many)
      const error: unknown = await store.commit([save(binding(1, 'ann'))]).catch((reason) => reason)
      expect(error).toBeInstanceOf(StoreUnavailable)
      await accepted
      await store.commit([save(binding(1, 'ann'))])
    })

    test('waits for another program that holds the right to write', async () => {
      const release = await database.lock()
      const committed = store.commit([save(binding(1, 'ann'))])
      // Reading goes on meanwhile. The commit leaves with the end of this turn, so that the first answer may come
      // before it is tried; the second one comes after.
      for (let n = 0; n < 2; n++)
        expect((await store.findExtension('example.com', '103'))?.number).toBe('103')
      await release()
      await committed
      expect(await stored()).toHaveLength(1)
    })

    test('that is pending is committed before the store closes, and none after', async () => {
      const pending = store.commit([save(binding(1, 'ann'))])
      await store.close()
      await pending
      const error: unknown = await store.commit([save(binding(1, 'bob'))]).catch((reason) => reason)
      expect(error).toBeInstanceOf(StoreUnavailable)
      expect(await database.execute('SELECT count(*) FROM binding')).toEqual([[1]])
    })
  })

  describe(`${name}: a row changed by another program is told within a second`, () => {
    const changes: readonly (readonly [string, string, readonly string[]])[] = [
      [
        'a new extension',
        `INSERT INTO extension (domain_id, number, user_id) VALUES (1, '106', 2)`,
        ['106', 'bob'],
      ],
      ['an extension', `UPDATE extension SET max_bindings = 1 WHERE number = '103'`, ['103', 'ann']],
      ['a new number', `UPDATE extension SET number = '203' WHERE number = '103'`, ['103', '203', 'ann']],
      ['a new owner', `UPDATE extension SET user_id = 2 WHERE number = '103'`, ['103', 'ann', 'bob']],
      ['a removed extension', `DELETE FROM extension WHERE number = '105'`, ['105', 'bob']],
      ['a user', `UPDATE user SET status = 'suspended' WHERE name = 'ann'`, ['103', '104', 'ann']],
      ['a renamed user', `UPDATE user SET name = 'anna' WHERE name = 'ann'`, ['103', '104', 'ann', 'anna']],
      [
        'a credential',
        `UPDATE credential SET ha1 = replace(ha1, 'f', '0') WHERE id = 2`,
        ['103', '104', 'ann'],
      ],
      ['a removed credential', `DELETE FROM credential WHERE id = 1`, ['103', '104', 'ann']],
      [
        'a moved device',
        `INSERT INTO device (extension_id) VALUES (3); UPDATE device SET extension_id = 1`,
        ['103', '105', 'ann', 'bob'],
      ],
    ]
    for (const [what, sql, names] of changes) {
      test(what, async () => {
        await database.execute(sql)
        await watcher.hears(...names.map((who) => `extension ${who}@example.com`))
      })
    }

    test('a domain, and settings', async () => {
      await database.execute(`UPDATE domain SET realm = 'other'`)
      await watcher.hears('domains')
      expect(await store.domains()).toEqual([{ id: 1, name: 'example.com', realm: 'other', isDefault: true }])
      await database.execute(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
      await watcher.hears('settings')
      expect((await store.settings()).get('max_bindings')).toBe('7')
    })

    test('but not what the server writes itself', async () => {
      await store.commit([save(binding(1, 'ann'))])
      store.reportProblems('setting', [{ key: 'timer_c_s', problem: 'It is wrong.' }])
      await database.execute(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
      await watcher.until(1000, () => watcher.stale.length > 0)
      expect(watcher.stale).toEqual(['settings'])
    })

    test('and when changes were last looked for is told too', async () => {
      const before = clock.now()
      await database.execute(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
      await watcher.hears('settings')
      expect(store.counts().followedAt).toBeGreaterThanOrEqual(before)
    })

    test('as everything, when the journal was cut', async () => {
      await database.execute(
        `UPDATE user SET display_name = 'B' WHERE name = 'bob'; DELETE FROM change_journal`,
      )
      await watcher.hears('everything', 'settings', 'domains')
    })

    test('as everything, when it is more than can be told one by one', async () => {
      const many = Array.from(
        { length: LIMITS.storeJournalRead_rows + 1 },
        (_, n) => `('extension', '${n}@b.org')`,
      )
      await database.execute(`INSERT INTO change_journal (table_name, \`key\`) VALUES ${many.join(', ')}`)
      await watcher.hears('everything')
    })
  })

  describe(`${name}: problems with rows`, () => {
    test('are written down, and replaced by the next ones of the same table', async () => {
      store.reportProblems('other', [{ key: 'x', problem: 'stays' }])
      store.reportProblems('setting', [{ key: 'a', problem: 'goes' }])
      store.reportProblems('setting', [{ key: 'b', problem: 'new' }])
      // Writes come in order: when this one is there the reports are written.
      await store.commit([save(binding(1, 'ann'))])
      expect(
        await database.execute(
          `SELECT table_name, \`key\`, problem FROM config_problem
            WHERE table_name IN ('other', 'setting') ORDER BY 1, 2`,
        ),
      ).toEqual([
        ['other', 'x', 'stays'],
        ['setting', 'b', 'new'],
      ])
    })
  })

  problemContract(name, () => database)
  refusalContract(name, () => database)
  recordContract(name, () => ({ database, store, watcher }))
}
