// Host names to addresses (RFC 3263 section 4.2: A and AAAA). NAPTR and SRV (sections 4.1, 4.2) will stand before this:
// they give names, ports and transports to choose from, each of which is then resolved here.

import { lookup } from 'node:dns/promises'
import type { Clock, Wakeable } from '../clock.ts'
import type { Limits } from '../config.ts'
import { canonicalHost, type Family } from '../sip/host.ts'

/** The addresses of a name, best first; rejects or gives none when there are none. */
export type LookUp = (name: string, family: Family | undefined) => Promise<readonly string[]>

/** As the system does: also the hosts file, which asking a name server directly would pass over. */
const lookUpBySystem: LookUp = async (name, family) => {
  const found = await lookup(name, { all: true, family: family ?? 0 })
  return found.map(({ address }) => address)
}

interface Cached {
  readonly host: string | null
  readonly until_ms: number
}

export class Resolver {
  /** Names not asked for, because too many were being asked for. */
  refused = 0
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #lookUp: LookUp
  readonly #cache = new Map<string, Cached>()
  /** Until the system answers, which may be long after we have stopped waiting: so many threads it may use, no more. */
  readonly #pending = new Map<string, Promise<string | null>>()

  constructor(clock: Clock, limits: Limits, lookUp: LookUp = lookUpBySystem) {
    this.#clock = clock
    this.#limits = limits
    this.#lookUp = lookUp
  }

  /** For numeric hosts, with or without brackets, and for names asked lately; null: ask `resolve`. */
  resolveNow(host: string, family?: Family): string | null {
    return canonicalHost(host) ?? this.#cached(cacheKey(host, family))?.host ?? null
  }

  /** null when there is no such name, no answer in time, or too much is being asked already. Never rejects. */
  async resolve(host: string, family?: Family): Promise<string | null> {
    const numeric = canonicalHost(host)
    if (numeric !== null) return numeric
    const key = cacheKey(host, family)
    const cached = this.#cached(key)
    if (cached !== null) return cached.host
    const pending = this.#pending.get(key) ?? this.#ask(key, family)
    return pending === null ? null : this.#inTime(pending)
  }

  #cached(key: string): Cached | null {
    const cached = this.#cache.get(key)
    if (cached === undefined || cached.until_ms <= this.#clock.monotonic()) return null
    return cached
  }

  #ask(key: string, family: Family | undefined): Promise<string | null> | null {
    if (this.#pending.size >= this.#limits.resolvesPending) {
      this.refused++
      return null
    }
    const asked = this.#lookUp(nameOf(key), family).then(
      (found) => (found[0] === undefined ? null : canonicalHost(found[0])),
      () => null,
    )
    const pending = asked.then((host) => {
      this.#pending.delete(key)
      this.#remember(key, host)
      return host
    })
    this.#pending.set(key, pending)
    return pending
  }

  #remember(key: string, host: string | null): void {
    const { resolveCache_entries, resolveCache_ms, resolveFailed_ms } = this.#limits
    // Put in anew, so that the first of the map is always the oldest.
    this.#cache.delete(key)
    if (this.#cache.size >= resolveCache_entries) {
      const oldest = this.#cache.keys().next()
      if (!oldest.done) this.#cache.delete(oldest.value)
    }
    const until_ms = this.#clock.monotonic() + (host === null ? resolveFailed_ms : resolveCache_ms)
    this.#cache.set(key, { host, until_ms })
  }

  #inTime(pending: Promise<string | null>): Promise<string | null> {
    return new Promise((resolve) => {
      const giveUp: Wakeable = { onTimer: () => resolve(null) }
      const timer = this.#clock.after(this.#limits.resolve_ms, giveUp, 0)
      pending.then((host) => {
        timer.cancel()
        resolve(host)
      })
    })
  }
}

/** DNS names compare without regard to case; the family comes first because a name has no digits alone before a "/". */
function cacheKey(host: string, family: Family | undefined): string {
  const name = host.toLowerCase()
  return `${family ?? 0}/${name.endsWith('.') ? name.slice(0, -1) : name}`
}

function nameOf(key: string): string {
  return key.slice(2)
}
