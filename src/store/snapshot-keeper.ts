// Keeps the snapshot true: written whole after a start, in pieces between other work, then changed with everything that
// is committed or looked up. A snapshot that cannot be kept true is removed: none is better than a wrong one.

import { renameSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import type { Place } from './place.ts'
import { removeSnapshot, Snapshot } from './snapshot.ts'
import type {
  BindingRecord,
  Boot,
  Change,
  Contents,
  DomainRecord,
  ExtensionRecord,
  Invalidation,
} from './store.ts'

/** A new file on its way to becoming the snapshot. */
export interface SnapshotOptions {
  readonly place: Place
  readonly clock: Clock
  /** While the database is away a file that misses the latest changes is still far better than none. */
  readonly isAway: () => boolean
  readonly onNotice: (sentence: string) => void
}

interface Writing {
  readonly file: Snapshot
  /** Not in the file yet; what is committed meanwhile goes into the file and out of here. */
  readonly bindings: Map<string, BindingRecord>
  readonly records: Map<number, ExtensionRecord>
}

export class SnapshotKeeper {
  readonly #options: SnapshotOptions
  #current: Snapshot | null
  #writing: Writing | null = null
  #asOf: number
  #notedAt = 0
  #failedAt_ms: number | null = null
  #closed = false
  /** Bounded as extensions with bindings are. */
  readonly #recordless = new Set<number>()

  constructor(options: SnapshotOptions) {
    const { place } = options
    this.#options = options
    this.#current = Snapshot.open(place.path, place.database)
    this.#asOf = this.#current?.asOf ?? 0
  }

  /** When it was true last, ms since the epoch; 0 when there is none. */
  get asOf(): number {
    return this.#current === null ? 0 : this.#asOf
  }

  /** It was lost, and it is time to write it again. */
  get isWanted(): boolean {
    return (
      this.#failedAt_ms !== null &&
      this.#options.clock.monotonic() - this.#failedAt_ms >= LIMITS.storeSnapshotRetry_ms
    )
  }

  boot(): Boot | null {
    const snapshot = this.#current
    if (snapshot === null) return null
    try {
      return { ...snapshot.contents(), from: 'snapshot', asOf: this.#asOf }
    } catch (error) {
      this.#lose(error)
      return null
    }
  }

  byId(ids: readonly number[]): readonly ExtensionRecord[] {
    return this.#read((snapshot) => snapshot.byId(ids)) ?? []
  }

  find(domain: string, name: string): ExtensionRecord | null {
    return this.#read((snapshot) => snapshot.find(domain, name))
  }

  /** Begins a new one; the old one serves, and is kept true, until it is whole. */
  write(contents: Contents): void {
    this.#abandon()
    this.#guard(() => {
      // One that could not be kept true must not serve any more, now that the database does.
      if (this.#failedAt_ms !== null) removeSnapshot(this.#options.place.path)
      this.#failedAt_ms = null
      const file = Snapshot.make(this.#newPath)
      const bindings = new Map(contents.bindings.map((binding) => [keyOf(binding), binding]))
      const records = new Map(contents.activeExtensions.map((record) => [record.id, record]))
      this.#writing = { file, bindings, records }
      file.putFacts(contents)
      this.#goOn(this.#writing)
    })
  }

  apply(changes: readonly Change[]): void {
    const { bindings } = this.#writing ?? {}
    for (const change of changes) {
      if (change.kind === 'save') bindings?.delete(keyOf(change.binding))
      else if (change.kind === 'remove') bindings?.delete(keyOf(change))
    }
    this.#each((snapshot) => {
      for (const id of snapshot.apply(changes)) this.#recordless.add(id)
    })
  }

  /** Extensions with a binding whose records are not in it, to be read. */
  recordless(limit: number): readonly number[] {
    return this.#recordless.values().take(limit).toArray()
  }

  /** Of those asked for; the others are gone. */
  putRecords(ids: readonly number[], records: readonly ExtensionRecord[]): void {
    for (const id of ids) this.#recordless.delete(id)
    this.#each((snapshot) => snapshot.putAll([], records))
  }

  found(domain: string, name: string, record: ExtensionRecord | null): void {
    if (record !== null) this.#writing?.records.delete(record.id)
    this.#each((snapshot) =>
      record === null ? snapshot.forget(domain, name) : snapshot.putRecord(record, name),
    )
  }

  readSettings(settings: ReadonlyMap<string, string>): void {
    this.#each((snapshot) => snapshot.putSettings(settings))
  }

  readDomains(domains: readonly DomainRecord[]): void {
    this.#each((snapshot) => snapshot.putDomains(domains))
  }

  /** Also says that the database was heard of just now, when there are none. */
  changed(changes: readonly Invalidation[]): void {
    const now = this.#options.clock.now()
    this.#asOf = now
    for (const change of changes) {
      if (change.kind === 'extension')
        this.#each((snapshot) => snapshot.forgetIdle(change.domain, change.number))
      else if (change.kind === 'everything') this.#each((snapshot) => snapshot.forgetAllIdle())
    }
    if (now - this.#notedAt < LIMITS.storeSnapshotNote_ms) return
    this.#notedAt = now
    this.#each((snapshot) => snapshot.noteTrue(now))
  }

  close(): void {
    this.#closed = true
    this.#abandon()
    this.#current?.close()
    this.#current = null
  }

  get #newPath(): string {
    return `${this.#options.place.path}.new`
  }

  #goOn(writing: Writing): void {
    this.#options.clock.soon(() => {
      if (writing !== this.#writing || this.#closed) return
      this.#guard(() => {
        const bindings = takeSome(writing.bindings)
        const records = takeSome(writing.records)
        if (bindings.length === 0 && records.length === 0) this.#finish(writing.file)
        else {
          writing.file.putAll(bindings, records)
          this.#goOn(writing)
        }
      })
    })
  }

  #finish(file: Snapshot): void {
    this.#asOf = this.#options.clock.now()
    file.noteWhole(this.#options.place.database, this.#asOf)
    // Closing writes the whole of it into the one file that is renamed.
    file.close()
    this.#writing = null
    this.#current?.close()
    this.#current = null
    renameSync(this.#newPath, this.#options.place.path)
    this.#current = Snapshot.open(this.#options.place.path, this.#options.place.database)
    if (this.#current === null)
      throw new DatabaseProblem('unusable', 'It cannot be read after it was written.')
  }

  #abandon(): void {
    if (this.#writing === null) return
    this.#writing.file.close()
    this.#writing = null
    removeSnapshot(this.#newPath)
  }

  #read<Result>(work: (snapshot: Snapshot) => Result | null): Result | null {
    if (this.#current === null) return null
    try {
      return work(this.#current)
    } catch (error) {
      this.#lose(error)
      return null
    }
  }

  #each(work: (snapshot: Snapshot) => void): void {
    this.#guard(() => {
      if (this.#current !== null) work(this.#current)
      if (this.#writing !== null) work(this.#writing.file)
    })
  }

  #guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#lose(error)
    }
  }

  #lose(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#failedAt_ms = this.#options.clock.monotonic()
    this.#abandon()
    this.#current?.close()
    this.#current = null
    const { place, isAway, onNotice } = this.#options
    if (!isAway()) removeSnapshot(place.path)
    onNotice(`The snapshot ${place.path} cannot be kept true, and is written anew: ${reason}`)
  }
}

function takeSome<Key, Value>(from: Map<Key, Value>): Value[] {
  const taken: Value[] = []
  for (const [key, value] of from) {
    if (taken.length >= LIMITS.storeSnapshotChunk_rows) break
    from.delete(key)
    taken.push(value)
  }
  return taken
}

function keyOf({ extensionId, contactKey }: Pick<BindingRecord, 'extensionId' | 'contactKey'>): string {
  return `${extensionId} ${contactKey}`
}
