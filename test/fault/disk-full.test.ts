// A full disk under the database: said plainly, calls go on, registrations go to the spool where that has room, and
// otherwise phones are told when to come back; all is well again by itself when there is space.

import { beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { passes } from '../support/deadline.ts'
import { requirePrograms } from '../support/programs.ts'
import { type Contact, contactsOf } from '../support/registration.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'
import { SmallDisk, whyNoSmallDisk } from '../support/small-disk.ts'
import { CALLING, SteadyCalls } from '../support/steady-calls.ts'
import { WireClient } from '../support/wire-client.ts'

const DISK_BYTES = 12 * 1024 * 1024
const ACCOUNTS = 40
const CONTACTS_EACH = 8
const CALLS_PER_SECOND = 20
const ANSWER_MS = 10_000
/** As long as it stays full, phones calling. */
const FULL_MS = 3000
const RECOVERED_MS = 10_000
const TEST_MS = 120_000

const phones = accounts(1000, ACCOUNTS)

beforeAll(requirePrograms, TEST_MS)

/** Contacts register one after the other until one is refused; null when all are taken. */
async function refused(contacts: readonly Contact[]) {
  for (const contact of contacts) {
    const answer = await contact.register(true, ANSWER_MS)
    if (answer?.status !== 200) return answer
  }
  return null
}

/** Said to the operator, and to the phones; null when none was refused. */
async function expectRefusals(server: ServerProcess, contacts: readonly Contact[], filledAt: number) {
  const refusal = await refused(contacts)
  const { status, reasons, since } = await server.readiness()
  expect(status).toBe('degraded')
  expect(reasons.join()).toMatch(/full|space/)
  expect(Date.parse(since)).toBeGreaterThanOrEqual(filledAt)
  expect(server.log).toMatch(/"event":"database-away".*(full|space)/)
  if (refusal !== null) {
    expect(refusal?.startLine).toBe('SIP/2.0 503 Service Unavailable')
    expect(Number(refusal?.header('Retry-After'))).toBeGreaterThan(0)
  }
  return refusal
}

async function filling(server: ServerProcess, disk: SmallDisk, hasRoom: boolean): Promise<void> {
  const client = await WireClient.open(() => server.udp)
  const contacts = contactsOf(client, phones, CONTACTS_EACH)
  const calls = await SteadyCalls.ready(server)
  await calls.begin(CALLS_PER_SECOND)
  expect(await refused(contacts.filter((_, index) => index % 2 === 0))).toBeNull()

  const filledAt = Date.now()
  disk.fill()
  const late = contacts.filter((_, index) => index % 2 === 1)
  const refusal = await expectRefusals(server, late, filledAt)
  expect(refusal === null).toBe(hasRoom)
  await passes(FULL_MS)
  expect((await server.readiness()).status).toBe('degraded')

  disk.free()
  const recovered_ms = await server.becomes('ready', RECOVERED_MS)
  expect(await refused(late)).toBeNull()
  const setUp_ms = await calls.end()
  await server.kill()
  await server.restart()
  const shell = await server.shell()
  const kept = new Set(await shell.run('SELECT contact FROM binding;'))
  await shell.close()
  expect(contacts.filter(({ uri }) => !kept.has(uri))).toEqual([])
  await calls.close()
  client.close()
  const outcome = refusal === null ? 'all taken' : '503 for new contacts'
  console.log(
    `disk full, ${hasRoom ? 'room' : 'no room'} for a spool: ${outcome}, ` +
      `${setUp_ms.length} calls without a failure, ready ${recovered_ms.toFixed(0)} ms after there was space`,
  )
}

const why = whyNoSmallDisk()
for (const hasRoom of [false, true]) {
  const where = hasRoom ? 'the data folder on another disk' : 'the data folder on it'
  test.skipIf(why !== null)(
    `a full disk under the database, ${where}${why === null ? '' : ` (${why})`}`,
    async () => {
      const disk = await SmallDisk.make(DISK_BYTES)
      try {
        const options = {
          accounts: [...CALLING, ...phones],
          settings: MD5_ONLY,
          host: disk.host,
          database: `sqlite:${join(disk.folder, 'sipwitches.db')}`,
          log: 'warn',
          ...(hasRoom ? {} : { data: disk.folder }),
        } as const
        await serving(options, (server) => filling(server, disk, hasRoom))
      } finally {
        disk.kill()
      }
    },
    TEST_MS,
  )
}
