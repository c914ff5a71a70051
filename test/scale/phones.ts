// Very many phones: their numbers imported, their bindings in the database, the real server started on them.

import { join, resolve } from 'node:path'
import { SystemClock } from '../../src/clock.ts'
import { parseDatabaseUrl } from '../../src/config.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import type { BindingRecord } from '../../src/store/store.ts'
import { Program } from '../support/program.ts'

export const PHONES = 100_000
export const FIRST_NUMBER = 100_000
const MAIN = resolve(import.meta.dir, '../../src/main.ts')
const COMMAND_MS = 600_000
const CHANGES_PER_COMMIT = 500

export const clock = new SystemClock((error) => {
  throw error
})

export interface Taken {
  readonly wall_ms: number
  /** Of the program, all its threads. */
  readonly cpu_ms: number
}

export async function importNumbers(folder: string, url: string, phones: number): Promise<Taken> {
  const lines = Array.from({ length: phones }, (_, n) => `${FIRST_NUMBER + n},password${n},"Number, ${n}"`)
  await Bun.write(join(folder, 'numbers.csv'), `number,password,name\n${lines.join('\n')}\n`)
  const began_ms = clock.monotonic()
  const command = [process.execPath, MAIN, 'import', 'numbers.csv', '--json', '--database', url]
  const program = new Program(command, { folder, environment: { SIPWITCHES_DOMAIN: 'example.com' } })
  if ((await program.exited(COMMAND_MS)) !== 0) throw new Error(program.output)
  return { wall_ms: clock.monotonic() - began_ms, cpu_ms: program.cpu_ms }
}

/** Starts the real server; answers with the time to `ready` and its resident memory after a while. */
export async function startOnce(folder: string, url: string, settled_ms: number) {
  const began_ms = clock.monotonic()
  const words = ['start', '--database', url, '--listen', 'udp://127.0.0.1:0', '--http', '127.0.0.1:0']
  const program = new Program([process.execPath, MAIN, ...words, '--log', 'error'], { folder })
  const [, http] = await program.prints(/^http (\S+)[\s\S]*^ready$/m, COMMAND_MS)
  const wall_ms = clock.monotonic() - began_ms
  const cpu_ms = 1000 * metricOf(await metricsAt(http), 'process_cpu_seconds_total')
  await new Promise<void>((resolve) => clock.after(settled_ms, { onTimer: () => resolve() }, 0))
  const resident_bytes = metricOf(await metricsAt(http), 'process_resident_memory_bytes')
  program.signal('SIGTERM')
  await program.exited(COMMAND_MS)
  return { wall_ms, cpu_ms, resident_bytes }
}

async function metricsAt(http: string | undefined): Promise<string> {
  return (await fetch(`${http}/metrics`)).text()
}

function metricOf(metrics: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1])
}

/** Such as a desk phone sends them. */
export function bindingOf(extensionId: number): BindingRecord {
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

/** All of them, or those from the one with this id on. */
export async function register(url: string, phones: number, from = 1): Promise<void> {
  const driver = await openDriver(parseDatabaseUrl(url), { node: 'scale', clock })
  try {
    for (let first = from; first <= phones; first += CHANGES_PER_COMMIT) {
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
