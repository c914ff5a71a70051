// Another program holds the SQLite file and does not let go: the writes of the server hang. No phone notices, and all
// that happened is in the file when it is free.

import { beforeAll, expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { requirePrograms } from '../support/programs.ts'
import { contactsOf } from '../support/registration.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'
import { CALLING, SteadyCalls } from '../support/steady-calls.ts'
import { SteadyRegistrations } from '../support/steady-registrations.ts'
import { WireClient } from '../support/wire-client.ts'

/** Longer than the server tries to commit. */
const LOCKED_MS = 10_000
const REGISTRATIONS_PER_SECOND = 50
const CALLS_PER_SECOND = 20
const RECOVERED_MS = 10_000
const TEST_MS = 60_000

const phones = accounts(1000, 900)

beforeAll(requirePrograms, TEST_MS)

async function locking(server: ServerProcess): Promise<void> {
  const client = await WireClient.open(() => server.udp)
  const contacts = contactsOf(client, phones, 1)
  const calls = await SteadyCalls.ready(server)
  const registrations = new SteadyRegistrations(contacts)
  const other = await server.shell()
  await calls.begin(CALLS_PER_SECOND)
  registrations.begin(REGISTRATIONS_PER_SECOND)
  await other.run('BEGIN IMMEDIATE;')
  await passes(LOCKED_MS)
  const { status, reasons } = await server.readiness()
  expect(status).toBe('degraded')
  expect(reasons.join()).toContain('locked')
  await other.run('COMMIT;')
  const ready_ms = await server.becomes('ready', RECOVERED_MS)
  const { failures, refused, times_ms } = await registrations.end()
  const setUp_ms = await calls.end()
  expect({ failures, refused }).toEqual({ failures: [], refused: 0 })
  expect(setUp_ms.length).toBeGreaterThan((CALLS_PER_SECOND * LOCKED_MS) / 2000)
  const counted = await other.value('SELECT count(*), count(DISTINCT call_id), count(ended_at) FROM v1_call;')
  expect(counted).toBe(Array(3).fill(setUp_ms.length).join('\t'))
  const kept = new Set(await other.run('SELECT contact FROM binding;'))
  expect(contacts.filter(({ uri, bound }) => kept.has(uri) !== bound)).toEqual([])
  console.log(
    `SQLite locked for ${LOCKED_MS / 1000} s: ${setUp_ms.length} calls, the longest set up in ` +
      `${Math.max(...setUp_ms).toFixed(0)} ms, ${times_ms.length} registrations, the longest took ` +
      `${Math.max(...times_ms).toFixed(0)} ms, 0 failed; ready ${ready_ms.toFixed(0)} ms after it was free`,
  )
  await calls.close()
  await other.close()
  client.close()
}

test(
  'a SQLite file that another program holds: phones register and call as before',
  () => serving({ accounts: [...CALLING, ...phones], settings: MD5_ONLY, log: 'warn' }, locking),
  TEST_MS,
)
