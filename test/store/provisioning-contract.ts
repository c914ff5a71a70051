// What every database must do for the commands. Run on each one: `provisioningContract(name, newDatabase)`.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { LIMITS } from '../../src/config.ts'
import { DatabaseProblem } from '../../src/store/driver.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { openProvisioning } from '../../src/store/open-provisioning.ts'
import type { Provisioning } from '../../src/store/provisioning.ts'
import type { CredentialRecord, DomainRecord } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Program } from '../support/program.ts'

/** A database of its own for one test, empty. */
export interface CommandDatabase {
  readonly url: string
  /** How its dialect switches the enforcement of foreign keys off for the statements after it; may be nothing. */
  readonly withoutForeignKeys: string
  /** By another program, to which names in double quotes are names; answers with the rows of the last statement. */
  execute(sql: string): Promise<readonly string[]>
  remove(): Promise<void>
}

/** How long a program may take to start on a busy machine. */
const PROGRAM_MS = 30_000
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function credential(username: string, digit = '0'): CredentialRecord {
  return { username, realm: 'example.com', algorithm: 'MD5', ha1: digit.repeat(32) }
}

/** A row of the table binding. The times are such as both dialects take. */
function bindingRow(extension: number, contact: string, expires: string): string {
  return `INSERT INTO binding (extension_id, contact_key, contact, call_id, cseq, q, expires_at, registered_at,
      user_agent, instance, path, source, local, natted)
    VALUES (${extension}, '${contact}', '${contact}', 'c', 1, 1, '${expires}', '2026-01-01 10:00:00.000',
      'phone', '', '', 'udp:192.0.2.1:5060', 'udp:192.0.2.2:5060', 0);`
}

export function provisioningContract(name: string, newDatabase: () => Promise<CommandDatabase>): void {
  let database: CommandDatabase
  let provisioning: Provisioning
  let domain: DomainRecord

  beforeEach(async () => {
    database = await newDatabase()
    provisioning = await openProvisioning(database.url, { create: true })
    domain = await provisioning.addDomain('example.com', 'example.com')
  })
  afterEach(async () => {
    await provisioning.close()
    await database.remove()
  })

  async function addNumber(number: string, user = number): Promise<number> {
    const userId = (await provisioning.findUser(user))?.id ?? (await provisioning.addUser(user, ''))
    const extension = { domainId: domain.id, number, userId, displayName: '', maxBindings: null }
    return provisioning.addExtension(extension)
  }

  describe(`${name}: numbers and their owners`, () => {
    test('are found again as they were added', async () => {
      const displayName = `Ann "A" O'Hara \\ \u{1F4DE} ü`
      const userId = await provisioning.addUser('ann', displayName)
      const id = await provisioning.addExtension({
        domainId: domain.id,
        number: '103',
        userId,
        displayName,
        maxBindings: 3,
      })
      const extension = await provisioning.findExtension(domain.id, '103')
      expect(extension).toEqual({
        id,
        number: '103',
        domain: 'example.com',
        displayName,
        maxBindings: 3,
        userId,
        user: 'ann',
        status: 'active',
        contacts: 0,
        createdAt: expect.stringMatching(TIME),
        updatedAt: expect.stringMatching(TIME),
      })
      expect(Math.abs(Date.parse(extension?.createdAt ?? '') - Date.now())).toBeLessThan(60_000)
      expect(await provisioning.findUser('ann')).toEqual({
        id: userId,
        name: 'ann',
        displayName,
        status: 'active',
        extensionCount: 1,
      })
      expect(await provisioning.findExtension(domain.id, '104')).toBeNull()
      expect(await provisioning.findUser('ANN')).toBeNull()
    })

    test('are changed, suspended and removed', async () => {
      const id = await addNumber('103', 'ann')
      await provisioning.changeExtension(id, { displayName: 'Anna', maxBindings: 2 })
      const userId = (await provisioning.findUser('ann'))?.id ?? 0
      await provisioning.setUserStatus(userId, 'suspended')
      await provisioning.setUserDisplayName(userId, 'Ann')
      expect(await provisioning.findExtension(domain.id, '103')).toMatchObject({
        displayName: 'Anna',
        maxBindings: 2,
        status: 'suspended',
      })
      await provisioning.setCredential(userId, credential('103'))
      await database.execute(bindingRow(id, 'sip:a@192.0.2.1', '2999-01-01 00:00:00.000'))
      await provisioning.removeExtension(id)
      expect(await provisioning.findUser('ann')).toMatchObject({ displayName: 'Ann', extensionCount: 0 })
      await provisioning.removeUser(userId)
      expect(await database.execute('SELECT count(*) FROM binding')).toEqual(['0'])
      expect(await database.execute('SELECT count(*) FROM credential')).toEqual(['0'])
    })

    test('are listed as people sort them', async () => {
      for (const number of ['1000', '101', '99', '*4']) await addNumber(number)
      const numbers = (await provisioning.listExtensions()).map(({ number }) => number)
      expect(numbers).toEqual(['*4', '99', '101', '1000'])
    })

    test('are refused twice, in words', async () => {
      await addNumber('103')
      const again = await addNumber('103').catch((error: unknown) => error)
      expect(again).toBeInstanceOf(DatabaseProblem)
      expect(again).toMatchObject({ kind: 'refused' })
    })
  })

  describe(`${name}: credentials`, () => {
    test('are set, replaced and removed, but not those of another user', async () => {
      await addNumber('103')
      await addNumber('104')
      const [ann, bob] = [await provisioning.findUser('103'), await provisioning.findUser('104')]
      expect(await provisioning.setCredential(ann?.id ?? 0, credential('103', '1'))).toBe(true)
      expect(await provisioning.setCredential(ann?.id ?? 0, credential('103', '2'))).toBe(true)
      expect(await provisioning.setCredential(bob?.id ?? 0, credential('103', '3'))).toBe(false)
      expect(await database.execute('SELECT username, ha1 FROM credential')).toEqual([
        `103\t${'2'.repeat(32)}`,
      ])
      expect(await provisioning.listCredentials(ann?.id ?? 0)).toEqual([
        { username: '103', realm: 'example.com', algorithm: 'MD5' },
      ])
      await provisioning.removeCredentials(ann?.id ?? 0, '103', 'example.com')
      expect(await provisioning.listCredentials(ann?.id ?? 0)).toEqual([])
    })
  })

  describe(`${name}: many numbers at once`, () => {
    test('are told apart from those that are there, letter by letter', async () => {
      await addNumber('103', 'ann')
      const ann = await provisioning.findUser('ann')
      await provisioning.setCredential(ann?.id ?? 0, credential('9000'))
      expect(
        [...(await provisioning.takenNames(domain, ['103', 'ann', 'ANN', '9000', '104']))].sort(),
      ).toEqual([
        ['103', 'number'],
        ['9000', 'login'],
        ['ann', 'login'],
      ])
    })

    test('are added with users and credentials, and leave one mark each in the journal', async () => {
      const numbers = Array.from({ length: LIMITS.importBatch_rows }, (_, n) => String(1000 + n))
      await database.execute('DELETE FROM change_journal')
      await provisioning.transaction(() =>
        provisioning.addFreshAccounts(
          domain,
          numbers.map((number) => ({
            number,
            displayName: `Number ${number}`,
            credentials: [credential(number)],
          })),
        ),
      )
      expect((await provisioning.listExtensions()).map(({ number }) => number)).toEqual(numbers)
      expect(
        await database.execute(
          `SELECT count(*) FROM credential c JOIN user u ON u.id = c.user_id WHERE u.name = c.username`,
        ),
      ).toEqual([String(numbers.length)])
      expect(await database.execute('SELECT count(*), count(DISTINCT "key") FROM change_journal')).toEqual([
        `${numbers.length}\t${numbers.length}`,
      ])
    })
  })

  describe(`${name}: many numbers that are there`, () => {
    test('are found with their owners, renamed, and their credentials set', async () => {
      const ids = [await addNumber('103', 'ann'), await addNumber('104', 'bob'), await addNumber('105')]
      await provisioning.changeExtension(ids[2] ?? 0, { displayName: 'Cleo' })
      const owners = await provisioning.owners(domain, ['103', '104', '999'])
      const [ann, bob] = [await provisioning.findUser('ann'), await provisioning.findUser('bob')]
      expect([...owners].sort()).toEqual([
        ['103', { extensionId: ids[0] ?? 0, userId: ann?.id ?? 0, user: 'ann' }],
        ['104', { extensionId: ids[1] ?? 0, userId: bob?.id ?? 0, user: 'bob' }],
      ])
      await provisioning.renameExtensions(new Map(ids.slice(0, 2).map((id, n) => [id, `Name ${n}`])))
      const names = (await provisioning.listExtensions()).map(({ displayName }) => displayName)
      expect(names).toEqual(['Name 0', 'Name 1', 'Cleo'])

      await provisioning.setCredential(ann?.id ?? 0, credential('103', '1'))
      await provisioning.setCredential(ann?.id ?? 0, credential('9000', '1'))
      const owned = (user: typeof ann, username: string) => ({
        ...credential(username, '2'),
        userId: user?.id ?? 0,
      })
      const wanted = [owned(ann, '103'), owned(bob, '104'), owned(bob, '9000')]
      expect([...(await provisioning.setCredentials('example.com', wanted))]).toEqual(['9000'])
      expect(await database.execute('SELECT username, ha1 FROM credential ORDER BY username')).toEqual([
        `103\t${'2'.repeat(32)}`,
        `104\t${'2'.repeat(32)}`,
        `9000\t${'1'.repeat(32)}`,
      ])
      const both = [owned(ann, '105'), owned(bob, '105')]
      expect([...(await provisioning.setCredentials('example.com', both))]).toEqual(['105'])
    })
  })

  describe(`${name}: very many rows at once`, () => {
    const keys = () => database.execute('SELECT "key" FROM change_journal ORDER BY seq')

    test('leave a mark that stands for all, in their transaction', async () => {
      await database.execute('DELETE FROM change_journal')
      await provisioning.transaction(() => provisioning.bulk(() => addNumber('103')))
      expect((await keys()).at(-1)).toBe('everything')
      await addNumber('104')
      expect((await keys()).at(-1)).toBe('104@example.com')
    })

    test('that fail leave nothing, and do not silence what comes after them', async () => {
      await database.execute('DELETE FROM change_journal')
      const failed = provisioning.transaction(() =>
        provisioning.bulk(async () => {
          await addNumber('103')
          throw new Error('enough')
        }),
      )
      expect(await failed.catch((error: Error) => error.message)).toBe('enough')
      expect(await keys()).toEqual([])
      await addNumber('104')
      expect((await keys()).at(-1)).toBe('104@example.com')
    })
  })

  describe(`${name}: contacts`, () => {
    test('are listed while they have not expired, with the time that is left', async () => {
      const id = await addNumber('103')
      await addNumber('104')
      await database.execute(
        bindingRow(id, 'sip:b@192.0.2.1', '2999-01-01T00:00:00.000') +
          bindingRow(id, 'sip:a@192.0.2.1', '2020-01-01T00:00:00.000'),
      )
      const [listed, ...more] = await provisioning.listBindings(null)
      expect(listed).toMatchObject({ number: '103', domain: 'example.com', contact: 'sip:b@192.0.2.1' })
      expect(listed?.expiresAt).toStartWith('2999-01-01T00:00:00.000')
      const left_s = (Date.parse('2999-01-01T00:00:00.000Z') - Date.now()) / 1000
      expect(Math.abs((listed?.expiresIn_s ?? 0) - left_s)).toBeLessThan(60)
      expect(more).toEqual([])
      expect(await provisioning.listBindings('104')).toEqual([])
      expect((await provisioning.findExtension(domain.id, '103'))?.contacts).toBe(1)
    })
  })

  describe(`${name}: a transaction`, () => {
    test('that fails leaves nothing behind', async () => {
      const failed = provisioning.transaction(async () => {
        await addNumber('103')
        throw new Error('enough')
      })
      expect(await failed.catch((error: Error) => error.message)).toBe('enough')
      expect(await provisioning.findUser('103')).toBeNull()
      await provisioning.transaction(() => addNumber('103'))
      expect(await provisioning.findUser('103')).toMatchObject({ extensionCount: 1 })
    })

    test('makes several first starts at once fill the database once', async () => {
      const folder = makeFolder('first')
      const empty = await newDatabase()
      const command = [process.execPath, join(import.meta.dir, 'first-start.ts'), empty.url]
      const programs = Array.from({ length: 4 }, () => new Program(command, { folder, input: true }))
      try {
        await Promise.all(programs.map((program) => program.prints(/here/, PROGRAM_MS)))
        for (const program of programs) program.write('go\n')
        await Promise.all(programs.map((program) => program.exited(PROGRAM_MS)))
        const outputs = programs.map(({ output }) => output).sort()
        expect(outputs).toEqual(['here\nmade 101 102\n', ...Array(3).fill('here\nmade\n')].sort())
        expect(await empty.execute('SELECT number FROM extension ORDER BY number')).toEqual(['101', '102'])
      } finally {
        await empty.remove()
        removeFolder(folder)
      }
    }, 60_000)
  })

  describe(`${name}: its condition`, () => {
    test('is told, and rows whose owner is gone are found', async () => {
      const id = await addNumber('103')
      expect(await provisioning.condition()).toMatchObject({
        schemaVersion: SCHEMA_VERSION,
        extensionCount: 1,
      })
      await database.execute(`${database.withoutForeignKeys} DELETE FROM user`)
      expect(await provisioning.findProblems()).toMatchObject([{ table: 'extension', key: `103, id ${id}` }])
    })
  })
}
