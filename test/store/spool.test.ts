import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS } from '../../src/config.ts'
import { Spool } from '../../src/store/spool.ts'
import type { Change } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, remove, save } from './binding.ts'

let folder: string
let clock: VirtualClock
let notices: string[]
let opened: Spool[]

beforeEach(() => {
  folder = makeFolder('spool')
  clock = new VirtualClock()
  notices = []
  opened = []
})
afterEach(() => {
  for (const spool of opened) spool.close()
  removeFolder(folder)
})

const path = () => join(folder, 'spool.db')

function open(database = 'sqlite:a', limit_bytes = 1024 * 1024): Spool {
  const spool = new Spool({
    path: path(),
    database,
    clock,
    limit_bytes,
    onNotice: (sentence) => notices.push(sentence),
  })
  opened.push(spool)
  return spool
}

const changesOf = (spool: Spool): readonly Change[] => spool.all().map(({ change }) => change)
const ended = (callId: string, endedAt: number): Change => ({ kind: 'call-ended', callId, endedAt })

describe('the spool', () => {
  test('keeps changes in order over a restart, and hands them on from the oldest', () => {
    const changes = [save(binding(1, 'ann')), remove(binding(2, 'door')), ended('x', 5)]
    open().append(changes)
    const again = open()
    expect(again.rows).toBe(3)
    expect(changesOf(again)).toEqual(changes)
    expect(again.first(2).map(({ change }) => change)).toEqual(changes.slice(0, 2))
    again.remove(again.first(2).map(({ seq }) => seq))
    expect(changesOf(open())).toEqual(changes.slice(2))
  })

  test('keeps the last state of a contact and of a device, behind all that came before', () => {
    const spool = open()
    const seen = { kind: 'sighting', extensionId: 1, instance: 'i', userAgent: 'a', seenAt: 1 } as const
    spool.append([save(binding(1, 'ann')), seen, save(binding(1, 'bob')), save(binding(2, 'ann'))])
    spool.append([{ ...seen, seenAt: 2 }, remove(binding(1, 'ann'))])
    expect(changesOf(spool)).toEqual([
      save(binding(1, 'bob')),
      save(binding(2, 'ann')),
      { ...seen, seenAt: 2 },
      remove(binding(1, 'ann')),
    ])
    expect(spool.rows).toBe(4)
    expect(open().rows).toBe(4)
  })

  test('keeps all that is written of a call', () => {
    const spool = open()
    spool.append([ended('x', 1), ended('y', 1), ended('x', 2)])
    expect(changesOf(spool)).toEqual([ended('x', 1), ended('y', 1), ended('x', 2)])
  })

  test('does not remove a newer state than the one that was read', () => {
    const spool = open()
    spool.append([save(binding(1, 'ann')), save(binding(1, 'bob'))])
    const read = spool.all().map(({ seq }) => seq)
    spool.append([save(binding(1, 'ann', { cseq: 7 }))])
    spool.remove(read)
    expect(changesOf(spool)).toEqual([save(binding(1, 'ann', { cseq: 7 }))])
    expect(spool.rows).toBe(1)
  })

  test('knows since when its oldest has waited, also when it was put behind by a newer state', () => {
    const spool = open()
    expect(spool.oldestSince).toBeNull()
    const since = clock.now()
    spool.append([save(binding(1, 'ann'))])
    clock.advance(1000)
    spool.append([save(binding(1, 'bob')), save(binding(1, 'ann', { cseq: 7 }))])
    expect(spool.oldestSince).toBe(since)
    expect(open().oldestSince).toBe(since)
  })

  test('takes no more than it may, says so, and takes more when there is room or the limit is raised', () => {
    const spool = open('sqlite:a', 128 * 1024)
    const many = (round: number) =>
      Array.from({ length: 100 }, (_, n) => save(binding(1, `phone${n}of${round}`)))
    const refusal = () => {
      for (let round = 0; round < 100; round++) spool.append(many(round))
    }
    expect(refusal).toThrow(/spool_max_mb/)
    const { rows } = spool
    expect(spool.bytes).toBeLessThanOrEqual(128 * 1024)
    expect(statSync(path()).size).toBeLessThan(LIMITS.storeSpoolReserve_bytes + 256 * 1024)
    // A newer state of what is there already takes no room.
    const [first] = spool.first(1)
    spool.append([first!.change])
    expect(spool.rows).toBe(rows)
    spool.limit_bytes = 1024 * 1024
    spool.append(many(1000))
    spool.remove(spool.all().map(({ seq }) => seq))
    expect([spool.rows, spool.bytes]).toEqual([0, 0])
  })

  test('keeps half of its room from calls, over a restart too, and gives it back as they go', () => {
    const limit_bytes = 256 * 1024
    const calls = Array.from({ length: 100 }, (_, n) => ended(`${n}`.padEnd(200, '-'), n))
    const fill = (spool: Spool) => {
      for (let round = 0; round < 100; round++) {
        const seqs = spool.append([...calls, save(binding(1, `phone${round}`))])
        expect(seqs.at(-1)).not.toBeNull()
        if (seqs.includes(null)) return
      }
      throw new Error('calls took all')
    }
    const first = open('sqlite:a', limit_bytes)
    fill(first)
    const taken = first.bytes
    expect(taken).toBeGreaterThan(limit_bytes * 0.3)
    expect(taken).toBeLessThan(limit_bytes * 0.65)
    const spool = open('sqlite:a', limit_bytes)
    expect(spool.append([calls[0]!])).toEqual([null])
    expect(changesOf(spool)).toEqual(changesOf(first))
    for (let n = 0; n < 50; n++) spool.append([save(binding(2, `phone${n}`))])
    const [oldest] = spool.first(1)
    spool.remove([oldest!.seq])
    expect(spool.append([calls[0]!, calls[1]!])).toEqual([expect.any(Number), null])
  })

  test('is read by its owner and group alone', () => {
    open().append([save(binding(1, 'ann'))])
    for (const name of readdirSync(folder))
      expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o640])
  })

  test.each([
    ['is no database', 'this is no database, whatever it is '.repeat(1000)],
    ['is cut off', ''],
  ])('that %s is set aside, loudly, and a new one serves', (_what, text) => {
    if (text === '') {
      const spool = open()
      spool.append(Array.from({ length: 500 }, (_, n) => save(binding(1, `phone${n}`))))
      spool.close()
      opened.length = 0
      const bytes = readFileSync(path())
      writeFileSync(path(), bytes.fill(7, 4096, bytes.length / 2))
    } else {
      writeFileSync(path(), text)
    }
    const spool = open()
    spool.append([save(binding(1, 'ann'))])
    expect(changesOf(spool)).toEqual([save(binding(1, 'ann'))])
    expect(notices).toEqual([expect.stringContaining('set aside')])
    const aside = /set aside as (\S+);/.exec(notices[0] ?? '')?.[1] ?? ''
    expect(existsSync(aside)).toBe(true)
  })

  test('for another database is set aside, unless it is empty', () => {
    open('sqlite:a').append([save(binding(1, 'ann'))])
    expect(open('sqlite:b').rows).toBe(0)
    expect(notices).toEqual([expect.stringContaining('another database, sqlite:a')])
    expect(open('sqlite:c').rows).toBe(0)
    expect(notices).toHaveLength(1)
  })

  test('says why it cannot be', () => {
    writeFileSync(join(folder, 'file'), '')
    const inFile = () =>
      new Spool({
        path: join(folder, 'file', 'spool.db'),
        database: '',
        clock,
        limit_bytes: 1,
        onNotice() {},
      })
    expect(inFile).toThrow(/cannot be used/)
  })
})
