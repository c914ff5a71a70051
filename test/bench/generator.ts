// Runs the load generator on its core, against a subject on the other.

import { resolve } from 'node:path'
import { freePort } from '../support/port.ts'
import { Program } from '../support/program.ts'
import type { HostPort } from '../support/server-process.ts'
import { HOSTS, type Job, type Measurement } from './load/job.ts'
import type { Stage } from './stage.ts'
import { type BenchSubject, FIRST_NUMBER, LOAD_CORE, onCore } from './subject.ts'

const MAIN = resolve(import.meta.dir, 'load/main.ts')
const SPARE_MS = 60_000
/** A database that commits each registration by itself does no more than a hundred in a second. */
const REGISTRATION_MS = 20
const HELD_CALL_MS = 5

export type Order = Partial<Job> & Pick<Job, 'scenario' | 'accounts' | 'phases'>

/** The phones of one subject: they come back from the port that they had. */
export class Phones {
  readonly #stage: Stage
  readonly #subject: BenchSubject
  #localPort = 0

  constructor(stage: Stage, subject: BenchSubject) {
    this.#stage = stage
    this.#subject = subject
  }

  /** Where the first of them is. */
  get firstAddress(): HostPort {
    return { host: HOSTS[0]!, port: this.#localPort }
  }

  async run(order: Order): Promise<readonly Measurement[]> {
    const { udp, tcp } = this.#subject
    if (this.#localPort === 0) this.#localPort = await freePort()
    const job: Job = {
      server: order.scenario === 'register-tcp' ? tcp : udp,
      localPort: this.#localPort,
      firstNumber: FIRST_NUMBER,
      outstanding: 64,
      held: 0,
      pid: this.#subject.pid,
      ...order,
    }
    const command = onCore(LOAD_CORE, [process.execPath, MAIN, JSON.stringify(job)])
    const program = this.#stage.takes(new Program(command, { folder: this.#subject.folder }))
    try {
      const code = await program.exited(longest_ms(job))
      if (code !== 0) throw new Error(`the load generator ended with ${code}\n${program.output}`)
      return JSON.parse(program.output.trim().split('\n').at(-1) ?? '')
    } finally {
      this.#stage.leaves(program)
    }
  }

  /** Registers so many phones, and that is all. */
  async register(firstNumber: number, accounts: number): Promise<void> {
    await this.run({ scenario: 'refresh', firstNumber, accounts, phases: [] })
  }
}

function longest_ms({ accounts, held, phases }: Job): number {
  const measuring_ms = phases.reduce((sum, { warmUp_ms, measure_ms }) => sum + warmUp_ms + measure_ms, 0)
  return SPARE_MS + measuring_ms + accounts * REGISTRATION_MS + held * HELD_CALL_MS
}
