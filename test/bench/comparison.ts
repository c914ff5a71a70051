// Both servers, one after the other, round by round: who comes first takes turns.

import { Phones } from './generator.ts'
import { BenchKamailio } from './kamailio.ts'
import { memory } from './memory.ts'
import { BenchServer } from './ours.ts'
import type { Pace } from './pace.ts'
import type { Row } from './row.ts'
import { sippCalls } from './sipp-calls.ts'
import type { Stage } from './stage.ts'
import { storm } from './storm.ts'
import type { BenchSubject } from './subject.ts'
import type { Taken } from './taken.ts'

const SIDES = ['kamailio', 'ours'] as const
export type Side = (typeof SIDES)[number]

/** One for each round. */
export type Rounds = Readonly<Record<Side, readonly Taken[]>>

const OUTSTANDING = 64
const KAMAILIO_MEMORY_MB = 512
/** It commits each registration by itself: what waits behind so many others is late. */
const OUTSTANDING_KAMAILIO_DURABLE = 16

export class Comparison {
  readonly #stage: Stage
  readonly #pace: Pace
  readonly #rows: readonly Row[]
  readonly #progress: (line: string) => void
  readonly #taken = new Map<string, Record<Side, Taken[]>>()
  /** What a server could not stand in one round is not tried in the next. */
  readonly #outstanding = new Map<string, number>()
  #done = 0

  constructor(stage: Stage, rows: readonly Row[], pace: Pace, progress: (line: string) => void) {
    this.#stage = stage
    this.#rows = rows
    this.#pace = pace
    this.#progress = progress
    for (const { name } of rows) this.#taken.set(name, { kamailio: [], ours: [] })
  }

  async run(): Promise<ReadonlyMap<string, Rounds>> {
    const { rounds } = this.#pace
    for (let round = 1; round <= rounds; round++) {
      const order = round % 2 === 1 ? SIDES : SIDES.toReversed()
      for (const sitting of this.#sittings()) {
        for (const side of order) await this.#sit(side, sitting, round)
      }
    }
    return this.#taken
  }

  /** Rows that are measured at one start of a server. */
  #sittings(): readonly (readonly Row[])[] {
    if (this.#pace.freshForEachRow) return this.#rows.map((row) => [row])
    const isMemory = ({ measured }: Row) => measured === 'memory'
    const rest = this.#rows.filter((row) => !isMemory(row))
    return [
      rest.filter(({ durable }) => !durable),
      rest.filter(({ durable }) => durable),
      this.#rows.filter(isMemory),
    ].filter(({ length }) => length > 0)
  }

  async #sit(side: Side, rows: readonly Row[], round: number): Promise<void> {
    const [first] = rows
    if (first === undefined) return
    const largest = rows.find(({ measured }) => keepsTransactions(measured)) ?? first
    await this.#stage.with(this.#subject(side, largest), async (subject) => {
      const phones = new Phones(this.#stage, subject)
      for (const row of rows) {
        const taken = await this.#measure(side, subject, phones, row)
        this.#taken.get(row.name)?.[side].push(taken)
        this.#tell(side, row, round, taken)
      }
    })
  }

  #subject(side: Side, { durable, measured }: Row): BenchSubject {
    const accounts = measured === 'memory' ? this.#pace.bindings : this.#accounts(durable)
    if (side === 'ours') return new BenchServer({ accounts, durable })
    const memory_MB = keepsTransactions(measured) ? this.#pace.kamailioMemory_MB : KAMAILIO_MEMORY_MB
    return new BenchKamailio({ accounts, durable, computedPasswords: measured === 'memory', memory_MB })
  }

  #accounts(durable: boolean): number {
    return durable ? this.#pace.durableAccounts : this.#pace.accounts
  }

  async #measure(side: Side, subject: BenchSubject, phones: Phones, row: Row): Promise<Taken> {
    const { measured, durable, name } = row
    try {
      if (measured === 'memory') return await memory(subject, phones, this.#pace)
      if (measured === 'sipp') return await sippCalls(this.#stage, subject, phones, this.#pace)
      const key = `${side} ${name}`
      const outstanding = this.#outstanding.get(key) ?? firstOutstanding(side, row)
      const order = { scenario: measured, accounts: this.#accounts(durable), outstanding }
      const taken = await storm(subject, phones, order, this.#pace)
      this.#outstanding.set(key, taken.outstanding ?? outstanding)
      return taken
    } catch (problem) {
      throw new Error(`${name} at ${side}: ${problem instanceof Error ? problem.message : problem}`, {
        cause: problem,
      })
    }
  }

  #tell(side: Side, { name, measured }: Row, round: number, { cost, rate_per_s }: Taken): void {
    this.#done++
    const all = this.#rows.length * SIDES.length * this.#pace.rounds
    const unit = measured === 'memory' ? 'bytes' : 'us'
    const rate = rate_per_s === null ? '' : `, ${Math.round(rate_per_s)}/s`
    this.#progress(`${this.#done}/${all} round ${round} ${side} ${name}: ${cost.toFixed(1)} ${unit}${rate}`)
  }
}

/** Answers of its own need none; what it forwards does. */
function keepsTransactions(measured: Row['measured']): boolean {
  return measured === 'sipp' || measured.startsWith('call') || measured.startsWith('message')
}

function firstOutstanding(side: Side, { durable, measured }: Row): number {
  return side === 'kamailio' && durable && !keepsTransactions(measured)
    ? OUTSTANDING_KAMAILIO_DURABLE
    : OUTSTANDING
}
