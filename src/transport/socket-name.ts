// A peer's address as the kernel has it (sockaddr_in, sockaddr_in6): 32-bit words in the order of the machine, which is
// little-endian on all that we run on, while ports and addresses within are big-endian.

import { ptr } from 'bun:ffi'
import { type Family, formatGroups, ipv4Number, parseHost } from '../sip/host.ts'
import { openCLibrary } from './c-library.ts'
import type { Address } from './transport.ts'

const FAMILY_CODE = { 4: 2, 6: 10 } as const
export const NAME_BYTES = { 4: 16, 6: 28 } as const
/** The longer one's. */
export const NAME_WORDS = 7

/** Words of a name: the family below the port, then the address; IPv6 has its flow label between, its scope behind. */
const HEAD = 0
const IPV4 = 1
const IPV6 = 2
const SCOPE = 6

const INTERFACE_NAME_BYTES = 16
const library = openCLibrary({
  if_nametoindex: { args: ['ptr'], returns: 'u32' },
  if_indextoname: { args: ['u32', 'ptr'], returns: 'ptr' },
})

/** `host` is canonical and of that family; a link-local one may have its interface behind it ("fe80::1%eth0"). */
export function nameOf(peer: Address, family: Family): Uint32Array {
  const name = new Uint32Array(NAME_WORDS)
  writeName(name, peer, family)
  return name
}

/** The same into a name that is there. */
export function writeName(name: Uint32Array, { host, port }: Address, family: Family): void {
  name[HEAD] = FAMILY_CODE[family] + swapped(port) * 0x10000
  if (family === 4) {
    const address = ipv4Number(host)
    name[IPV4] = swapped(Math.floor(address / 0x10000)) + swapped(address % 0x10000) * 0x10000
    return
  }
  const percent = host.indexOf('%')
  const groups = parseHost(percent < 0 ? host : host.slice(0, percent))
  if (groups === null) throw new Error(`"${host}" is not a numeric address`)
  for (let n = 0; n < 4; n++) {
    name[IPV6 + n] = swapped(groups[2 * n]!) + swapped(groups[2 * n + 1]!) * 0x10000
  }
  name[SCOPE] = percent < 0 ? 0 : interfaceIndex(host.slice(percent + 1))
}

export function addressOf(name: Uint32Array, family: Family): Address {
  const port = swapped(name[HEAD]! >>> 16)
  const halves = (word: number): number[] => [swapped(word & 0xffff), swapped(word >>> 16)]
  if (family === 4) {
    const word = name[IPV4]!
    return { host: `${word & 0xff}.${(word >>> 8) & 0xff}.${(word >>> 16) & 0xff}.${word >>> 24}`, port }
  }
  const host = formatGroups([0, 1, 2, 3].flatMap((n) => halves(name[IPV6 + n]!)))
  return { host: name[SCOPE] === 0 ? host : `${host}%${interfaceName(name[SCOPE]!)}`, port }
}

/** As Bun writes it, too. */
function interfaceName(index: number): string {
  const text = Buffer.alloc(INTERFACE_NAME_BYTES)
  const found = library?.if_indextoname(index, ptr(text)) ?? null
  return found === null ? String(index) : text.toString('latin1', 0, text.indexOf(0))
}

function interfaceIndex(name: string): number {
  return library?.if_nametoindex(ptr(Buffer.from(`${name}\0`))) ?? 0
}

/**
 * A number for the name that begins at this word. That of IPv4 is the name, as 48 bits fit into a number; two of IPv6
 * may share theirs, as rarely as any two of 2^32.
 */
export function keyOf(words: Uint32Array, at: number, family: Family): number {
  // Ports and addresses as they lie.
  const head = words[at + HEAD]!
  if (family === 4) return words[at + IPV4]! * 0x10000 + (head >>> 16)
  let hash = head
  for (let word = at + IPV6; word < at + NAME_WORDS; word++) {
    hash = Math.imul(hash ^ words[word]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}

/** Whether that name is this one. */
export function isName(name: Uint32Array, words: Uint32Array, at: number, family: Family): boolean {
  if (name[HEAD] !== words[at + HEAD]) return false
  if (family === 4) return name[IPV4] === words[at + IPV4]
  // The flow label between tells packets of one peer apart, not peers.
  for (let word = IPV6; word < NAME_WORDS; word++) {
    if (name[word] !== words[at + word]) return false
  }
  return true
}

function swapped(half: number): number {
  return ((half & 0xff) << 8) | (half >>> 8)
}
