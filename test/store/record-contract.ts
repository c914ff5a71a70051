// What the server writes of calls and phones, and the views of it, on each database: a part of the contract of stores.

import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import type { SqlStore } from '../../src/store/client.ts'
import type { CallRecord, SightingChange } from '../../src/store/store.ts'
import { binding, save } from './binding.ts'
import type { TestDatabase } from './contract.ts'
import type { Watcher } from './watcher.ts'

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

interface Parts {
  readonly database: TestDatabase
  readonly store: SqlStore
  readonly watcher: Watcher
}

/** The database holds ROWS. */
export function recordContract(name: string, parts: () => Parts): void {
  describe(`${name}: v1_call`, () => {
    const rows = () => parts().database.rows('SELECT * FROM v1_call ORDER BY id')

    test('has every column of the record, and how long they talked once it has ended', async () => {
      const { store } = parts()
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
      expect(await rows()).toEqual([{ ...row, ended_at: null, duration_s: null }])
      await store.commit([{ kind: 'call-ended', callId: call().callId, endedAt: START + 64_400 }])
      expect(await rows()).toEqual([{ ...row, ended_at: '2030-01-01T12:01:04.400Z', duration_s: 60 }])
    })

    test('has no length of a call that was not answered, and its end comes with it', async () => {
      const { store } = parts()
      const failed = { outcome: 'failed', status: 486, answeredAt: null, endedAt: START + 2000 } as const
      await store.commit([{ kind: 'call', call: call(failed) }])
      await store.commit([{ kind: 'call-ended', callId: call().callId, endedAt: START + 9000 }])
      expect(await rows()).toMatchObject([{ ended_at: '2030-01-01T12:00:02.000Z', duration_s: null }])
    })

    test('is the same when its changes are applied twice, the BYE of another call among them', async () => {
      const { store } = parts()
      const ended = { kind: 'call-ended', callId: call().callId, endedAt: START + 5000 } as const
      for (let twice = 0; twice < 2; twice++) {
        await store.commit([{ kind: 'call', call: call() }, ended])
        await store.commit([{ ...ended, endedAt: START + 9000 }])
      }
      expect(await rows()).toMatchObject([{ ended_at: '2030-01-01T12:00:05.000Z', duration_s: 1 }])
    })
  })

  describe(`${name}: v1_registration`, () => {
    test('has the contacts that have not expired, under their numbers', async () => {
      const { database, store } = parts()
      const lasting = binding(1, 'ann', { expiresAt: Date.UTC(2100, 0, 1) })
      await store.commit([save(lasting), save(binding(3, 'bob', { expiresAt: Date.UTC(2000, 0, 1) }))])
      expect(await database.rows('SELECT * FROM v1_registration')).toEqual([
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

  describe(`${name}: v1_extension`, () => {
    test('has every number with its owner, its name to show and its registered phones', async () => {
      const { database, store } = parts()
      const times = { expiresAt: Date.UTC(2100, 0, 1) }
      await store.commit([
        save(binding(1, 'ann', times)),
        save(binding(1, 'mobile', times)),
        save(binding(1, 'gone', { expiresAt: Date.UTC(2000, 0, 1) })),
      ])
      await database.execute(`UPDATE user SET status = 'suspended' WHERE name = 'bob'`)
      const made = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      const row = { domain: 'example.com', user_name: 'ann', status: 'active', contacts: 0 }
      const rows = [
        { ...row, number: '103', display_name: 'Ann Smith', contacts: 2 },
        { ...row, number: '104', display_name: 'Door' },
        { ...row, number: '105', display_name: '', user_name: 'bob', status: 'suspended' },
      ]
      expect(await database.rows('SELECT * FROM v1_extension ORDER BY number')).toEqual(
        rows.map((one) => ({ ...one, created_at: made, updated_at: made })),
      )
    })
  })

  describe(`${name}: a sighting`, () => {
    const devices = () =>
      parts().database.rows('SELECT extension_id, label, instance, user_agent, last_seen_at FROM device')

    test('makes a device of it, and later ones bring that up to date and keep its label', async () => {
      const { database, store } = parts()
      await store.commit([sighting('<urn:uuid:1>')])
      await database.execute(`UPDATE device SET label = 'desk'`)
      await store.commit([{ ...sighting('<urn:uuid:1>', START + 1000), userAgent: 'Desk phone 2' }])
      expect(await devices()).toEqual([
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
      const { database, store, watcher } = parts()
      watcher.stale.length = 0
      await store.commit([sighting('<urn:uuid:1>')])
      await database.execute(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
      await watcher.until(1000, () => watcher.stale.length > 0)
      expect(watcher.stale).toEqual(['settings'])
    })

    test('of ever new instances fills no table, and of an extension that is gone makes nothing', async () => {
      const { store } = parts()
      const most = LIMITS.storeDevicesPerExtension
      await store.commit(Array.from({ length: most + 5 }, (_, n) => sighting(`<urn:uuid:${n}>`)))
      await store.commit([{ ...sighting('<urn:uuid:1>'), extensionId: 99 }])
      expect(await devices()).toHaveLength(most)
    })
  })

  describe(`${name}: old calls`, () => {
    const kept = async () =>
      (await parts().database.execute('SELECT id FROM `call` ORDER BY started_at')).flat()

    test('go some at a time, the oldest first', async () => {
      const { store } = parts()
      const most = LIMITS.storeCallTrim_rows
      const old = Array.from({ length: most + 1 }, (_, n) => call({ id: `${n}`, startedAt: START + n }))
      const changes = old.toReversed().map((one) => ({ kind: 'call', call: one }) as const)
      await store.commit([
        ...changes,
        { kind: 'call', call: call({ id: 'new', startedAt: START + most + 1 }) },
      ])
      store.trimCalls(START + most + 1)
      // Writes come in order.
      await store.commit([save(binding(1, 'ann'))])
      expect(await kept()).toEqual([`${most}`, 'new'])
      store.trimCalls(START + most + 1)
      await store.commit([save(binding(1, 'ann'))])
      expect(await kept()).toEqual(['new'])
    })

    test('wait for another program that holds the right to write, which is no failure', async () => {
      const { database, store } = parts()
      await store.commit([{ kind: 'call', call: call() }])
      const release = await database.lock()
      store.trimCalls(START + 1)
      await store.settings()
      await release()
      store.trimCalls(START + 1)
      await store.commit([save(binding(1, 'ann'))])
      expect(await kept()).toEqual([])
      expect(store.counts().failures).toBe(0)
    })
  })
}
