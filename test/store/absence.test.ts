// The database away, frozen, locked, full or slow: what the service of the worker does meanwhile and afterwards.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { LIMITS } from '../../src/config.ts'
import { unpackBoot, Work } from '../../src/store/protocol.ts'
import type { Change } from '../../src/store/store.ts'
import { binding, remove, save } from './binding.ts'
import type { DriverFault } from './faulty-driver.ts'
import { RECOVERY_MS, ServiceProcess } from './service-process.ts'

let service: ServiceProcess

beforeEach(async () => {
  service = new ServiceProcess()
  await service.start()
})
afterEach(() => service.end())

const stored = () => service.sql('SELECT extension_id, contact_key, cseq FROM binding ORDER BY 1, 2')
const row = (extensionId: number, user: string, cseq = 4294967295) => [
  extensionId,
  `sip:${user}@192.0.2.7:5071`,
  cseq,
]
const find = (name: string) => service.ask({ kind: 'find', domain: 'example.com', name })
const recovers = async () => {
  service.faults.now = null
  await service.clock.pass(RECOVERY_MS)
}

const FAULTS: readonly DriverFault[] = ['away', 'frozen', 'deaf', 'locked', 'full']
const READABLE: readonly DriverFault[] = ['locked', 'full']

describe.each(FAULTS)('a database that is %s', (fault) => {
  test('has its writes answered within a second, and gets them when it is back', async () => {
    service.faults.now = fault
    const begun_ms = service.clock.monotonic()
    expect(await service.commit([save(binding(1, 'ann'))], [save(binding(2, 'door'))])).toEqual([null, null])
    expect(service.clock.monotonic() - begun_ms).toBeLessThanOrEqual(1000)
    const later_ms = service.clock.monotonic()
    expect(await service.commit([remove(binding(2, 'door'))])).toEqual([null])
    expect(await service.commit([save(binding(1, 'ann', { cseq: 7 }))])).toEqual([null])
    expect(service.clock.monotonic() - later_ms).toBeLessThan(100)
    expect(service.work[Work.SpoolRows]).toBe(2)
    await recovers()
    expect(stored()).toEqual([row(1, 'ann', 7)])
    expect(service.spooled).toEqual([])
    expect(service.work[Work.SpoolRows]).toBe(0)
    // Direct again.
    const spooled = service.work[Work.Spooled]
    await service.commit([save(binding(3, 'bob'))])
    expect(stored()).toEqual([row(1, 'ann', 7), row(3, 'bob')])
    expect(service.work[Work.Spooled]).toBe(spooled)
  })

  test('is told of, with the reason, and that it is back', async () => {
    service.faults.now = fault
    await service.commit([save(binding(1, 'ann'))])
    await service.clock.pass(RECOVERY_MS)
    expect(service.availability.at(-1)).toEqual(expect.any(String))
    expect(service.work[Work.DatabaseUp]).toBe(0)
    await recovers()
    expect(service.availability.at(-1)).toBeNull()
    expect(service.work[Work.DatabaseUp]).toBe(1)
  })

  test(READABLE.includes(fault) ? 'can be read all the while' : 'has look-ups refused at once', async () => {
    service.faults.now = fault
    await service.commit([save(binding(1, 'ann'))])
    await service.clock.pass(RECOVERY_MS)
    const begun_ms = service.clock.monotonic()
    const finds = service.faults.finds
    const kinds = [(await find('103')).kind, (await find('104')).kind]
    expect(service.clock.monotonic() - begun_ms).toBeLessThan(100)
    const readable = READABLE.includes(fault)
    expect(kinds).toEqual(readable ? ['extension', 'extension'] : ['refused', 'refused'])
    expect(service.faults.finds - finds).toBe(readable ? 2 : 0)
    await recovers()
    expect((await find('103')).kind).toBe('extension')
  })

  test('has what waits applied once over a restart in between', async () => {
    service.faults.now = fault
    await service.commit([save(binding(1, 'ann')), remove(binding(2, 'door'))])
    await service.stop()
    service.faults.now = null
    await service.start()
    await service.clock.pass(RECOVERY_MS)
    expect(stored()).toEqual([row(1, 'ann')])
    expect(service.spooled).toEqual([])
  })
})

describe('a slow database', () => {
  test('is not away: writes are answered meanwhile, look-ups come late', async () => {
    service.faults.now = 'slow'
    service.faults.slow_ms = 1500
    const begun_ms = service.clock.monotonic()
    for (let n = 0; n < 20; n++) expect(await service.commit([save(binding(1, `phone${n}`))])).toEqual([null])
    expect(service.clock.monotonic() - begun_ms).toBeLessThanOrEqual(1000)
    expect((await find('103')).kind).toBe('extension')
    await service.clock.pass(RECOVERY_MS)
    expect(service.availability.filter((reason) => reason !== null)).toEqual([])
    expect(stored()).toHaveLength(20)
    // What came while one transaction took its time went together.
    expect(service.faults.commits).toBeLessThan(5)
  })
})

describe('a start', () => {
  test('has what waits in the spool over what the database holds, with the records that this needs', async () => {
    await service.commit([save(binding(1, 'ann')), save(binding(2, 'door'))])
    service.faults.now = 'full'
    await service.commit([
      save(binding(1, 'ann', { cseq: 7 })),
      remove(binding(2, 'door')),
      save(binding(3, 'bob')),
    ])
    // It was removed while that could not be known.
    await service.commit([save(binding(99, 'gone'))])
    await service.stop()
    await service.start()
    const reply = await service.ask({ kind: 'boot' })
    if (reply.kind !== 'boot') throw new Error(JSON.stringify(reply))
    const boot = unpackBoot(reply.boot)
    expect(boot.bindings).toEqual([binding(1, 'ann', { cseq: 7 }), binding(3, 'bob')])
    expect(boot.activeExtensions.map(({ number }) => number).toSorted()).toEqual(['103', '105'])
    expect(boot.extensionCount).toBe(3)
    await recovers()
    expect(stored()).toEqual([row(1, 'ann', 7), row(3, 'bob')])
  })

  test('without the database fails with the reason', async () => {
    await service.stop()
    service.faults.now = 'away'
    await service.start()
    expect(await service.ask({ kind: 'boot' })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/away/),
    })
  })

  test('after the database was away has everything read again', async () => {
    service.faults.now = 'frozen'
    await find('103')
    await recovers()
    expect(service.stale).toEqual(['everything', 'settings', 'domains'])
  })
})

describe('the drain', () => {
  test('drops, with a word in the log, what the database refuses, and nothing else', async () => {
    service.faults.now = 'away'
    const refused = save(binding(2, 'bad', { cseq: -1 }))
    expect(await service.commit([save(binding(1, 'ann'))], [refused], [save(binding(3, 'bob'))])).toEqual([
      null,
      null,
      null,
    ])
    await recovers()
    expect(stored()).toEqual([row(1, 'ann'), row(3, 'bob')])
    expect(service.notices).toEqual([expect.stringContaining('1 writes of the spool are dropped')])
    expect(service.work[Work.Dropped]).toBe(1)
    expect(service.work[Work.Drained]).toBe(2)
    expect(service.spooled).toEqual([])
  })

  test('goes in batches, with look-ups between them', async () => {
    service.faults.now = 'away'
    const count = 5 * LIMITS.storeSpoolBatch_rows
    await service.commit(Array.from({ length: count }, (_, n) => save(binding(1, `phone${n}`))))
    service.faults.now = 'slow'
    service.faults.slow_ms = 10
    const { commits } = service.faults
    while (service.work[Work.SpoolRows] === count) await service.clock.pass(10)
    expect(service.work[Work.SpoolRows]).toBeGreaterThan(0)
    expect((await find('103')).kind).toBe('extension')
    expect(service.work[Work.SpoolRows]).toBeGreaterThan(0)
    // What comes now goes behind what waits, and is answered from the spool.
    await service.commit([save(binding(1, 'phone0', { cseq: 7 }))])
    expect(service.work[Work.SpoolRows]).toBeGreaterThan(0)
    await service.clock.pass(RECOVERY_MS)
    expect(service.faults.commits - commits).toBe(6)
    expect(stored()).toHaveLength(count)
    expect(stored()).toContainEqual(row(1, 'phone0', 7))
  })
})

describe('a spool', () => {
  test('refuses calls beyond their half, and no registration that came with them', async () => {
    service.faults.now = 'away'
    service.limitSpool(256 * 1024)
    const call = (n: number): Change => ({ kind: 'call-ended', callId: `${n}`.padEnd(200, '-'), endedAt: n })
    const calls = Array.from({ length: 1000 }, (_, n) => [call(n)])
    const outcomes = await service.commit([save(binding(1, 'ann'))], ...calls, [save(binding(2, 'door'))])
    expect([outcomes[0], outcomes.at(-1)]).toEqual([null, null])
    const lost = outcomes.filter((reason) => reason?.startsWith('Call records take half of')).length
    expect(lost).toBeGreaterThan(500)
    expect(service.work[Work.SpoolRefused]).toBe(lost)
    expect(service.work[Work.Spooled]).toBe(outcomes.length - lost)
    await recovers()
    expect(stored()).toEqual([row(1, 'ann'), row(2, 'door')])
    expect(service.work[Work.Drained]).toBe(outcomes.length - lost)
    expect(await service.commit([call(0)])).toEqual([null])
  })

  test('that is full has writes refused with a sentence, counted, and taken again when there is room', async () => {
    service.limitSpool(128 * 1024)
    service.faults.now = 'away'
    const outcomes: (string | null)[] = []
    for (let n = 0; n < 200; n++) outcomes.push(...(await service.commit([save(binding(1, `phone${n}`))])))
    const accepted = outcomes.filter((outcome) => outcome === null).length
    expect(accepted).toBeGreaterThan(10)
    expect(outcomes.at(-1)).toMatch(/spool_max_mb.*away/)
    expect(service.work[Work.SpoolRefused]).toBe(200 - accepted)
    await recovers()
    expect(stored()).toHaveLength(accepted)
    service.faults.now = 'away'
    expect(await service.commit([save(binding(1, 'ann'))])).toEqual([null])
  })

  test('that is damaged at a start is set aside, and the start goes on', async () => {
    await service.stop()
    writeFileSync(service.spoolPath, 'no database '.repeat(1000))
    await service.start()
    expect(service.notices).toEqual([expect.stringContaining('set aside')])
    service.faults.now = 'away'
    expect(await service.commit([save(binding(1, 'ann'))])).toEqual([null])
  })
})

describe('a locked database', () => {
  test('that is free again soon gets its writes directly', async () => {
    service.faults.now = 'locked'
    const release = () => {
      service.faults.now = null
    }
    service.clock.after(LIMITS.storeSpool_ms / 2, { onTimer: release }, 0)
    expect(await service.commit([save(binding(1, 'ann'))])).toEqual([null])
    expect(stored()).toEqual([row(1, 'ann')])
    expect(service.work[Work.Spooled]).toBe(0)
  })
})
