// Where the phones are: every binding, in memory (RFC 3261 section 10.2.1: address of record -> contacts).

import type { Clock } from '../clock.ts'
import { canonicalUri, parseUri } from '../sip/uri.ts'
import type { BindingRecord } from '../store/store.ts'
import type { Flow } from '../transport/transport.ts'

/** A registered contact. `flow`: the connection it registered over, while that is open; null for UDP. */
export interface Binding extends BindingRecord {
  readonly flow: Flow | null
}

/** How often expired bindings are cleared away. Look-ups never return one, however long that takes. */
const SWEEP_ms = 1000

export interface LocationListener {
  onExpired(bindings: readonly Binding[]): void
}

export class Location {
  readonly #clock: Clock
  readonly #listener: LocationListener
  readonly #byExtension = new Map<number, readonly Binding[]>()
  /** Contacts that can only be reached the way they came (NAT, connection): for requests that name the contact. */
  readonly #byContact = new Map<string, Binding>()
  #count = 0

  constructor(clock: Clock, listener: LocationListener) {
    this.#clock = clock
    this.#listener = listener
    this.#clock.after(SWEEP_ms, this, 0)
  }

  /** Bindings held; some may have expired within the last sweep. */
  get count(): number {
    return this.#count
  }

  has(extensionId: number): boolean {
    return this.of(extensionId).length > 0
  }

  /** The bindings that have not expired, the preferred first (q, then the latest). */
  of(extensionId: number): readonly Binding[] {
    const all = this.#byExtension.get(extensionId)
    if (all === undefined) return []
    const now = this.#clock.now()
    return all.every((binding) => binding.expiresAt > now) ? all : all.filter((one) => one.expiresAt > now)
  }

  /** The binding whose contact is this URI, when it can only be reached over its own flow. */
  byContact(uri: string): Binding | null {
    const parsed = parseUri(uri)
    if (parsed === null) return null
    const found = this.#byContact.get(canonicalUri(parsed))
    return found !== undefined && found.expiresAt > this.#clock.now() ? found : null
  }

  /** Puts a whole new list in place of an extension's bindings. */
  replace(extensionId: number, bindings: readonly Binding[]): void {
    for (const old of this.#byExtension.get(extensionId) ?? []) this.#forget(old)
    if (bindings.length === 0) this.#byExtension.delete(extensionId)
    else this.#byExtension.set(extensionId, [...bindings].sort(byPreference))
    for (const binding of bindings) {
      this.#count++
      if (binding.natted || binding.flow !== null) this.#index(binding)
    }
  }

  /** What the database kept over a restart. Connections are gone: such phones are called at their contact. */
  restore(records: readonly BindingRecord[]): void {
    const lists = new Map<number, Binding[]>()
    for (const record of records) {
      const list = lists.get(record.extensionId) ?? []
      list.push({ ...record, flow: null })
      lists.set(record.extensionId, list)
    }
    for (const [extensionId, list] of lists) this.replace(extensionId, list)
  }

  onTimer(): void {
    const now = this.#clock.now()
    const expired: Binding[] = []
    for (const [extensionId, bindings] of this.#byExtension) {
      if (bindings.every((binding) => binding.expiresAt > now)) continue
      expired.push(...bindings.filter((binding) => binding.expiresAt <= now))
      this.replace(
        extensionId,
        bindings.filter((binding) => binding.expiresAt > now),
      )
    }
    this.#clock.after(SWEEP_ms, this, 0)
    if (expired.length > 0) this.#listener.onExpired(expired)
  }

  /** A contact that another extension holds already stays its own: nobody draws a neighbour's calls to himself. */
  #index(binding: Binding): void {
    const held = this.#byContact.get(binding.contactKey)
    if (held !== undefined && held.extensionId !== binding.extensionId && held.expiresAt > this.#clock.now())
      return
    this.#byContact.set(binding.contactKey, binding)
  }

  #forget(binding: Binding): void {
    this.#count--
    if (this.#byContact.get(binding.contactKey) === binding) this.#byContact.delete(binding.contactKey)
  }
}

function byPreference(a: Binding, b: Binding): number {
  return b.priority - a.priority || b.registeredAt - a.registeredAt
}
