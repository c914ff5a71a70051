// What the server writes of calls and phones: real writes through the store, read from the file as front ends see it.

import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS } from '../../src/config.ts'
import { SqlStore } from '../../src/store/client.ts'
import type { CallRecord, SightingChange } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { binding, ROWS, save } from './binding.ts'
import { Watcher } from './watcher.ts'

const START = Date.UTC(2030, 0, 1, 12)

function call(changed: Partial<CallRecord> = {}): CallRecord {
  return {
    id: '018bcfe5-6800-7000-8000-000000000001',
    callId: 'a84b4c76e66710@192.0.2.7',
    domain: 'example.com',
    caller: '103',
    callerName: 'Ann Smith',
    dialled: '105',
    answeredBy: 'sip:bob@192.0.2.7:5071',
    startedAt: START,
    ringingAt: START + 1000,
    answeredAt: START + 4000,
    endedAt: null,
    outcome: 'answered',
    status: 200,
    reason: '',
    ...changed,
  }
}

function sighting(instance: string, seenAt = START): SightingChange {
  return { kind: 'sighting', extensionId: 1, instance, userAgent: 'Desk phone', seenAt }
}

let folder: string
let clock: SystemClock
let watcher: Watcher
let store: SqlStore
let file: Database

beforeEach(async () => {
  folder = makeFolder('view')
  clock = new SystemClock((error) => {
    throw error
  })
  watcher = new Watcher()
  store = new SqlStore(`sqlite:${join(folder, 'sipwitches.db')}`, clock, watcher)
  await store.boot()
  file = new Database(join(folder, 'sipwitches.db'), { create: false, readwrite: true })
  file.run(`BEGIN; ${ROWS}; COMMIT`)
  await watcher.hears('domains')
})

afterEach(async () => {
  file.close()
  await store.close()
  clock.close()
  removeFolder(folder)
})

describe('v1_call', () => {
  const rows = () => file.query<Record<string, unknown>, []>('SELECT * FROM v1_call ORDER BY id').all()

  test('has every column of the record, and how long they talked once it has ended', async () => {
    await store.commit([{ kind: 'call', call: call() }])
    const row = {
      id: '018bcfe5-6800-7000-8000-000000000001',
      call_id: 'a84b4c76e66710@192.0.2.7',
      domain: 'example.com',
      caller: '103',
      caller_name: 'Ann Smith',
      dialled: '105',
      answered_by: 'sip:bob@192.0.2.7:5071',
      started_at: '2030-01-01T12:00:00.000Z',
      ringing_at: '2030-01-01T12:00:01.000Z',
      answered_at: '2030-01-01T12:00:04.000Z',
      outcome: 'answered',
      status: 200,
      reason: '',
    }
    expect(rows()).toEqual([{ ...row, ended_at: null, duration_s: null }])
    await store.commit([{ kind: 'call-ended', callId: call().callId, endedAt: START + 64_400 }])
    expect(rows()).toEqual([{ ...row, ended_at: '2030-01-01T12:01:04.400Z', duration_s: 60 }])
  })

  test('has no length of a call that was not answered, and its end comes with it', async () => {
    const failed = { outcome: 'failed', status: 486, answeredAt: null, endedAt: START + 2000 } as const
    await store.commit([{ kind: 'call', call: call(failed) }])
    await store.commit([{ kind: 'call-ended', callId: call().callId, endedAt: START + 9000 }])
    expect(rows()).toMatchObject([{ ended_at: '2030-01-01T12:00:02.000Z', duration_s: null }])
  })

  test('is the same when its changes are applied twice, the BYE of another call among them', async () => {
    const ended = { kind: 'call-ended', callId: call().callId, endedAt: START + 5000 } as const
    for (let twice = 0; twice < 2; twice++) {
      await store.commit([{ kind: 'call', call: call() }, ended])
      await store.commit([{ ...ended, endedAt: START + 9000 }])
    }
    expect(rows()).toMatchObject([{ ended_at: '2030-01-01T12:00:05.000Z', duration_s: 1 }])
  })
})

describe('v1_registration', () => {
  test('has the contacts that have not expired, under their numbers', async () => {
    const lasting = binding(1, 'ann', { expiresAt: Date.UTC(2100, 0, 1) })
    await store.commit([save(lasting), save(binding(3, 'bob', { expiresAt: Date.UTC(2000, 0, 1) }))])
    expect(file.query('SELECT * FROM v1_registration').all()).toEqual([
      {
        number: '103',
        domain: 'example.com',
        contact: lasting.contact,
        user_agent: lasting.userAgent,
        instance: lasting.instance,
        source: 'udp:192.0.2.7:5071',
        q: 0.7,
        registered_at: '2030-01-01T11:00:00.000Z',
        expires_at: '2100-01-01T00:00:00.000Z',
      },
    ])
  })
})

describe('v1_extension', () => {
  test('has every number with its owner, its name to show and its registered phones', async () => {
    const times = { expiresAt: Date.UTC(2100, 0, 1) }
    await store.commit([
      save(binding(1, 'ann', times)),
      save(binding(1, 'mobile', times)),
      save(binding(1, 'gone', { expiresAt: Date.UTC(2000, 0, 1) })),
    ])
    file.run(`UPDATE user SET status = 'suspended' WHERE name = 'bob'`)
    const made = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const row = { domain: 'example.com', user_name: 'ann', status: 'active', contacts: 0 }
    const rows = [
      { ...row, number: '103', display_name: 'Ann Smith', contacts: 2 },
      { ...row, number: '104', display_name: 'Door' },
      { ...row, number: '105', display_name: '', user_name: 'bob', status: 'suspended' },
    ]
    expect(file.query('SELECT * FROM v1_extension ORDER BY number').all()).toEqual(
      rows.map((one) => ({ ...one, created_at: made, updated_at: made })),
    )
  })
})

describe('a sighting', () => {
  const devices = () =>
    file.query('SELECT extension_id, label, instance, user_agent, last_seen_at FROM device').all()

  test('makes a device of it, and later ones bring that up to date and keep its label', async () => {
    await store.commit([sighting('<urn:uuid:1>')])
    file.run(`UPDATE device SET label = 'desk'`)
    await store.commit([{ ...sighting('<urn:uuid:1>', START + 1000), userAgent: 'Desk phone 2' }])
    expect(devices()).toEqual([
      {
        extension_id: 1,
        label: 'desk',
        instance: '<urn:uuid:1>',
        user_agent: 'Desk phone 2',
        last_seen_at: '2030-01-01T12:00:01.000Z',
      },
    ])
  })

  test('makes no record stale', async () => {
    watcher.stale.length = 0
    await store.commit([sighting('<urn:uuid:1>')])
    file.run(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
    await watcher.until(1000, () => watcher.stale.length > 0)
    expect(watcher.stale).toEqual(['settings'])
  })

  test('of ever new instances fills no table, and of an extension that is gone makes nothing', async () => {
    const most = LIMITS.storeDevicesPerExtension
    await store.commit(Array.from({ length: most + 5 }, (_, n) => sighting(`<urn:uuid:${n}>`)))
    await store.commit([{ ...sighting('<urn:uuid:1>'), extensionId: 99 }])
    expect(devices()).toHaveLength(most)
  })
})

describe('old calls', () => {
  const kept = () => file.query('SELECT id FROM call ORDER BY started_at').values().flat()

  test('go some at a time, the oldest first', async () => {
    const most = LIMITS.storeCallTrim_rows
    const old = Array.from({ length: most + 1 }, (_, n) => call({ id: `${n}`, startedAt: START + n }))
    const changes = old.toReversed().map((one) => ({ kind: 'call', call: one }) as const)
    await store.commit([...changes, { kind: 'call', call: call({ id: 'new', startedAt: START + most + 1 }) }])
    store.trimCalls(START + most + 1)
    // Answers come in order.
    await store.settings()
    expect(kept()).toEqual([`${most}`, 'new'])
    store.trimCalls(START + most + 1)
    await store.settings()
    expect(kept()).toEqual(['new'])
  })

  test('stay while another program holds the right to write, which is no failure', async () => {
    await store.commit([{ kind: 'call', call: call() }])
    file.run('BEGIN IMMEDIATE')
    store.trimCalls(START + 1)
    await store.settings()
    file.run('ROLLBACK')
    expect(kept()).toHaveLength(1)
    expect(store.counts().failures).toBe(0)
    store.trimCalls(START + 1)
    await store.settings()
    expect(kept()).toEqual([])
  })
})
