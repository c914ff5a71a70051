// Memory for each binding: what a server has grown by, after very many phones have registered once.

import { readFileSync } from 'node:fs'
import { passes } from '../support/deadline.ts'
import type { Phones } from './generator.ts'
import { BenchKamailio } from './kamailio.ts'
import type { Pace } from './pace.ts'
import { type BenchSubject, FIRST_NUMBER } from './subject.ts'
import { NOTHING_TAKEN, type Taken } from './taken.ts'

/** Of the bindings, those before the first look: what is made once is not counted. */
const FIRST_SHARE = 0.1
const LOOK_EVERY_MS = 1000
/** So many looks without a fall, and it has settled. */
const LOOKS_ALIKE = 4
const FALL = 0.995

export async function memory(subject: BenchSubject, phones: Phones, pace: Pace): Promise<Taken> {
  const { bindings, settling_ms } = pace
  const first = Math.ceil(bindings * FIRST_SHARE)
  await phones.register(FIRST_NUMBER, first)
  const before_bytes = await used_bytes(subject, settling_ms)
  await phones.register(FIRST_NUMBER + first, bindings - first)
  const grown_bytes = (await used_bytes(subject, settling_ms)) - before_bytes
  return { ...NOTHING_TAKEN, cost: grown_bytes / (bindings - first) }
}

/**
 * Ours asks the system for memory as it is needed. Kamailio has all that its processes share from the start, and keeps
 * account of what is in use; what each has for itself is as with ours.
 */
async function used_bytes(subject: BenchSubject, settling_ms: number): Promise<number> {
  const shared_bytes = subject instanceof BenchKamailio ? await subject.sharedMemory_bytes() : 0
  return shared_bytes + (await settled_bytes(subject, settling_ms))
}

async function settled_bytes(subject: BenchSubject, settling_ms: number): Promise<number> {
  let least = private_bytes(subject.pids())
  let alike = 0
  for (let passed_ms = 0; alike < LOOKS_ALIKE && passed_ms < settling_ms; passed_ms += LOOK_EVERY_MS) {
    await passes(LOOK_EVERY_MS)
    const now = private_bytes(subject.pids())
    alike = now < least * FALL ? 0 : alike + 1
    least = Math.min(least, now)
  }
  return least
}

/** Resident, and not shared. */
function private_bytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return sum + Number(kilobytes) * 1024
  }, 0)
}
