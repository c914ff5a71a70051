// A real driver whose calls fail, hang or wait to order: a database that goes away and comes back.

import { DatabaseProblem, type Driver, type JournalReading } from '../../src/store/driver.ts'
import type { RowProblem } from '../../src/store/problems.ts'
import type { Change, ConfigProblem, Contents, DomainRecord, ExtensionRecord } from '../../src/store/store.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

/**
 * `away`: refused at once. `frozen`: no answer, nothing done. `deaf`: writes are done, and no answer comes. `locked`
 * and `full`: reads go on. `slow`: as usual, after slow_ms.
 */
export type DriverFault = 'away' | 'frozen' | 'deaf' | 'locked' | 'full' | 'slow'

/** What the drivers of one database meet, whoever opens them and however often. */
export class Faults {
  now: DriverFault | null = null
  slow_ms = 0
  /** Calls of each kind that reached the database. */
  commits = 0
  finds = 0
}

export class FaultyDriver implements Driver {
  readonly #driver: Driver
  readonly #faults: Faults
  readonly #clock: VirtualClock

  private constructor(driver: Driver, faults: Faults, clock: VirtualClock) {
    this.#driver = driver
    this.#faults = faults
    this.#clock = clock
  }

  static async open(open: () => Driver, faults: Faults, clock: VirtualClock): Promise<Driver> {
    if (faults.now === 'away') throw new DatabaseProblem('away', 'The database is away, as ordered.')
    if (faults.now === 'frozen' || faults.now === 'deaf') return new Promise(() => {})
    return new FaultyDriver(open(), faults, clock)
  }

  get warnings(): readonly string[] {
    return this.#driver.warnings
  }

  findProblems(pause: () => Promise<void>): Promise<readonly RowProblem[]> {
    return this.#read(() => this.#driver.findProblems(pause))
  }

  boot(): Promise<Contents> {
    return this.#read(() => this.#driver.boot())
  }

  settings(): Promise<ReadonlyMap<string, string>> {
    return this.#read(() => this.#driver.settings())
  }

  domains(): Promise<readonly DomainRecord[]> {
    return this.#read(() => this.#driver.domains())
  }

  findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    this.#faults.finds++
    return this.#read(() => this.#driver.findExtension(domain, name))
  }

  extensionsById(ids: readonly number[]): Promise<readonly ExtensionRecord[]> {
    return this.#read(() => this.#driver.extensionsById(ids))
  }

  commit(changes: readonly Change[]): Promise<void> {
    this.#faults.commits++
    return this.#write(() => this.#driver.commit(changes))
  }

  reportProblems(table: string, problems: readonly ConfigProblem[]): Promise<void> {
    return this.#write(() => this.#driver.reportProblems(table, problems))
  }

  probe(): Promise<void> {
    return this.#write(() => this.#driver.probe())
  }

  startJournal(): Promise<void> {
    return this.#read(() => this.#driver.startJournal())
  }

  readJournal(): Promise<JournalReading> {
    return this.#read(() => this.#driver.readJournal())
  }

  trimJournal(): Promise<void> {
    return this.#write(() => this.#driver.trimJournal())
  }

  trimCalls(before: number, limit: number): Promise<void> {
    return this.#write(() => this.#driver.trimCalls(before, limit))
  }

  close(): Promise<void> {
    return this.#driver.close()
  }

  async #read<Result>(work: () => Promise<Result>): Promise<Result> {
    const fault = this.#faults.now
    if (fault === 'away') throw new DatabaseProblem('away', 'The database is away, as ordered.')
    if (fault === 'frozen' || fault === 'deaf') return new Promise(() => {})
    if (fault === 'slow') await this.#passes(this.#faults.slow_ms)
    return work()
  }

  async #write(work: () => Promise<void>): Promise<void> {
    const fault = this.#faults.now
    if (fault === 'locked') throw new DatabaseProblem('busy', 'The database is locked, as ordered.')
    if (fault === 'full') throw new DatabaseProblem('full', 'The disk is full, as ordered.')
    if (fault === 'deaf') await work()
    await this.#read(work)
  }

  #passes(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, { onTimer: () => resolve() }, 0))
  }
}
