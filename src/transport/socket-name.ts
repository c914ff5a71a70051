// A peer's address as the kernel has it (sockaddr_in, sockaddr_in6): 32-bit words in the order of the machine, which is
// little-endian on all that we run on, while ports and addresses within are big-endian.

import { ptr } from 'bun:ffi'
import { type Family, formatGroups, parseHost } from '../sip/host.ts'
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
export function nameOf({ host, port }: Address, family: Family): Uint32Array {
  const name = new Uint32Array(NAME_WORDS)
  const percent = host.indexOf('%')
  const groups = parseHost(percent < 0 ? host : host.slice(0, percent))
  if (groups === null) throw new Error(`"${host}" is not a numeric address`)
  const pair = (group: number): number => swapped(groups[group]!) + swapped(groups[group + 1]!) * 0x10000
  name[HEAD] = FAMILY_CODE[family] + swapped(port) * 0x10000
  if (family === 4) name[IPV4] = pair(6)
  else for (let n = 0; n < 4; n++) name[IPV6 + n] = pair(2 * n)
  if (percent >= 0)
    name[SCOPE] = library?.if_nametoindex(ptr(Buffer.from(`${host.slice(percent + 1)}\0`))) ?? 0
  return name
}

export function addressOf(name: Uint32Array, family: Family): Address {
  const port = swapped(name[HEAD]! >>> 16)
  const halves = (word: number): number[] => [swapped(word & 0xffff), swapped(word >>> 16)]
  if (family === 4) return { host: formatGroups([0, 0, 0, 0, 0, 0xffff, ...halves(name[IPV4]!)]), port }
  const host = formatGroups([0, 1, 2, 3].flatMap((n) => halves(name[IPV6 + n]!)))
  return { host: name[SCOPE] === 0 ? host : `${host}%${interfaceName(name[SCOPE]!)}`, port }
}

/** As Bun writes it, too. */
function interfaceName(index: number): string {
  const text = Buffer.alloc(INTERFACE_NAME_BYTES)
  const found = library?.if_indextoname(index, ptr(text)) ?? null
  return found === null ? String(index) : text.toString('latin1', 0, text.indexOf(0))
}

/** The same for the same peer, different for another one: the name that begins at this word. */
export function keyOf(words: Uint32Array, at: number, family: Family): number | string {
  // Ports and addresses as they lie: 48 bits, which a number holds exactly.
  if (family === 4) return words[at + IPV4]! * 0x10000 + (words[at + HEAD]! >>> 16)
  let key = ''
  for (let word = at; word < at + NAME_WORDS; word++) {
    // The flow label tells packets of one peer apart, not peers.
    if (word !== at + 1) key += String.fromCharCode(words[word]! & 0xffff, words[word]! >>> 16)
  }
  return key
}

function swapped(half: number): number {
  return ((half & 0xff) << 8) | (half >>> 8)
}
