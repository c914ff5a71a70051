// The same call, made by SIPp: a generator that is not ours, at a rate that leaves both servers room.

import { resolve } from 'node:path'
import { freePort } from '../support/port.ts'
import { startSipp } from '../support/sipp.ts'
import type { Phones } from './generator.ts'
import { cpu_us } from './load/cpu.ts'
import type { Pace } from './pace.ts'
import type { Stage } from './stage.ts'
import { type BenchSubject, FIRST_NUMBER } from './subject.ts'
import { NOTHING_TAKEN, type Taken } from './taken.ts'

const SCENARIOS = resolve(import.meta.dir, 'scenario')
const CALLS_PER_S = 500
const WITHIN_MS = 60_000
const HOST = '127.0.0.1'

export async function sippCalls(
  stage: Stage,
  subject: BenchSubject,
  phones: Phones,
  { sippCalls: calls, accounts, warmUp_ms }: Pace,
): Promise<Taken> {
  await phones.run({
    scenario: 'call',
    accounts,
    phases: [{ rate: 'highest', warmUp_ms: 0, measure_ms: warmUp_ms }],
  })
  await phones.register(FIRST_NUMBER, 1)
  const common = { folder: subject.folder, calls, within_ms: WITHIN_MS }
  const answering = await startSipp({
    ...common,
    scenario: 'answer',
    local: phones.firstAddress,
    pause_ms: 0,
  })
  stage.takes(answering)
  const before_us = cpu_us(subject.pids())
  const calling = await startSipp({
    ...common,
    scenario: 'call',
    scenarios: SCENARIOS,
    local: { host: HOST, port: await freePort() },
    server: subject.udp,
    callsPerSecond: CALLS_PER_S,
    users: [[String(FIRST_NUMBER)]],
  })
  stage.takes(calling)
  await calling.succeeded()
  const used_us = cpu_us(subject.pids()) - before_us
  await answering.succeeded()
  for (const sipp of [answering, calling]) stage.leaves(sipp)
  return { ...NOTHING_TAKEN, cost: used_us / calls }
}
