// The load generator, a process of its own so that it has a core of its own: takes a job as JSON, prints what came of
// each of its phases.

import { passes } from '../../support/deadline.ts'
import { cpu_us, processTree } from './cpu.ts'
import { HOSTS, type Job, type Measurement, type Phase } from './job.ts'
import { openTcpLines, openUdpLines } from './line.ts'
import { Load } from './load.ts'
import { type ScenarioName, scenarioOf } from './scenario.ts'
import { Account, type Scenario } from './slot.ts'
import { clock } from './time.ts'

const CONNECTIONS = 64
/** Before anything is measured, nobody is in a hurry. */
const PREPARING_PATIENCE_MS = 10_000
/** At a fixed rate, those that are slow hold up no other. */
const OPEN_LOOP_OUTSTANDING_MAX = 4096

class Generator {
  readonly #job: Job
  #current: Load | null = null
  #accounts: readonly Account[] = []
  #peers: readonly Account[] = []

  constructor(job: Job) {
    this.#job = job
  }

  async run(): Promise<readonly Measurement[]> {
    const job = this.#job
    const onMessage: Load['onMessage'] = (text, line) => this.#current?.onMessage(text, line)
    const group =
      job.scenario === 'register-tcp'
        ? await openTcpLines(HOSTS, CONNECTIONS, job.server, onMessage)
        : await openUdpLines(HOSTS, job.localPort, job.server, onMessage)
    const { lines } = group
    this.#accounts = Array.from({ length: job.accounts }, (_, n) => {
      const number = String(job.firstNumber + n)
      return new Account(number, `secret-${number}`, lines[n % lines.length]!)
    })
    const prepared = preparedAccounts(job.scenario, this.#accounts)
    await this.#register(prepared)
    if (isToPeer(job.scenario)) this.#peers = prepared
    const measurements = await this.#measureAll()
    group.close()
    return measurements
  }

  async #register(accounts: readonly Account[]): Promise<void> {
    if (accounts.length === 0) return
    await this.#runAll(scenarioOf('register', 0), accounts, accounts.length)
  }

  async #runAll(scenario: Scenario, accounts: readonly Account[], count: number): Promise<void> {
    const { outstanding } = this.#job
    const load = new Load(scenario, accounts, this.#peers, outstanding, PREPARING_PATIENCE_MS)
    this.#current = load
    await load.run(count)
    const { failed, late } = load.tally()
    if (failed + late > 0) throw new Error(`${failed} refused, ${late} late\n${load.lastFailure}`)
  }

  async #measureAll(): Promise<readonly Measurement[]> {
    const { scenario, outstanding, held, phases } = this.#job
    const conversation = scenarioOf(scenario, held)
    if (held > 0) await this.#runAll(conversation, this.#accounts, held)
    const measurements: Measurement[] = []
    let highest_per_s = 0
    for (const phase of phases) {
      const { rate } = phase
      const slots = rate === 'highest' ? outstanding : openLoopSlots(this.#accounts.length)
      const load = new Load(conversation, this.#accounts, this.#peers, slots)
      this.#current = load
      if (rate === 'highest') load.startClosed()
      else load.startOpen(rate === 'half' ? highest_per_s / 2 : rate)
      const measured = await this.#measure(load, phase)
      measurements.push(measured)
      await load.drained()
      const { done, elapsed_ms } = measured
      if (done === 0) break
      if (rate === 'highest') highest_per_s = (done / elapsed_ms) * 1000
    }
    return measurements
  }

  async #measure(load: Load, { warmUp_ms, measure_ms }: Phase): Promise<Measurement> {
    await passes(warmUp_ms)
    const pids = processTree(this.#job.pid)
    load.reset()
    const before_us = cpu_us(pids)
    const own_us = cpu_us([process.pid])
    await passes(measure_ms)
    const used_us = cpu_us(pids) - before_us
    const ownUsed_us = cpu_us([process.pid]) - own_us
    const tally = load.tally()
    load.stop()
    return {
      ...tally,
      cpu_us: used_us / tally.done,
      load: used_us / 1000 / tally.elapsed_ms,
      generatorLoad: ownUsed_us / 1000 / tally.elapsed_ms,
      lastFailure: load.lastFailure,
    }
  }
}

/** Phones that are known: no server looks an account up for the first time while it is measured. */
function preparedAccounts(scenario: ScenarioName, accounts: readonly Account[]): readonly Account[] {
  return scenario === 'options' ? [] : accounts
}

function isToPeer(scenario: ScenarioName): boolean {
  return scenario.startsWith('message') || scenario.startsWith('call')
}

/** An account has one conversation at a time. */
function openLoopSlots(accounts: number): number {
  return Math.min(OPEN_LOOP_OUTSTANDING_MAX, accounts >> 1)
}

const [job = ''] = process.argv.slice(2)
const measurements = await new Generator(JSON.parse(job)).run()
process.stdout.write(`${JSON.stringify(measurements)}\n`)
clock.close()
process.exit(0)
