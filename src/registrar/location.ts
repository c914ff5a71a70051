// Where the phones are: every binding, in memory (RFC 3261 section 10.2.1: address of record -> contacts).

import type { Clock, Timer } from '../clock.ts'
import { canonicalUri, parseUri } from '../sip/uri.ts'
import type { BindingRecord } from '../store/store.ts'
import type { Flow } from '../transport/transport.ts'

/**
 * A registered contact. `flow`: the connection it registered over, which may have ended since; null for UDP and after a
 * restart, when such phones are called at their contact.
 */
export interface Binding extends BindingRecord {
  /** Of its extension: for the log. */
  readonly number: string
  /** There is a row of it in the database. */
  readonly stored: boolean
  readonly flow: Flow | null
}

/** How often expired bindings are cleared away. Look-ups never return one, however long that takes. */
const SWEEP_ms = 1000

const NONE: readonly Binding[] = []

const NO_PARAMS: ReadonlyMap<string, string> = new Map()

export interface LocationListener {
  /** An extension that had no binding has one, and the other way round. */
  onActive(extensionId: number): void
  onIdle(extensionId: number): void
  onExpired(bindings: readonly Binding[]): void
}

export class Location {
  readonly #clock: Clock
  readonly #listener: LocationListener
  readonly #byExtension = new Map<number, readonly Binding[]>()
  /** By place, those that can only be reached the way they came (NAT, connection): for requests within a call. */
  readonly #byContact = new Map<string, Binding>()
  /** How many bindings came from each place. */
  readonly #bySource = new Map<string, number>()
  #count = 0
  #sweep: Timer

  constructor(clock: Clock, listener: LocationListener) {
    this.#clock = clock
    this.#listener = listener
    this.#sweep = clock.after(SWEEP_ms, this, 0)
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
    if (all === undefined) return NONE
    const now = this.#clock.now()
    return all.every((binding) => binding.expiresAt > now) ? all : all.filter((one) => one.expiresAt > now)
  }

  /** The binding that a call's remote target means, when it can only be reached over its own flow. */
  byContact(uri: string): Binding | null {
    if (this.#byContact.size === 0) return null
    const found = this.#byContact.get(placeOf(uri))
    return found !== undefined && found.expiresAt > this.#clock.now() ? found : null
  }

  /** Whether a binding came from that place, as "udp:192.0.2.5:5060"; it may have expired within the last sweep. */
  isSource(source: string): boolean {
    return this.#bySource.has(source)
  }

  /**
   * Puts a whole new list in place of an extension's bindings. Of those that expired since the last sweep, and are not
   * in it, nobody else would be told: their rows would stay.
   */
  replace(extensionId: number, bindings: readonly Binding[]): void {
    const expired = this.#expiredIn(this.#byExtension.get(extensionId) ?? NONE, bindings)
    this.#put(extensionId, bindings)
    if (expired.length > 0) this.#listener.onExpired(expired)
  }

  #expiredIn(before: readonly Binding[], now: readonly Binding[]): readonly Binding[] {
    const time = this.#clock.now()
    if (before.every(({ expiresAt }) => expiresAt > time)) return NONE
    return before.filter(
      (old) => old.expiresAt <= time && now.every((one) => one.contactKey !== old.contactKey),
    )
  }

  /** What the database kept over a restart; nothing is here yet. */
  restore(bindings: readonly Binding[]): void {
    const lists = new Map<number, Binding[]>()
    for (const binding of bindings) {
      const list = lists.get(binding.extensionId)
      if (list === undefined) lists.set(binding.extensionId, [binding])
      else list.push(binding)
    }
    for (const [extensionId, list] of lists) this.#put(extensionId, list)
  }

  onTimer(): void {
    const now = this.#clock.now()
    const expired: Binding[] = []
    for (const [extensionId, bindings] of this.#byExtension) {
      if (bindings.every((binding) => binding.expiresAt > now)) continue
      expired.push(...bindings.filter((binding) => binding.expiresAt <= now))
      this.#put(
        extensionId,
        bindings.filter((binding) => binding.expiresAt > now),
      )
    }
    this.#sweep = this.#clock.after(SWEEP_ms, this, 0)
    if (expired.length > 0) this.#listener.onExpired(expired)
  }

  /** Nothing expires any more. */
  close(): void {
    this.#sweep.cancel()
  }

  #put(extensionId: number, bindings: readonly Binding[]): void {
    const before = this.#byExtension.get(extensionId) ?? NONE
    for (const old of before) this.#forget(old)
    if (bindings.length === 0) this.#byExtension.delete(extensionId)
    else
      this.#byExtension.set(extensionId, bindings.length === 1 ? bindings : bindings.toSorted(byPreference))
    if (before.length === 0 && bindings.length > 0) this.#listener.onActive(extensionId)
    else if (before.length > 0 && bindings.length === 0) this.#listener.onIdle(extensionId)
    for (const binding of bindings) {
      this.#count++
      this.#bySource.set(binding.source, (this.#bySource.get(binding.source) ?? 0) + 1)
      if (isOnlyReachableByFlow(binding)) this.#index(binding)
    }
  }

  /** A contact that another extension holds already stays its own: nobody draws a neighbour's calls to himself. */
  #index(binding: Binding): void {
    const key = placeOf(binding.contact)
    const held = this.#byContact.get(key)
    if (held !== undefined && held.extensionId !== binding.extensionId && held.expiresAt > this.#clock.now())
      return
    this.#byContact.set(key, binding)
  }

  #forget(binding: Binding): void {
    this.#count--
    const fromSource = this.#bySource.get(binding.source) ?? 0
    if (fromSource > 1) this.#bySource.set(binding.source, fromSource - 1)
    else this.#bySource.delete(binding.source)
    if (!isOnlyReachableByFlow(binding)) return
    const key = placeOf(binding.contact)
    if (this.#byContact.get(key) === binding) this.#byContact.delete(key)
  }
}

function isOnlyReachableByFlow(binding: Binding): boolean {
  return binding.natted || binding.flow !== null
}

/**
 * Where a contact is, whatever its parameters: in the Contact of a call many a phone leaves out or adds some that it
 * registered with (`;ob`, `;line=1`), and it means the same phone.
 */
function placeOf(contact: string): string {
  const uri = parseUri(contact)
  return uri === null ? contact : canonicalUri({ ...uri, password: '', params: NO_PARAMS, headers: '' })
}

function byPreference(a: Binding, b: Binding): number {
  return b.priority - a.priority || b.registeredAt - a.registeredAt
}
