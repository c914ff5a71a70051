// The load generator, a process of its own so that it has a core of its own: takes a job as JSON, prints what came of it.

import { cpu_us } from './cpu.ts'
import type { HostPort } from '../../support/server-process.ts'
import { passes } from '../../support/deadline.ts'
import { type LineGroup, openTcpLines, openUdpLines } from './line.ts'
import { Load, type Tally } from './load.ts'
import { Account, type ScenarioName, scenarioOf } from './scenario.ts'
import { clock } from './time.ts'

export interface Job {
  readonly scenario: ScenarioName
  readonly server: HostPort
  readonly firstNumber: number
  readonly accounts: number
  /** Conversations at once. */
  readonly outstanding: number
  /** Begun in a second, evenly; 0 for a new one as soon as one is over. */
  readonly rate_per_s: number
  readonly warmUp_ms: number
  readonly measure_ms: number
  /** Processes whose CPU time is measured. */
  readonly pids: readonly number[]
}

export interface Result extends Tally {
  /** Of the server, for each conversation that was done. */
  readonly cpu_us: number
  /** Part of one core that the server had. */
  readonly load: number
  /** The same of this generator: near 1 it is what limits the rate. */
  readonly generatorLoad: number
  readonly lastFailure: string
}

/** Sources of a server's own accounting by address: phones are not all on one. */
const HOSTS = Array.from({ length: 8 }, (_, n) => `127.0.0.${n + 11}`)

async function measure(job: Job): Promise<Result> {
  const groups: LineGroup[] = []
  let current: Load | null = null
  const onMessage: Load['onMessage'] = (text, line) => current?.onMessage(text, line)
  const udp = await openUdpLines(HOSTS, job.server, onMessage)
  groups.push(udp)
  let lines = udp.lines
  if (job.scenario === 'register-tcp') {
    const tcp = await openTcpLines(HOSTS, job.outstanding, job.server, onMessage)
    groups.push(tcp)
    lines = tcp.lines
  }
  const accounts = Array.from({ length: job.accounts }, (_, n) => {
    const number = String(job.firstNumber + n)
    return new Account(number, `secret-${number}`, lines[n % lines.length]!)
  })
  const prepared = preparedAccounts(job.scenario, accounts)
  if (prepared.length > 0) {
    const registering = new Load(scenarioOf('register'), prepared, [], job.outstanding)
    current = registering
    await registering.run(prepared.length)
    const { failed, late } = registering.tally()
    if (failed + late > 0) throw new Error(`${failed} refused, ${late} late\n${registering.lastFailure}`)
  }
  const peers = isToPeer(job.scenario) ? prepared : []
  const load = new Load(scenarioOf(job.scenario), accounts, peers, job.outstanding)
  current = load
  if (job.rate_per_s === 0) load.startClosed()
  else load.startOpen(job.rate_per_s)
  await passes(job.warmUp_ms)
  load.reset()
  const before_us = cpu_us(job.pids)
  const own_us = cpu_us([process.pid])
  await passes(job.measure_ms)
  const used_us = cpu_us(job.pids) - before_us
  const ownUsed_us = cpu_us([process.pid]) - own_us
  const tally = load.tally()
  load.stop()
  for (const group of groups) group.close()
  return {
    ...tally,
    cpu_us: used_us / tally.done,
    load: used_us / 1000 / tally.elapsed_ms,
    generatorLoad: ownUsed_us / 1000 / tally.elapsed_ms,
    lastFailure: load.lastFailure,
  }
}

/** Those whose phones must be registered before. */
function preparedAccounts(scenario: ScenarioName, accounts: readonly Account[]): readonly Account[] {
  return scenario === 'options' ? [] : accounts
}

function isToPeer(scenario: ScenarioName): boolean {
  return scenario !== 'options' && scenario !== 'refresh' && !scenario.startsWith('register')
}

const [job = '{}'] = process.argv.slice(2)
const result = await measure(JSON.parse(job))
process.stdout.write(`${JSON.stringify(result)}\n`)
clock.close()
process.exit(0)
