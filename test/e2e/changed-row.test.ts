// What the sqlite3 program writes acts on the running server within a second (promise P1), also where it takes a
// number from the phones that are registered with it; and what makes no sense is explained.

import { Database } from 'bun:sqlite'
import { beforeAll, describe, expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { run } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const TEST_MS = 60_000
const ACTS_WITHIN_MS = 1000
/** Rows are looked through at most once in three seconds. */
const EXPLAINED_WITHIN_MS = 5000

const [alice, bob] = accounts(101, 2)

beforeAll(requirePrograms, TEST_MS)

async function sqlite3(server: ServerProcess, sql: string): Promise<void> {
  const { code, output } = await run(
    ['sqlite3', '-bail', '-cmd', '.timeout 5000', server.databaseFile, sql],
    {
      folder: server.folder,
      within_ms: TEST_MS,
    },
  )
  expect([code, output]).toEqual([0, ''])
}

async function becomes(wanted: unknown, ms: number, look: () => unknown): Promise<void> {
  const late = AbortSignal.timeout(ms)
  let seen = await look()
  while (!late.aborted && !Bun.deepEquals(seen, wanted)) {
    await passes(20)
    seen = await look()
  }
  expect(seen).toEqual(wanted)
}

async function bindings(server: ServerProcess): Promise<string> {
  return /^sipwitches_bindings (\d+)$/m.exec(await server.metrics())?.[1] ?? 'none told'
}

/** Asks as a stranger; only of numbers without a registered phone, as that would have to answer. */
async function statusOf(stranger: WireAccount, number: string): Promise<string> {
  stranger.sendsOptions(number)
  const refusal: unknown = await stranger.phone.expects('200').catch((reason: unknown) => reason)
  return /^SIP\/2\.0 (\d+)/m.exec(String(refusal))?.[1] ?? String(refusal)
}

function problems(server: ServerProcess): string[] {
  const database = new Database(server.databaseFile, { readonly: true })
  const rows = database.query('SELECT table_name, key FROM config_problem ORDER BY 1, 2').values()
  database.close()
  return rows.map((row) => row.join(' '))
}

describe('a row that sqlite3 writes', () => {
  test(
    'makes another number of one, or gives it another owner, and its phones have to register anew',
    async () => {
      await serving({ accounts: [alice!, bob!] }, async (server) => {
        const phones = await Promise.all([1, 2, 3].map(() => WirePhone.udp(server.udp)))
        const [one, two, three] = phones
        const stranger = new WireAccount(three!, { number: '9', password: '' })
        expect(await statusOf(stranger, '201')).toBe('404')
        await new WireAccount(one!, alice!).registers()
        await new WireAccount(two!, bob!).registers()
        expect(await bindings(server)).toBe('2')

        await sqlite3(
          server,
          `BEGIN; UPDATE extension SET number = '201' WHERE number = '101';
            UPDATE user SET name = '201' WHERE name = '101'; COMMIT`,
        )
        await becomes('1', ACTS_WITHIN_MS, () => bindings(server))
        expect([await statusOf(stranger, '101'), await statusOf(stranger, '201')]).toEqual(['404', '480'])

        await sqlite3(
          server,
          `UPDATE extension SET user_id = (SELECT id FROM user WHERE name = '201') WHERE number = '102'`,
        )
        await becomes('0', ACTS_WITHIN_MS, () => bindings(server))
        expect(await statusOf(stranger, '102')).toBe('480')
        expect(await server.registeredNumbers()).toEqual([])
        for (const phone of phones) phone.close()
      })
    },
    TEST_MS,
  )

  test(
    'is explained while it makes no sense',
    async () => {
      await serving({ accounts: [alice!, bob!] }, async (server) => {
        await sqlite3(server, `UPDATE credential SET realm = 'elsewhere' WHERE username = '101'`)
        const credentials = ['1', '2', '3'].map((id) => `credential ${id}`)
        await becomes([...credentials, 'extension 101@test.example'], EXPLAINED_WITHIN_MS, () =>
          problems(server),
        )
        await expect(server.cli('check')).rejects.toThrow('its phones cannot register')
        await sqlite3(server, `UPDATE credential SET realm = 'test.example'`)
        await becomes([], EXPLAINED_WITHIN_MS, () => problems(server))
      })
    },
    TEST_MS,
  )
})
