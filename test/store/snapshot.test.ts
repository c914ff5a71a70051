// A start without the database, from what was known of it on this machine.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { LIMITS } from '../../src/config.ts'
import { unpackBoot, Work } from '../../src/store/protocol.ts'
import { Snapshot } from '../../src/store/snapshot.ts'
import { SnapshotKeeper } from '../../src/store/snapshot-keeper.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, remove, save } from './binding.ts'
import { RECOVERY_MS, ServiceProcess } from './service-process.ts'

const CONTENTS = { domains: [], settings: new Map(), bindings: [], activeExtensions: [], extensionCount: 0 }

let service: ServiceProcess

beforeEach(async () => {
  service = new ServiceProcess(true)
  await service.start()
})
afterEach(() => service.end())

const find = (name: string) => service.ask({ kind: 'find', domain: 'example.com', name })

async function boot() {
  const reply = await service.ask({ kind: 'boot' })
  if (reply.kind !== 'boot') throw new Error(JSON.stringify(reply))
  const read = unpackBoot(reply.boot)
  const bindings = read.bindings.toSorted((a, b) => a.extensionId - b.extensionId)
  return { ...read, bindings, numbers: read.activeExtensions.map(({ number }) => number).toSorted() }
}

/** The server is started again while the database is as ordered. */
async function restart(fault: typeof service.faults.now): Promise<void> {
  await service.stop()
  service.faults.now = fault
  await service.start()
}

describe.each(['away', 'frozen'] as const)('a start while the database is %s', (fault) => {
  test('has all that the last one had, and what was written since, and says so', async () => {
    await service.commit([save(binding(1, 'ann')), save(binding(2, 'door'))])
    const before = await boot()
    expect(before).toMatchObject({ from: 'database', numbers: ['103', '104'] })
    await service.clock.pass(1000)
    await find('105')
    await service.commit([save(binding(3, 'bob')), remove(binding(2, 'door'))])
    service.faults.now = fault
    await service.commit([save(binding(1, 'ann', { cseq: 7 }))])
    const asOf = service.work[Work.SnapshotAsOf] ?? 0
    await restart(fault)
    const { from, asOf: told, bindings, numbers, ...rest } = await boot()
    expect(from).toBe('snapshot')
    expect(asOf - told).toBeLessThanOrEqual(LIMITS.storeSnapshotNote_ms)
    expect(bindings).toEqual([binding(1, 'ann', { cseq: 7 }), binding(3, 'bob')])
    expect(numbers).toEqual(['103', '105'])
    expect([rest.domains, rest.settings, rest.extensionCount]).toEqual([
      before.domains,
      before.settings,
      before.extensionCount,
    ])
  })

  test('has what was only in the spool, also in the start after it has drained', async () => {
    await service.commit([save(binding(1, 'ann'))])
    await boot()
    await service.clock.pass(100)
    service.faults.now = fault
    await service.commit([save(binding(1, 'ann', { cseq: 7 }))])
    await service.stop()
    // As if it had been killed between its two files.
    service.sql('DELETE FROM binding', service.snapshotPath)
    await service.start()
    const bindings = [binding(1, 'ann', { cseq: 7 })]
    expect(await boot()).toMatchObject({ from: 'snapshot', bindings })
    service.faults.now = null
    await service.clock.pass(RECOVERY_MS)
    expect(service.spooled).toEqual([])
    await restart(fault)
    expect(await boot()).toMatchObject({ from: 'snapshot', bindings })
  })

  test('serves, and has everything read again and all of it written when the database is back', async () => {
    await service.commit([save(binding(1, 'ann'))])
    await boot()
    await service.clock.pass(100)
    await restart(fault)
    expect((await boot()).from).toBe('snapshot')
    expect(await service.commit([save(binding(1, 'ann', { cseq: 7 }))])).toEqual([null])
    service.stale.length = 0
    service.faults.now = null
    await service.clock.pass(RECOVERY_MS)
    expect(service.stale).toEqual(['everything', 'settings', 'domains'])
    expect(service.availability.at(-1)).toBeNull()
    expect(service.sql('SELECT cseq FROM binding')).toEqual([[7]])
  })

  test('knows extensions that were looked up before, and not that nobody is called so', async () => {
    await boot()
    await service.clock.pass(100)
    await find('105')
    await find('ann')
    await find('nobody')
    await restart(fault)
    await boot()
    expect(await find('105')).toMatchObject({ kind: 'extension', extension: { number: '105' } })
    expect(await find('ann')).toMatchObject({ kind: 'extension', extension: { number: '103' } })
    expect((await find('nobody')).kind).toBe('refused')
    expect((await find('104')).kind).toBe('refused')
  })

  test('fails with a sentence where nothing is known', async () => {
    await restart(fault)
    expect(await service.ask({ kind: 'boot' })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/database/),
    })
  })
})

describe('the snapshot', () => {
  test('is written in pieces, and misses nothing that changes meanwhile', () => {
    const count = 3 * LIMITS.storeSnapshotChunk_rows
    const clock = new VirtualClock()
    const place = { path: `${service.snapshotPath}.test`, database: 'test' }
    const keeper = new SnapshotKeeper({ place, clock, isAway: () => false, onNotice() {} })
    const phone = (n: number, cseq = 1) => binding(1, `phone${n}`, { cseq })
    keeper.write({ ...CONTENTS, bindings: Array.from({ length: count }, (_, n) => phone(n)) })
    // Behind the first piece, and before the second.
    clock.soon(() => {
      expect(keeper.asOf).toBe(0)
      keeper.apply([remove(phone(0)), remove(phone(count - 1)), save(phone(1, 7)), save(phone(count - 2, 7))])
      keeper.apply([save(binding(2, 'door'))])
    })
    clock.settle()
    expect(keeper.asOf).toBe(clock.now())
    const bindings = keeper.boot()?.bindings ?? []
    expect(bindings).toHaveLength(count - 1)
    expect(bindings.filter(({ cseq }) => cseq === 7)).toHaveLength(2)
    keeper.close()
  })

  test('forgets what has changed in the database and is not registered', async () => {
    await service.commit([save(binding(1, 'ann'))])
    await boot()
    await service.clock.pass(100)
    await find('105')
    service.sql(`UPDATE user SET status = 'suspended'`)
    await service.clock.pass(1000)
    service.sql(`UPDATE domain SET realm = 'other'`)
    service.sql(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`)
    await service.ask({ kind: 'domains' })
    await service.ask({ kind: 'settings' })
    await restart('away')
    const { numbers, domains, settings } = await boot()
    expect(numbers).toEqual(['103'])
    expect(domains.map(({ realm }) => realm)).toEqual(['other'])
    expect(settings.get('max_bindings')).toBe('7')
    expect((await find('105')).kind).toBe('refused')
    expect((await find('103')).kind).toBe('extension')
  })

  test('has the record of who is registered, though it was not looked up since it was written', async () => {
    await boot()
    await service.clock.pass(100)
    await service.commit([save(binding(1, 'ann')), save(binding(3, 'bob'))])
    await service.clock.pass(1000)
    await restart('away')
    expect(await boot()).toMatchObject({
      bindings: [{ extensionId: 1 }, { extensionId: 3 }],
      numbers: ['103', '105'],
    })
  })

  test('has no binding of a call that the schema refused', async () => {
    await boot()
    await service.clock.pass(100)
    await find('103')
    await find('104')
    await service.commit([save(binding(1, 'ann'))], [save(binding(2, 'bad', { cseq: -1 }))])
    await restart('away')
    expect((await boot()).bindings).toEqual([binding(1, 'ann')])
  })

  test('that was not finished, is damaged or of another database is as none', async () => {
    await boot()
    await service.clock.pass(100)
    await service.stop()
    expect(Snapshot.open(service.snapshotPath, 'other')).toBeNull()
    expect(statSync(service.snapshotPath).mode & 0o777).toBe(0o640)
    service.sql(`DELETE FROM fact WHERE name = 'whole'`, service.snapshotPath)
    expect(Snapshot.open(service.snapshotPath, 'test')).toBeNull()
    writeFileSync(service.snapshotPath, 'no database '.repeat(1000))
    expect(Snapshot.open(service.snapshotPath, 'test')).toBeNull()
    await restart('away')
    expect((await service.ask({ kind: 'boot' })).kind).toBe('refused')
  })

  test('that cannot be written is told of, gone, and written anew later', async () => {
    await service.commit([save(binding(1, 'ann'))])
    await boot()
    await service.clock.pass(100)
    service.sql('DROP TABLE binding', service.snapshotPath)
    await service.commit([save(binding(1, 'ann', { cseq: 7 }))])
    expect(service.notices).toEqual([expect.stringContaining('snapshot')])
    expect(existsSync(service.snapshotPath)).toBe(false)
    await service.clock.pass(LIMITS.storeSnapshotRetry_ms + 1000)
    await restart('away')
    expect((await boot()).bindings).toEqual([binding(1, 'ann', { cseq: 7 })])
  })

  test('holds so many records at most, and those of registered phones first', () => {
    service.sql('SELECT 1')
    const path = `${service.snapshotPath}.test`
    const snapshot = Snapshot.make(path)
    const record = (id: number) => ({
      id,
      number: `${id}`,
      domain: 'example.com',
      displayName: '',
      userId: 1,
      userName: 'ann',
      suspended: false,
      maxBindings: null,
      credentials: [],
    })
    snapshot.putAll(
      [binding(1, 'ann')],
      Array.from({ length: LIMITS.directory_entries }, (_, n) => record(n + 1)),
    )
    snapshot.putRecord(record(LIMITS.directory_entries + 1), 'x')
    expect(snapshot.find('example.com', '1')?.id).toBe(1)
    expect(snapshot.find('example.com', '2')).toBeNull()
    expect(snapshot.find('example.com', 'x')?.id).toBe(LIMITS.directory_entries + 1)
    snapshot.close()
  })
})
