// The database of the in-memory tests: rows in maps, answers after a virtual time, and failures to order.

import { createHash } from 'node:crypto'
import type { Clock } from '../../src/clock.ts'
import { LIMITS } from '../../src/config.ts'
import {
  type Algorithm,
  type BindingRecord,
  type Boot,
  type CallRecord,
  type Change,
  type ConfigProblem,
  type DomainRecord,
  type ExtensionRecord,
  type Invalidation,
  type SightingChange,
  type SpoolCounts,
  type Store,
  type StoreCounts,
  type StoreListener,
  StoreUnavailable,
} from '../../src/store/store.ts'

export const EMPTY_SPOOL: SpoolCounts = {
  rows: 0,
  bytes: 0,
  oldestSince: null,
  spooled: 0,
  drained: 0,
  dropped: 0,
  refused: 0,
}

export const DOMAIN: DomainRecord = {
  id: 1,
  name: 'office.example',
  realm: 'office.example',
  isDefault: true,
}

const HASHES = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' } as const

export function passwordOf(number: string): string {
  return `secret-${number}`
}

/** By node:crypto, so that a wrong HA1 of ours would show. */
function credentialsOf(number: string, algorithms: readonly Algorithm[]) {
  return algorithms.map((algorithm) => ({
    username: number,
    realm: DOMAIN.realm,
    algorithm,
    ha1: createHash(HASHES[algorithm])
      .update(`${number}:${DOMAIN.realm}:${passwordOf(number)}`)
      .digest('hex'),
  }))
}

export type StoreCall = 'find' | 'commit' | 'settings' | 'domains'

/**
 * `fails`: refused at once. `hangs`: no answer, so that the store gives up after its own limit. `breaks`: an error that
 * the Store interface does not allow, as a defect of ours would be.
 */
export type Fault = 'fails' | 'hangs' | 'breaks'

const LIMIT_ms: Readonly<Record<StoreCall, number>> = {
  find: LIMITS.directoryLookup_ms,
  commit: LIMITS.storeCommit_ms,
  settings: LIMITS.storeQuery_ms,
  domains: LIMITS.storeQuery_ms,
}

/** What outlives a restart of the server. Whoever changes a row here is a foreign client: the open store tells it. */
export class MemoryDatabase {
  readonly #clock: Clock
  readonly extensions = new Map<string, ExtensionRecord>()
  readonly devices = new Map<string, SightingChange>()
  readonly calls = new Map<string, CallRecord>()
  readonly #bindings = new Map<string, BindingRecord>()
  readonly #settings = new Map<string, string>()
  #lastId = 0
  readonly #stores = new Set<MemoryStore>()
  readonly #faults: { readonly call: StoreCall; readonly fault: Fault; calls: number }[] = []
  /** The only one. */
  domain = DOMAIN
  /** How long each answer and each commit takes. */
  answer_ms = 0
  commit_ms = 0
  spoolLimit_bytes = 0
  /** What the open store says of its spool. */
  spool: SpoolCounts = EMPTY_SPOOL
  /** While set, every call meets it. */
  fault: Fault | null = null
  readonly problems = new Map<string, readonly ConfigProblem[]>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** An extension whose digest user name is its number and whose password is `passwordOf` it. */
  add(
    number: string,
    changed: Partial<ExtensionRecord> = {},
    algorithms: readonly Algorithm[] = ['SHA-256', 'MD5', 'SHA-512-256'],
  ): void {
    const old = this.extensions.get(number)
    const id = old?.id ?? ++this.#lastId
    this.extensions.set(number, {
      id,
      number,
      domain: DOMAIN.name,
      displayName: `Extension ${number}`,
      userId: id,
      userName: `user${number}`,
      suspended: false,
      maxBindings: null,
      credentials: credentialsOf(number, algorithms),
      ...changed,
    })
    this.#tellOf(number, old?.userName, this.extensions.get(number)?.userName)
  }

  /** Of the same row, so that its bindings stay its own. */
  renumber(number: string, to: string): void {
    const record = this.extensions.get(number)
    if (record === undefined) throw new Error(`nobody has ${number}`)
    this.extensions.delete(number)
    this.extensions.set(to, { ...record, number: to })
    this.#tellOf(number, to, record.userName)
  }

  /** With its bindings, as the foreign key has it. */
  remove(number: string): void {
    const { id, userName } = this.extensions.get(number) ?? {}
    this.extensions.delete(number)
    for (const [key, binding] of this.#bindings) if (binding.extensionId === id) this.#bindings.delete(key)
    this.#tellOf(number, userName)
  }

  set(name: string, value: string): void {
    this.#settings.set(name, value)
    this.#tell({ kind: 'settings' })
  }

  /** The n-th call of this kind from now, counted from 1, meets the fault. */
  order(call: StoreCall, fault: Fault, nth = 1): void {
    this.#faults.push({ call, fault, calls: nth })
  }

  get bindings(): readonly BindingRecord[] {
    return [...this.#bindings.values()]
  }

  get settings(): ReadonlyMap<string, string> {
    return new Map(this.#settings)
  }

  get openStores(): number {
    return this.#stores.size
  }

  /** `clock`: that of the process which opens it. When it stops, nothing of the store is done or answered any more. */
  open(listener: StoreListener, clock = this.#clock): MemoryStore {
    const store = new MemoryStore(this, clock, listener, () => this.#stores.delete(store))
    this.#stores.add(store)
    return store
  }

  /** Its process was killed: what was not committed by then is lost, and nobody is told of anything. */
  abandon(): void {
    this.#stores.clear()
  }

  write(changes: readonly Change[]): void {
    for (const change of changes) this.#write(change)
  }

  #write(change: Change): void {
    switch (change.kind) {
      case 'save':
        if (this.#exists(change.binding.extensionId))
          this.#bindings.set(bindingKey(change.binding), withoutFlow(change.binding))
        return
      case 'remove':
        this.#bindings.delete(bindingKey(change))
        return
      case 'sighting':
        if (this.#exists(change.extensionId))
          this.devices.set(`${change.extensionId} ${change.instance}`, change)
        return
      case 'call':
        this.calls.set(change.call.id, change.call)
        return
      case 'call-ended':
        for (const call of this.calls.values()) {
          if (call.callId === change.callId && call.outcome === 'answered' && call.endedAt === null)
            this.calls.set(call.id, { ...call, endedAt: change.endedAt })
        }
    }
  }

  /** What this call meets; an ordered fault is used up by it. */
  faultOf(call: StoreCall): Fault | null {
    let met = this.fault
    for (const ordered of this.#faults)
      if (ordered.call === call && --ordered.calls === 0) met = ordered.fault
    return met
  }

  #exists(extensionId: number): boolean {
    return this.extensions.values().some(({ id }) => id === extensionId)
  }

  /** As the triggers have it: under each name that the row is or was found by. */
  #tellOf(...names: readonly (string | undefined)[]): void {
    for (const number of new Set(names.filter((name) => name !== undefined)))
      this.#tell({ kind: 'extension', number, domain: DOMAIN.name })
  }

  #tell(change: Invalidation): void {
    for (const store of this.#stores) store.listener.onInvalidation([change])
  }
}

export class MemoryStore implements Store {
  readonly listener: StoreListener
  readonly #database: MemoryDatabase
  readonly #clock: Clock
  readonly #onClosed: () => void
  /** Commits are made one after the other, so that a slow one holds up those behind it. */
  #lastCommit: Promise<unknown> = Promise.resolve()
  #closed = false
  #queries = 0
  #commits = 0
  #failures = 0
  #changesCommitted = 0
  #pendingWrites = 0
  #pendingLookups = 0

  constructor(database: MemoryDatabase, clock: Clock, listener: StoreListener, onClosed: () => void) {
    this.#database = database
    this.#clock = clock
    this.listener = listener
    this.#onClosed = onClosed
  }

  async boot(): Promise<Boot> {
    const { settings, bindings, extensions, domain } = this.#database
    const active = new Set(bindings.map(({ extensionId }) => extensionId))
    const activeExtensions = [...extensions.values()].filter(({ id }) => active.has(id))
    return {
      domains: [domain],
      settings,
      bindings,
      activeExtensions,
      extensionCount: extensions.size,
      from: 'database',
      asOf: this.#clock.now(),
    }
  }

  settings(): Promise<ReadonlyMap<string, string>> {
    return this.#answer('settings', this.#database.answer_ms, () => this.#database.settings)
  }

  domains(): Promise<readonly DomainRecord[]> {
    return this.#answer('domains', this.#database.answer_ms, () => [this.#database.domain])
  }

  async findExtension(domain: string, name: string): Promise<ExtensionRecord | null> {
    this.#pendingLookups++
    try {
      return await this.#answer('find', this.#database.answer_ms, () => {
        if (domain !== DOMAIN.name) return null
        const { extensions } = this.#database
        return extensions.get(name) ?? extensions.values().find((one) => one.userName === name) ?? null
      })
    } finally {
      this.#pendingLookups--
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    if (this.#closed) throw new StoreUnavailable('The store is closed.')
    if (changes.length === 0) return
    this.#pendingWrites += changes.length
    const called_ms = this.#clock.monotonic()
    const commit = this.#lastCommit.then(() =>
      this.#answer(
        'commit',
        this.#database.commit_ms,
        () => {
          this.#database.write(changes)
          this.#commits++
          this.#changesCommitted += changes.length
        },
        called_ms,
      ),
    )
    this.#lastCommit = commit.catch(() => {})
    await commit.finally(() => {
      this.#pendingWrites -= changes.length
    })
  }

  reportProblems(table: string, problems: readonly ConfigProblem[]): void {
    this.#database.problems.set(table, problems)
  }

  limitSpool(bytes: number): void {
    this.#database.spoolLimit_bytes = bytes
  }

  trimCalls(before: number): void {
    const { calls } = this.#database
    for (const [id, { startedAt }] of calls) if (startedAt < before) calls.delete(id)
  }

  counts(): StoreCounts {
    return {
      queries: this.#queries,
      querySeconds: 0,
      commits: this.#commits,
      commitSeconds: 0,
      changesCommitted: this.#changesCommitted,
      failures: this.#failures,
      pendingWrites: this.#pendingWrites,
      refusedWrites: 0,
      pendingLookups: this.#pendingLookups,
      databaseUp: this.#database.fault === null,
      snapshotAsOf: null,
      workerRestarts: 0,
      spool: this.#database.spool,
      followedAt: this.#clock.now(),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#lastCommit
    this.#onClosed()
  }

  /** `called_ms`: the limit is the caller's, so that what waited behind others has less of it left. */
  async #answer<Result>(
    call: StoreCall,
    takes_ms: number,
    result: () => Result,
    called_ms = this.#clock.monotonic(),
  ): Promise<Result> {
    this.#queries++
    const left_ms = Math.max(0, called_ms + LIMIT_ms[call] - this.#clock.monotonic())
    const fault = this.#database.faultOf(call) ?? (takes_ms > left_ms ? 'hangs' : null)
    switch (fault) {
      case null:
        await this.#passes(takes_ms)
        return result()
      case 'fails':
        this.#failures++
        throw new StoreUnavailable('The database refuses.')
      case 'hangs':
        await this.#passes(left_ms)
        this.#failures++
        throw new StoreUnavailable('The database does not answer in time.')
      case 'breaks':
        throw new TypeError('a defect, as ordered')
    }
  }

  #passes(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve()
    return new Promise((resolve) => this.#clock.after(ms, { onTimer: () => resolve() }, 0))
  }
}

function bindingKey({ extensionId, contactKey }: { extensionId: number; contactKey: string }): string {
  return `${extensionId} ${contactKey}`
}

/** The rows have no column for what the registrar keeps with a record in memory. */
function withoutFlow(binding: BindingRecord): BindingRecord {
  const { flow: _, stored: __, ...record } = { flow: null, stored: true, ...binding }
  return record
}
