// What an operation costs with more and more bindings, and with more and more calls that are up. Flat is the goal.

import { clock, register } from '../scale/phones.ts'
import { Phones } from './generator.ts'
import type { Measurement, Phase } from './load/job.ts'
import type { ScenarioName } from './load/scenario.ts'
import { BenchServer } from './ours.ts'
import type { Stage } from './stage.ts'

export interface ScalePoint {
  /** Bindings, or calls that are up. */
  readonly count: number
  readonly operation: ScenarioName
  readonly cpu_us: number
  readonly rate_per_s: number
  /** Of the event loop, and of the garbage collection: where they are alike, the one is the other's cause. */
  readonly longestStall_ms: number
  readonly longestPause_ms: number
}

const BINDINGS = [1000, 10_000, 100_000, 1_000_000]
const CALLS = [100, 1000, 10_000, 50_000]
/** Of the accounts, those whose phones are there; the bindings of all others are in the database from before. */
const PHONES_MAX = 10_000
const CALLING_ACCOUNTS = 10_000
const OUTSTANDING = 32
const PHASES: readonly Phase[] = [{ rate: 'highest', warmUp_ms: 5000, measure_ms: 5000 }]

export class Scale {
  readonly #stage: Stage
  readonly #most: number
  readonly #progress: (line: string) => void
  /** A sentence for each size that could not be measured. */
  readonly problems: string[] = []

  constructor(stage: Stage, most: number, progress: (line: string) => void) {
    this.#stage = stage
    this.#most = most
    this.#progress = progress
  }

  async bindings(): Promise<readonly ScalePoint[]> {
    const points: ScalePoint[] = []
    for (const count of BINDINGS.filter((count) => count <= this.#most)) {
      this.#progress(`${count} bindings: writing them`)
      const accounts = Math.min(count, PHONES_MAX)
      const server = new ScaleServer(count, accounts)
      await this.#with(`${count} bindings`, server, async (phones) => {
        for (const operation of ['refresh', 'message'] as const) {
          points.push(await this.#measure(server, phones, { operation, count, accounts, held: 0 }))
        }
      })
    }
    clock.close()
    return points
  }

  async calls(): Promise<readonly ScalePoint[]> {
    const points: ScalePoint[] = []
    for (const count of CALLS.filter((count) => count <= this.#most)) {
      this.#progress(`${count} calls: beginning them`)
      const server = new BenchServer({ accounts: CALLING_ACCOUNTS, durable: false, tellsPauses: true })
      await this.#with(`${count} calls`, server, async (phones) => {
        const order = { operation: 'call-held', count, accounts: CALLING_ACCOUNTS, held: count } as const
        points.push(await this.#measure(server, phones, order))
      })
    }
    return points
  }

  /** A size that the server does not bear is told, and the others are measured all the same. */
  async #with(size: string, server: BenchServer, act: (phones: Phones) => Promise<void>): Promise<void> {
    try {
      await this.#stage.with(server, () => act(new Phones(this.#stage, server)))
    } catch (problem) {
      if (this.#stage.closed) throw problem
      const [why = ''] = String(problem instanceof Error ? problem.message : problem)
        .trimEnd()
        .split('\n')
        .slice(-1)
      this.#progress(`${size}: not measured\n${problem}`)
      this.problems.push(`${size}: not measured. ${why}`)
    }
  }

  async #measure(
    server: BenchServer,
    phones: Phones,
    order: {
      readonly operation: ScenarioName
      readonly count: number
      readonly accounts: number
      readonly held: number
    },
  ): Promise<ScalePoint> {
    const { operation, count, accounts, held } = order
    await server.longestStall_ms()
    server.longestPause_ms()
    const [measured] = await phones.run({
      scenario: operation,
      accounts,
      held,
      outstanding: OUTSTANDING,
      phases: PHASES,
    })
    if (measured === undefined || measured.done === 0 || measured.failed > 0)
      throw new Error(`${operation} with ${count}: ${JSON.stringify(measured)}`)
    const point = {
      ...pointOf(operation, count, measured),
      longestStall_ms: await server.longestStall_ms(),
      longestPause_ms: server.longestPause_ms(),
    }
    this.#progress(
      `${count} ${operation}: ${point.cpu_us.toFixed(1)} us, ${Math.round(point.rate_per_s)}/s, ` +
        `longest stall ${point.longestStall_ms.toFixed(0)} ms, longest pause of the garbage collection ` +
        `${point.longestPause_ms.toFixed(0)} ms, ${measured.late} late`,
    )
    return point
  }
}

function pointOf(operation: ScenarioName, count: number, { cpu_us, done, elapsed_ms }: Measurement) {
  return { count, operation, cpu_us, rate_per_s: (done / elapsed_ms) * 1000 }
}

/** With the bindings of phones that are elsewhere in its database. */
class ScaleServer extends BenchServer {
  readonly #bindings: number
  readonly #phones: number

  constructor(bindings: number, phones: number) {
    super({ accounts: bindings, durable: true, tellsPauses: true })
    this.#bindings = bindings
    this.#phones = phones
  }

  override async prepare(): Promise<void> {
    await super.prepare()
    await register(this.databaseUrl, this.#bindings, this.#phones + 1)
  }
}
