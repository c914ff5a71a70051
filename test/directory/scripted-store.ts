// A store whose answers the test gives, one by one, when it wants to.

import type {
  Boot,
  ConfigProblem,
  DomainRecord,
  ExtensionRecord,
  Store,
  StoreCounts,
} from '../../src/store/store.ts'
import { EMPTY_SPOOL } from '../support/memory-store.ts'

export const DOMAIN: DomainRecord = { id: 1, name: 'example.com', realm: 'example.com', isDefault: true }

export function extension(number: string, changed: Partial<ExtensionRecord> = {}): ExtensionRecord {
  return {
    id: Number(number),
    number,
    domain: 'example.com',
    displayName: '',
    userId: 1,
    userName: number,
    suspended: false,
    maxBindings: null,
    credentials: [],
    ...changed,
  }
}

export class ScriptedStore implements Store {
  /** Look-ups not answered yet, in order. */
  readonly asked: { readonly name: string; readonly answer: PromiseWithResolvers<ExtensionRecord | null> }[] =
    []
  readonly reported: (readonly ConfigProblem[])[] = []
  domainRows: readonly DomainRecord[] = [DOMAIN]
  settingRows: ReadonlyMap<string, string> = new Map()
  /** While set, settings and domains are refused with it. */
  failure: Error | null = null
  settingReads = 0
  spoolLimit_bytes = 0

  findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    const answer = Promise.withResolvers<ExtensionRecord | null>()
    this.asked.push({ name: `${name}@${domain}`, answer })
    return answer.promise
  }

  /** The names of all look-ups under way. */
  get names(): string[] {
    return this.asked.map(({ name }) => name)
  }

  answer(record: ExtensionRecord | null): void {
    this.asked.shift()?.answer.resolve(record)
  }

  refuse(error: Error): void {
    this.asked.shift()?.answer.reject(error)
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    this.settingReads++
    if (this.failure !== null) throw this.failure
    return this.settingRows
  }

  async domains(): Promise<readonly DomainRecord[]> {
    if (this.failure !== null) throw this.failure
    return this.domainRows
  }

  async boot(): Promise<Boot> {
    return {
      domains: this.domainRows,
      settings: this.settingRows,
      bindings: [],
      activeExtensions: [],
      extensionCount: 0,
      from: 'database',
      asOf: 0,
    }
  }

  reportProblems(_table: string, problems: readonly ConfigProblem[]): void {
    this.reported.push(problems)
  }

  limitSpool(bytes: number): void {
    this.spoolLimit_bytes = bytes
  }

  async commit(): Promise<void> {}

  trimCalls(): void {}

  counts(): StoreCounts {
    return {
      queries: 0,
      querySeconds: 0,
      commits: 0,
      commitSeconds: 0,
      changesCommitted: 0,
      failures: 0,
      pendingWrites: 0,
      refusedWrites: 0,
      pendingLookups: this.asked.length,
      databaseUp: true,
      snapshotAsOf: null,
      workerRestarts: 0,
      spool: EMPTY_SPOOL,
      followedAt: 0,
    }
  }

  async close(): Promise<void> {}
}
