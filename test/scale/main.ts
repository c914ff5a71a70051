// `bun run scale`: how long an import and a start take with so many phones, and how much memory each of them takes.

import { heapStats } from 'bun:jsc'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { RecordCache } from '../../src/directory/record-cache.ts'
import { Location } from '../../src/registrar/location.ts'
import type { ExtensionRecord } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { bindingOf, clock, FIRST_NUMBER, importNumbers, PHONES, register, startOnce } from './phones.ts'

const USAGE = `Usage: bun run scale [--phones N] [--database URL]

  --phones N      numbers, each with one registered phone (default 100000)
  --database URL  an empty one (default: an SQLite file of its own)
`
const STARTS = 3
/** What is left over from reading the database is given back by then. */
const SETTLED_MS = 30_000

function say(what: string, value: number, unit: string): void {
  process.stdout.write(`${what.padEnd(44)}${Math.round(value).toString().padStart(8)} ${unit}\n`)
}

function heap_bytes(): number {
  Bun.gc(true)
  Bun.gc(true)
  return heapStats().heapSize
}

/** Bytes of the heap for each that `keep` keeps, all garbage collected. */
function weighed(count: number, keep: (id: number) => void): number {
  const before_bytes = heap_bytes()
  for (let id = 1; id <= count; id++) keep(id)
  return (heap_bytes() - before_bytes) / count
}

/** As it comes from the database worker: with strings of its own. */
function received<Received>(value: Received): Received {
  return JSON.parse(JSON.stringify(value))
}

function recordOf(id: number): ExtensionRecord {
  const number = String(FIRST_NUMBER + id)
  const credential = { username: number, realm: 'example.com', ha1: '0'.repeat(64) }
  return {
    id,
    number,
    domain: 'example.com',
    displayName: `Number, ${id}`,
    userId: id,
    userName: number,
    suspended: false,
    maxBindings: null,
    credentials: (['MD5', 'SHA-256', 'SHA-512-256'] as const).map((algorithm) => ({
      ...credential,
      algorithm,
    })),
  }
}

function weigh(phones: number): void {
  const location = new Location(clock, { onExpired() {}, onActive() {}, onIdle() {} })
  const binding_bytes = weighed(phones, (id) => {
    location.replace(id, [
      { ...received(bindingOf(id)), number: String(FIRST_NUMBER + id), stored: true, flow: null },
    ])
  })
  location.close()
  const records = new RecordCache(clock, phones)
  const record_bytes = weighed(phones, (id) =>
    records.put(`${FIRST_NUMBER + id}@example.com`, received(recordOf(id))),
  )
  if (location.count !== phones || records.counts().others !== phones) throw new Error('some were not kept')
  say('heap for each binding', binding_bytes, 'bytes')
  say('heap for each cached record', record_bytes, 'bytes')
}

async function measure(folder: string, url: string, phones: number): Promise<void> {
  weigh(phones)
  const imported = await importNumbers(folder, url, phones)
  say('import', imported.wall_ms, 'ms')
  say('import, CPU of the command', imported.cpu_ms, 'ms')
  const idle = await startOnce(folder, url, SETTLED_MS)
  await register(url, phones)
  const starts = []
  for (let n = 0; n < STARTS; n++) starts.push(await startOnce(folder, url, 0))
  const settled = await startOnce(folder, url, SETTLED_MS)
  say('start to ready, nobody registered', idle.wall_ms, 'ms')
  say('start to ready, all registered', median(starts.map(({ wall_ms }) => wall_ms)), 'ms')
  say('start to ready, all registered, CPU', median(starts.map(({ cpu_ms }) => cpu_ms)), 'ms')
  say('resident, nobody registered', idle.resident_bytes / 1e6, 'MB')
  say('resident, all registered', settled.resident_bytes / 1e6, 'MB')
  say('resident for each phone', (settled.resident_bytes - idle.resident_bytes) / phones, 'bytes')
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}

const { values } = parseArgs({
  options: {
    phones: { type: 'string' },
    database: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) process.stdout.write(USAGE)
else {
  const folder = makeFolder('scale')
  try {
    const url = values.database ?? `sqlite:${join(folder, 'sipwitches.db')}`
    await measure(folder, url, Number(values.phones ?? PHONES))
  } finally {
    removeFolder(folder)
    clock.close()
  }
}
