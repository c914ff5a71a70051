// Random writes, outages and restarts, by seeds: in the end the database holds what one holds that was never away.

import { Database } from 'bun:sqlite'
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { SqliteDriver } from '../../src/store/sqlite.ts'
import type { Change } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Random } from '../support/random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, ROWS, remove, save } from './binding.ts'
import type { DriverFault } from './faulty-driver.ts'
import { RECOVERY_MS, ServiceProcess } from './service-process.ts'

const SEEDS = 40
const STEPS = 120
const FAULTS: readonly (DriverFault | null)[] = [
  'away',
  'frozen',
  'deaf',
  'locked',
  'full',
  'slow',
  null,
  null,
]
const PAUSES_MS = [0, 0, 100, 1000, 6000]
const TABLES = [
  'SELECT extension_id, contact_key, call_id, cseq, expires_at FROM binding ORDER BY 1, 2',
  'SELECT extension_id, instance, user_agent, last_seen_at FROM device ORDER BY 1, 2',
  'SELECT id, call_id, answered_by, ended_at, outcome FROM call ORDER BY 1',
]
const START = Date.UTC(2030, 0, 1)

let folder: string
beforeAll(() => {
  folder = makeFolder('order')
})
afterAll(() => removeFolder(folder))

/** What a server might write at its n-th step; each number makes its change tell itself apart from all others. */
function change(random: Random, n: number): Change {
  const extensionId = 1 + random.below(3)
  const user = `phone${random.below(4)}`
  const callId = `call${random.below(8)}`
  switch (random.below(8)) {
    case 0:
      return remove(binding(extensionId, user))
    case 1:
      return { kind: 'sighting', extensionId, instance: user, userAgent: `v${n}`, seenAt: START + n }
    case 2:
    case 3:
      return {
        kind: 'call',
        call: callRecord(`${callId}-${random.below(3)}`, callId, n, random.below(2) === 0),
      }
    case 4:
      return { kind: 'call-ended', callId, endedAt: START + n }
    case 5:
      // The schema refuses it. Of a contact of its own: what the spool holds of one contact is the last state alone.
      return save(binding(extensionId, `bad${n}`, { cseq: -1 }))
    default:
      return save(binding(extensionId, user, { cseq: n, callId: `register${n}` }))
  }
}

function callRecord(id: string, callId: string, n: number, lasts: boolean) {
  return {
    id,
    callId,
    domain: 'example.com',
    caller: '103',
    callerName: '',
    dialled: '104',
    answeredBy: `phone${n}`,
    startedAt: START + n,
    ringingAt: null,
    answeredAt: START + n,
    endedAt: lasts ? null : START + n,
    outcome: 'answered',
    status: 200,
    reason: '',
  } as const
}

async function live(seed: number, service: ServiceProcess, model: SqliteDriver): Promise<void> {
  const random = new Random(seed)
  let changes = 0
  await service.start()
  for (let n = 0; n < STEPS; n++) {
    if (random.below(6) === 0) {
      service.faults.now = random.pick(FAULTS)
      service.faults.slow_ms = 10 + random.below(900)
    }
    if (random.below(15) === 0) {
      await service.stop()
      await service.start()
    }
    const calls = Array.from({ length: 1 + random.below(3) }, () =>
      Array.from({ length: 1 + random.below(2) }, () => change(random, ++changes)),
    )
    // As the spool does it, where one refused change does not take the others of its call with it.
    const apart = calls.flat().map((one) => [one])
    await service.commit(...apart)
    for (const one of apart) await model.commit(one).catch(() => {})
    await service.clock.pass(random.pick(PAUSES_MS))
  }
  service.faults.now = null
  await service.clock.pass(RECOVERY_MS)
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))('seed %d', async (seed) => {
  const path = join(folder, `model${seed}.db`)
  const model = new SqliteDriver(path, { node: 'test', clock: new VirtualClock() })
  const rows = new Database(path)
  for (const statement of ROWS.split(/;\s*\n/).filter((text) => text.trim() !== '')) rows.run(statement)
  const service = new ServiceProcess()
  try {
    await live(seed, service, model)
    expect(service.spooled).toEqual([])
    for (const table of TABLES) expect(service.sql(table)).toEqual(rows.query(table).values())
  } finally {
    await service.end()
    rows.close()
    await model.close()
  }
})
