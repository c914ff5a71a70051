// `bun run scale`: how long an import and a start take with so many phones, and how much memory each of them takes.

import { heapStats } from 'bun:jsc'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { SystemClock } from '../../src/clock.ts'
import { parseDatabaseUrl } from '../../src/config.ts'
import { RecordCache } from '../../src/directory/record-cache.ts'
import { Location } from '../../src/registrar/location.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import type { BindingRecord, ExtensionRecord } from '../../src/store/store.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Program } from '../support/program.ts'

const USAGE = `Usage: bun run scale [--phones N] [--database URL]

  --phones N      numbers, each with one registered phone (default 100000)
  --database URL  an empty one (default: an SQLite file of its own)
`
const MAIN = resolve(import.meta.dir, '../../src/main.ts')
const COMMAND_MS = 600_000
const PHONES = 100_000
const FIRST_NUMBER = 100_000
const CHANGES_PER_COMMIT = 500
const STARTS = 3
/** What is left over from reading the database is given back by then. */
const SETTLED_MS = 30_000

const clock = new SystemClock((error) => {
  throw error
})

function say(what: string, value: number, unit: string): void {
  process.stdout.write(`${what.padEnd(44)}${Math.round(value).toString().padStart(8)} ${unit}\n`)
}

async function importNumbers(folder: string, url: string, phones: number): Promise<void> {
  const lines = Array.from({ length: phones }, (_, n) => `${FIRST_NUMBER + n},password${n},"Number, ${n}"`)
  await Bun.write(join(folder, 'numbers.csv'), `number,password,name\n${lines.join('\n')}\n`)
  const began_ms = clock.monotonic()
  const command = [process.execPath, MAIN, 'import', 'numbers.csv', '--json', '--database', url]
  const program = new Program(command, { folder, environment: { SIPWITCHES_DOMAIN: 'example.com' } })
  if ((await program.exited(COMMAND_MS)) !== 0) throw new Error(program.output)
  say('import', clock.monotonic() - began_ms, 'ms')
}

/** Starts the real server; answers with the time to `ready` and its resident memory after a while. */
async function startOnce(folder: string, url: string, settled_ms: number) {
  const began_ms = clock.monotonic()
  const words = ['start', '--database', url, '--listen', 'udp://127.0.0.1:0', '--http', '127.0.0.1:0']
  const program = new Program([process.execPath, MAIN, ...words, '--log', 'error'], { folder })
  const [, http] = await program.prints(/^http (\S+)[\s\S]*^ready$/m, COMMAND_MS)
  const ready_ms = clock.monotonic() - began_ms
  await new Promise<void>((resolve) => clock.after(settled_ms, { onTimer: () => resolve() }, 0))
  const metrics = await (await fetch(`${http}/metrics`)).text()
  program.signal('SIGTERM')
  await program.exited(COMMAND_MS)
  return { ready_ms, resident_bytes: Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]) }
}

/** Such as a desk phone sends them. */
function bindingOf(extensionId: number): BindingRecord {
  const now = clock.now()
  const host = `10.${(extensionId >> 16) & 255}.${(extensionId >> 8) & 255}.${extensionId & 255}`
  return {
    extensionId,
    contact: `sip:${FIRST_NUMBER + extensionId}@${host}:5060;transport=udp`,
    contactKey: `sip:${FIRST_NUMBER + extensionId}@${host}:5060`,
    callId: `${crypto.randomUUID()}@${host}`,
    cseq: 5,
    priority: 1000,
    expiresAt: now + 3_600_000,
    registeredAt: now,
    userAgent: 'Desk phone T46U 108.86.0.45',
    instance: `<urn:uuid:${crypto.randomUUID()}>`,
    path: '',
    source: `udp:${host}:5060`,
    local: 'udp:10.0.0.1:5060',
    natted: extensionId % 4 === 0,
  }
}

async function register(url: string, phones: number): Promise<void> {
  const driver = await openDriver(parseDatabaseUrl(url), { node: 'scale', clock })
  try {
    for (let first = 1; first <= phones; first += CHANGES_PER_COMMIT) {
      const ids = Array.from(
        { length: Math.min(CHANGES_PER_COMMIT, phones - first + 1) },
        (_, n) => first + n,
      )
      await driver.commit(ids.map((id) => ({ kind: 'save' as const, binding: bindingOf(id) })))
    }
  } finally {
    await driver.close()
  }
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
    location.replace(id, [{ ...received(bindingOf(id)), number: String(FIRST_NUMBER + id), flow: null }])
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
  await importNumbers(folder, url, phones)
  const idle = await startOnce(folder, url, SETTLED_MS)
  await register(url, phones)
  const starts = []
  for (let n = 0; n < STARTS; n++) starts.push((await startOnce(folder, url, 0)).ready_ms)
  const settled = await startOnce(folder, url, SETTLED_MS)
  say('start to ready, nobody registered', idle.ready_ms, 'ms')
  say('start to ready, all registered', median(starts), 'ms')
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
