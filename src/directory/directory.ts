// Who exists and what they may do: records of the database, kept here so that no call waits for SQL. A record serves
// until a newer one is there, also while the database is away.

import type { Clock, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import {
  type DomainRecord,
  type ExtensionRecord,
  type Invalidation,
  type Store,
  StoreUnavailable,
} from '../store/store.ts'
import { type CacheCounts, RecordCache } from './record-cache.ts'
import { Reload } from './reload.ts'

export interface DirectoryOptions {
  readonly store: Store
  readonly clock: Clock
  /** As read at start; there is always one at least. */
  readonly domains: readonly DomainRecord[]
  /** Of extensions with registered phones, as read at start. */
  readonly records?: readonly ExtensionRecord[]
  /**
   * A record that was known was read again after a change. The extension is gone when there is none now, or one with
   * another id. Told of the record under its number, not again under its user's name.
   */
  readonly onChanged: (old: ExtensionRecord, now: ExtensionRecord | null) => void
  /** Most names of extensions without a registered phone. */
  readonly capacity: number
}

export interface DirectoryCounts extends CacheCounts {
  /** Of `peek`: answered with a record, not known at the time, known not to exist. */
  readonly hits: number
  readonly misses: number
  readonly negativeHits: number
  readonly invalidations: number
  /** Sent to the store. */
  readonly lookups: number
  /** Not sent, because the same one was under way. */
  readonly merged: number
  /** Not sent, because too many were under way. */
  readonly refused: number
}

interface Lookup {
  readonly answer: Promise<ExtensionRecord | null>
  /** The row changed after the question was sent: the answer may be the old one. */
  stale: boolean
}

/** How often one look-up is repeated because its row kept changing meanwhile. */
const LOOKUP_TRIES = 3

export class Directory implements Wakeable {
  readonly #store: Store
  readonly #clock: Clock
  readonly #onChanged: DirectoryOptions['onChanged']
  readonly #records: RecordCache
  readonly #lookups = new Map<string, Lookup>()
  /** Records that serve although they may be old, until they have been read again; no more than there are entries. */
  readonly #toRevalidate = new Set<string>()
  /** Users' names of active extensions that are not known yet; at most one for each. */
  readonly #toLearn = new Set<string>()
  readonly #domainReload: Reload
  #domains: ReadonlyMap<string, DomainRecord>
  #defaultDomain: DomainRecord
  #reading = 0
  #waitingToRetry = false
  #hits = 0
  #misses = 0
  #negativeHits = 0
  #invalidations = 0
  #lookupsSent = 0
  #merged = 0
  #refused = 0

  constructor(options: DirectoryOptions) {
    this.#store = options.store
    this.#clock = options.clock
    this.#onChanged = options.onChanged
    this.#records = new RecordCache(options.clock, options.capacity)
    const records = options.records ?? []
    for (const record of records) {
      // Its binding is restored in a moment; until then it must not make room for the next one.
      this.#records.pin(record.id)
      this.#records.put(keyOf(record.domain, record.number), record)
    }
    for (const record of records) if (record.userName !== record.number) this.#learnUserName(record)
    this.#domainReload = new Reload(options.clock, () => this.#readDomains())
    this.#domains = domainsByName(options.domains)
    this.#defaultDomain = pickDefault(options.domains)
  }

  /** The domain that also answers for every local address. */
  get defaultDomain(): DomainRecord {
    return this.#defaultDomain
  }

  isOwnRealm(realm: string): boolean {
    return this.#domains.values().some((domain) => domain.realm === realm)
  }

  /** The domain of that name, in any case (RFC 3261 section 19.1.4: hosts compare without regard to case). */
  domainOf(host: string): DomainRecord | null {
    return this.#domains.get(host) ?? this.#domains.get(host.toLowerCase()) ?? null
  }

  /**
   * What is known at this moment of that number or user name in that domain (its name as in DomainRecord): a record,
   * null when nobody is called so, undefined when `find` must ask.
   */
  peek(domain: string, name: string): ExtensionRecord | null | undefined {
    const record = this.#known(domain, name)
    if (record === undefined) this.#misses++
    else if (record === null) this.#negativeHits++
    else this.#hits++
    if (this.#toRevalidate.size > 0) this.#hasten(keyOf(domain, name))
    return record
  }

  /** Asks the store only when nothing is known. Rejects with StoreUnavailable. */
  find(domain: string, name: string): Promise<ExtensionRecord | null> {
    const record = this.#known(domain, name)
    if (record !== undefined) return Promise.resolve(record)
    return this.#lookUp(keyOf(domain, name), domain, name)
  }

  counts(): DirectoryCounts {
    return {
      hits: this.#hits,
      misses: this.#misses,
      negativeHits: this.#negativeHits,
      ...this.#records.counts(),
      invalidations: this.#invalidations,
      lookups: this.#lookupsSent,
      merged: this.#merged,
      refused: this.#refused,
    }
  }

  /**
   * An extension has its first binding: from now on no call to it or from it waits for SQL. Its record is here, as the
   * phone has just been proved by it; its user's name is another way to call it, and is learned by now.
   */
  keep(extensionId: number): void {
    // Those read at start are so from the beginning.
    if (!this.#records.isActive(extensionId)) {
      for (const record of this.#records.pin(extensionId)) this.#learnUserName(record)
    }
    this.#readSome()
  }

  /** It has lost its last one. */
  release(extensionId: number): void {
    this.#records.unpin(extensionId)
  }

  onInvalidation(changes: readonly Invalidation[]): void {
    for (const change of changes) {
      if (change.kind === 'extension') this.#invalidate(keyOf(change.domain, change.number))
      else if (change.kind === 'domains') this.#domainReload.request()
      else if (change.kind === 'everything') this.#invalidateAll()
    }
    this.#readSome()
  }

  /** Some record could not be read again: the database was away. */
  onTimer(): void {
    this.#waitingToRetry = false
    this.#readSome()
  }

  #known(domain: string, name: string): ExtensionRecord | null | undefined {
    // No row can be called so, and remembering that would let strangers fill the memory.
    if (name.length > LIMITS.directoryName_characters) return null
    return this.#records.get(keyOf(domain, name))
  }

  #invalidate(key: string): void {
    this.#invalidations++
    this.#records.forgetUnknown(key)
    const lookup = this.#lookups.get(key)
    if (lookup !== undefined) lookup.stale = true
    if (this.#records.known(key) !== undefined) this.#toRevalidate.add(key)
  }

  #invalidateAll(): void {
    this.#records.forgetAllUnknown()
    for (const key of this.#lookups.keys()) this.#invalidate(key)
    for (const key of this.#records.keys()) this.#invalidate(key)
  }

  #lookUp(key: string, domain: string, name: string): Promise<ExtensionRecord | null> {
    const pending = this.#lookups.get(key)
    if (pending !== undefined) {
      this.#merged++
      return pending.answer
    }
    if (this.#lookups.size >= LIMITS.directoryLookupsPending) {
      this.#refused++
      return Promise.reject(new StoreUnavailable('Too many look-ups wait for the database.'))
    }
    const answered = Promise.withResolvers<ExtensionRecord | null>()
    const lookup: Lookup = { answer: answered.promise, stale: false }
    this.#lookups.set(key, lookup)
    this.#ask(lookup, key, domain, name).then(answered.resolve, answered.reject)
    return lookup.answer
  }

  async #ask(lookup: Lookup, key: string, domain: string, name: string): Promise<ExtensionRecord | null> {
    try {
      for (let tries = 1; ; tries++) {
        lookup.stale = false
        this.#lookupsSent++
        const record = await this.#store.findExtension(domain, name)
        if (!lookup.stale) {
          this.#remember(key, record)
          return record
        }
        if (tries === LOOKUP_TRIES) {
          // Its row changes faster than it can be read: answered with what there was, and nothing is kept of it.
          if (this.#records.known(key) !== undefined) this.#toRevalidate.add(key)
          return record
        }
      }
    } finally {
      this.#lookups.delete(key)
    }
  }

  #remember(key: string, record: ExtensionRecord | null): void {
    const old = this.#records.known(key)
    this.#toRevalidate.delete(key)
    if (record === null) this.#records.putUnknown(key)
    else this.#rememberRecord(key, record)
    if (old !== undefined && keyOf(old.domain, old.number) === key) this.#onChanged(old, record)
    if (record !== null && this.#records.isActive(record.id)) this.#learnUserName(record)
  }

  /** A record found by its user's name is kept under its number too, so that its removal is noticed there. */
  #rememberRecord(key: string, record: ExtensionRecord): void {
    this.#records.put(key, record)
    const numberKey = keyOf(record.domain, record.number)
    if (numberKey !== key && this.#records.known(numberKey) === undefined && !this.#lookups.has(numberKey)) {
      this.#records.put(numberKey, record)
    }
  }

  /** Asked for rather than taken from this record: the name of a user who owns several leads to one of them. */
  #learnUserName(record: ExtensionRecord): void {
    const key = keyOf(record.domain, record.userName)
    if (this.#records.known(key) === undefined && !this.#lookups.has(key)) this.#toLearn.add(key)
  }

  #readSome(): void {
    for (const key of this.#toRevalidate) {
      if (!this.#mayRead) return
      this.#toRevalidate.delete(key)
      // It may have made room for another since.
      if (this.#records.known(key) !== undefined) void this.#read(key, this.#toRevalidate)
    }
    for (const key of this.#toLearn) {
      if (!this.#mayRead) return
      this.#toLearn.delete(key)
      if (this.#records.known(key) === undefined) void this.#read(key, this.#toLearn)
    }
  }

  get #mayRead(): boolean {
    return !this.#waitingToRetry && this.#reading < LIMITS.directoryRevalidations
  }

  /** Of very many changed records those come first that somebody asks for: half the reads are kept for them. */
  #hasten(key: string): void {
    if (this.#waitingToRetry || this.#reading >= 2 * LIMITS.directoryRevalidations) return
    if (this.#toRevalidate.delete(key)) void this.#read(key, this.#toRevalidate)
  }

  async #read(key: string, wanted: Set<string>): Promise<void> {
    this.#reading++
    const at = key.lastIndexOf('@')
    try {
      await this.#lookUp(key, key.slice(at + 1), key.slice(0, at))
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      wanted.add(key)
      this.#retryLater()
    } finally {
      this.#reading--
    }
    this.#readSome()
  }

  #retryLater(): void {
    if (this.#waitingToRetry) return
    this.#waitingToRetry = true
    this.#clock.after(LIMITS.directoryRetry_ms, this, 0)
  }

  async #readDomains(): Promise<void> {
    const domains = await this.#store.domains()
    // A server without a domain serves nobody: the last good ones go on, and `check` says what is missing.
    if (domains.length === 0) return
    this.#domains = domainsByName(domains)
    this.#defaultDomain = pickDefault(domains)
    // A renamed domain takes its extensions to other names.
    this.#invalidateAll()
    this.#readSome()
  }
}

/** As in the change journal. A domain holds no "@", so the last one parts the two. */
function keyOf(domain: string, name: string): string {
  return `${name}@${domain}`
}

function domainsByName(domains: readonly DomainRecord[]): ReadonlyMap<string, DomainRecord> {
  return new Map(domains.map((domain) => [domain.name, domain]))
}

/** Where no row is marked as the default, the oldest one is. */
function pickDefault(domains: readonly DomainRecord[]): DomainRecord {
  const picked = domains.find((domain) => domain.isDefault) ?? domains[0]
  if (picked === undefined) throw new Error('The directory needs a domain.')
  return picked
}
