// The addresses of this machine: which there are, and which of them fits a peer.

import { networkInterfaces } from 'node:os'
import type { Clock, Timer, Wakeable } from '../clock.ts'
import type { Limits } from '../config.ts'
import {
  canonicalHost,
  type Family,
  familyOf,
  type Groups,
  isWildcard,
  parseHost,
  sameSubnet,
} from '../sip/host.ts'

export interface LocalAddress {
  readonly host: string
  readonly family: Family
  readonly groups: Groups
  /** Of the 128 bits of `groups`. */
  readonly prefix_bits: number
  /** A loopback address. */
  readonly internal: boolean
}

/** As node:os gives them; tests give their own. */
export type ReadInterfaces = () => Readonly<
  Partial<
    Record<
      string,
      readonly { readonly address: string; readonly cidr: string | null; readonly internal: boolean }[]
    >
  >
>

/** Keeps the list fresh while somebody watches: interfaces come and go while a server runs. */
export class LocalAddresses implements Wakeable {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #read: ReadInterfaces
  readonly #watchers = new Set<(changed: boolean) => void>()
  #all: readonly LocalAddress[]
  #timer: Timer | null = null

  constructor(clock: Clock, limits: Limits, read: ReadInterfaces = networkInterfaces) {
    this.#clock = clock
    this.#limits = limits
    this.#read = read
    this.#all = this.#scan()
  }

  /** A wildcard stands for each address of its family; anything else for itself. */
  expand(host: string): readonly LocalAddress[] {
    if (!isWildcard(host)) return [this.describe(host)]
    const family = familyOf(host)
    return this.#all.filter((local) => local.family === family)
  }

  /** What is known of an address of ours. 127.0.0.9 is in no list, yet ours: it is known by its subnet. */
  describe(host: string): LocalAddress {
    const groups = parseHost(host)
    if (groups === null) throw new Error(`"${host}" is not a numeric address`)
    const same = this.#all.find((local) => local.host === host)
    if (same !== undefined) return same
    const near = this.#all.find((local) => sameSubnet(local.groups, groups, local.prefix_bits))
    return {
      host,
      family: familyOf(host),
      groups,
      prefix_bits: near?.prefix_bits ?? 128,
      internal: near?.internal ?? false,
    }
  }

  /** `onScan` hears of each new reading, and whether an address came or went; the function given back ends that. */
  watch(onScan: (changed: boolean) => void): () => void {
    this.#watchers.add(onScan)
    this.#timer ??= this.#clock.after(this.#limits.addressRescan_ms, this, 0)
    return () => {
      this.#watchers.delete(onScan)
      if (this.#watchers.size > 0) return
      this.#timer?.cancel()
      this.#timer = null
    }
  }

  onTimer(): void {
    this.#timer = this.#clock.after(this.#limits.addressRescan_ms, this, 0)
    const before = hostsOf(this.#all)
    this.#all = this.#scan()
    const changed = hostsOf(this.#all) !== before
    for (const onScan of this.#watchers) onScan(changed)
  }

  #scan(): readonly LocalAddress[] {
    const found: LocalAddress[] = []
    for (const list of Object.values(this.#read())) {
      for (const { address, cidr, internal } of list ?? []) {
        const host = canonicalHost(address)
        // A link-local address means nothing without its interface, which SIP has no way to write (RFC 5118 4.5).
        if (host === null || host.startsWith('fe80:') || found.length === this.#limits.localAddresses)
          continue
        const family = familyOf(host)
        const bits = Number(cidr?.slice(cidr.indexOf('/') + 1) ?? (family === 4 ? 32 : 128))
        found.push({
          host,
          family,
          groups: parseHost(host)!,
          prefix_bits: family === 4 ? bits + 96 : bits,
          internal,
        })
      }
    }
    return found
  }
}

function hostsOf(addresses: readonly LocalAddress[]): string {
  return addresses.map(({ host }) => host).join()
}

const LOOPBACK_IPV4 = parseHost('127.0.0.0')!

/** Loopback for loopback, then the peer's subnet, then the first that is not loopback, then the first there is. */
export function bestLocal<T extends LocalAddress>(peer: string, among: readonly T[]): T | null {
  const family = familyOf(peer)
  const candidates = among.filter((local) => local.family === family)
  const groups = parseHost(peer)
  if (groups === null || candidates.length === 0) return null
  const loopback = peer === '::1' || sameSubnet(groups, LOOPBACK_IPV4, 96 + 8)
  return (
    candidates.find((local) => local.host === peer) ??
    candidates.find((local) => sameSubnet(local.groups, groups, local.prefix_bits)) ??
    candidates.find((local) => local.internal === loopback) ??
    candidates[0]!
  )
}
