// Rows that SQL cannot refuse and that make no sense, on each database: a part of the contract of stores.

import { describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, parseDatabaseUrl } from '../../src/config.ts'
import { SqlStore } from '../../src/store/client.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import type { RowProblem } from '../../src/store/problems.ts'
import type { TestDatabase } from './contract.ts'
import { Watcher } from './watcher.ts'

const START_MS = 5000
/** A client that makes rows without an owner. */
const ORPHANS = { orphans: true }

/** `database` holds ROWS: bob, who owns 105, has no credential. */
export function problemContract(name: string, database: () => TestDatabase): void {
  describe(`${name}: rows that make no sense`, () => {
    const BOB = 'extension 105@example.com'

    async function findProblems(): Promise<readonly RowProblem[]> {
      const clock = new SystemClock((error) => {
        throw error
      })
      const driver = await openDriver(parseDatabaseUrl(database().url), { node: 'other', clock })
      const found = await driver.findProblems(async () => {})
      await driver.close()
      clock.close()
      return found
    }

    async function problems(): Promise<readonly string[]> {
      const found = await findProblems()
      return found.map(({ table, key }) => `${table} ${key}`)
    }

    const wrong: readonly (readonly [string, string, readonly string[], string])[] = [
      [
        'an extension whose user has no credential in its realm',
        `DELETE FROM credential`,
        ['extension 103@example.com', 'extension 104@example.com', BOB],
        `INSERT INTO credential (user_id, username, realm, algorithm, ha1)
          VALUES (1, '103', 'example.com', 'MD5', '0123456789abcdef0123456789abcdef')`,
      ],
      [
        'an extension whose only credential is of a device that is not its own',
        `INSERT INTO device (extension_id) VALUES (1); UPDATE credential SET device_id = 1`,
        ['extension 104@example.com', BOB],
        `UPDATE credential SET device_id = NULL`,
      ],
      [
        'a credential of a realm that no domain has',
        `UPDATE credential SET realm = 'elsewhere' WHERE username = 'ann'`,
        [BOB, 'credential 2'],
        `UPDATE credential SET realm = 'example.com'`,
      ],
      [
        'a credential of a device of another user',
        `INSERT INTO device (extension_id) VALUES (3); UPDATE credential SET device_id = 1 WHERE id = 2`,
        [BOB, 'credential 2'],
        `UPDATE credential SET device_id = NULL`,
      ],
      [
        'a credential whose row has a number below all others',
        `UPDATE credential SET id = -7, realm = 'elsewhere' WHERE id = 2`,
        [BOB, 'credential -7'],
        `UPDATE credential SET realm = 'example.com'`,
      ],
      [
        'a realm that was changed without its credentials',
        `UPDATE domain SET realm = 'new'`,
        ['extension 103@example.com', 'extension 104@example.com', BOB, 'credential 1', 'credential 2'],
        `UPDATE domain SET realm = 'example.com'`,
      ],
      [
        'a user who is called like the number of another',
        `UPDATE user SET name = '103' WHERE name = 'bob'`,
        ['user 103', BOB],
        `UPDATE user SET name = 'bob' WHERE name = '103'`,
      ],
      [
        'domains of which none is the default',
        `UPDATE domain SET is_default = 0`,
        ['domain example.com', BOB],
        `UPDATE domain SET is_default = 1`,
      ],
      [
        'rows whose owner is gone',
        `INSERT INTO device (extension_id) VALUES (77);
          INSERT INTO extension (domain_id, number, user_id) VALUES (1, '106', 77), (77, '107', 1);
          INSERT INTO credential (user_id, device_id, username, realm, algorithm, ha1) VALUES
            (77, NULL, '106', 'example.com', 'MD5', '0123456789abcdef0123456789abcdef'),
            (1, 77, '107', 'example.com', 'MD5', '0123456789abcdef0123456789abcdef')`,
        ['extension 107, id 5', 'extension 106, id 4', BOB, 'device 1', 'credential 3', 'credential 4'],
        `DELETE FROM credential WHERE id > 2; DELETE FROM device; DELETE FROM extension WHERE id > 3`,
      ],
    ]
    for (const [what, sql, expected, mending] of wrong) {
      test(what, async () => {
        expect(await problems()).toEqual([BOB])
        await database().execute(sql, ORPHANS)
        expect(await problems()).toEqual([...expected])
        await database().execute(mending, ORPHANS)
        expect(await problems()).toEqual([BOB])
      })
    }

    test('are each told in one text, and the rest of very many is counted', async () => {
      const count = LIMITS.storeProblems_rows + LIMITS.storeProblemStep_rows
      const rows = Array.from(
        { length: count },
        (_, n) => `(77, 'x${n}', 'elsewhere', 'MD5', '${'0'.repeat(32)}')`,
      )
      await database().execute(
        `INSERT INTO credential (user_id, username, realm, algorithm, ha1) VALUES ${rows.join()}`,
        ORPHANS,
      )
      const found = (await findProblems()).filter(({ table }) => table === 'credential')
      expect(found).toHaveLength(LIMITS.storeProblems_rows + 2)
      expect(found[0]?.problem).toMatch(/^Its user 77 is gone, .* No domain has the realm elsewhere, /)
      expect(found.at(-1)).toEqual({
        table: 'credential',
        key: '... credentials are of a realm that no domain has',
        problem: `${LIMITS.storeProblemStep_rows} more credentials are of a realm that no domain has.`,
      })
    })

    test('are written down by the running server by itself', async () => {
      const written = () => database().execute('SELECT table_name, `key` FROM config_problem')
      const clock = new SystemClock((error) => {
        throw error
      })
      const store = new SqlStore(database().url, clock, new Watcher())
      await store.boot()
      const late = AbortSignal.timeout(START_MS)
      while (!late.aborted && (await written()).length === 0) await store.domains()
      await store.close()
      clock.close()
      expect(await written()).toEqual([['extension', '105@example.com']])
    })
  })
}
