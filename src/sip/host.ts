// Numeric addresses as text: telling them from names, and one spelling for each so that they compare as strings.

export type Family = 4 | 6

/** An address as eight groups of 16 bits, IPv4 as ::ffff:a.b.c.d: one arithmetic for both families. */
export type Groups = readonly number[]

const COLON = 0x3a
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const MAPPED: Groups = [0, 0, 0, 0, 0, 0xffff]
/** Longer text is no address: "ffff:" seven times and a dotted quad. */
const TEXT_MAX = 50

/**
 * The one spelling of a numeric host, with or without brackets: dotted quad for IPv4 and for IPv4-mapped IPv6, RFC 5952
 * for the rest. null for anything that is not an address, host names among it.
 */
export function canonicalHost(text: string): string | null {
  // Nearly every address is IPv4 and canonical already: for each message that goes somewhere.
  if (ipv4Number(text) >= 0) return text
  const host = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  const groups = parseHost(host)
  return groups === null ? null : formatGroups(groups)
}

export function familyOf(canonical: string): Family {
  return canonical.includes(':') ? 6 : 4
}

/** A numeric address as it is written into a URI or a Via: IPv6 in brackets. */
export function hostText(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

/** The reverse: without brackets. */
export function bareHost(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

/** "127.0.0.1:5060", "[::1]:5060": as a URI or a Via writes it. */
export function formatHostPort(host: string, port: number): string {
  return `${hostText(host)}:${port}`
}

/** What the operating system tells us of a peer is canonical but for IPv4-mapped addresses. */
export function unmapped(host: string): string {
  return host.charCodeAt(0) === COLON && host.startsWith('::ffff:') ? (canonicalHost(host) ?? host) : host
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

export function parseHost(host: string): Groups | null {
  if (host.length > TEXT_MAX) return null
  if (host.includes(':')) return parseIPv6(host)
  const quad = parseIPv4(host)
  return quad === null ? null : [...MAPPED, ...quad]
}

/** Whether both lie in one subnet of that many leading bits. */
export function sameSubnet(a: Groups, b: Groups, prefix_bits: number): boolean {
  for (let group = 0; group < 8; group++) {
    const bits = Math.min(16, Math.max(0, prefix_bits - group * 16))
    const mask = (0xffff << (16 - bits)) & 0xffff
    if ((a[group]! & mask) !== (b[group]! & mask)) return false
  }
  return true
}

/**
 * As a number of 32 bits, or -1 for anything else. RFC 3261 section 25.1 IPv4address: 1*3DIGIT each, no leading zeros
 * that some would read as octal.
 */
export function ipv4Number(text: string): number {
  let address = 0
  let byte = -1
  let dots = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === DOT) {
      if (byte < 0 || ++dots > 3) return -1
      address = address * 256 + byte
      byte = -1
    } else if (code >= ZERO && code <= NINE && byte !== 0) {
      byte = (byte < 0 ? 0 : byte * 10) + code - ZERO
      if (byte > 255) return -1
    } else {
      return -1
    }
  }
  return byte < 0 || dots < 3 ? -1 : address * 256 + byte
}

function parseIPv4(text: string): [number, number] | null {
  const address = ipv4Number(text)
  return address < 0 ? null : [Math.floor(address / 0x10000), address % 0x10000]
}

function parseIPv6(text: string): Groups | null {
  const gap = text.indexOf('::')
  if (gap === -1) {
    const groups = parseGroups(text, true)
    return groups?.length === 8 ? groups : null
  }
  const head = parseGroups(text.slice(0, gap), false)
  const tail = parseGroups(text.slice(gap + 2), true)
  if (head === null || tail === null || head.length + tail.length > 7) return null
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

/** "2001:db8", or "ffff:1.2.3.4" where the address ends with it, or nothing. */
function parseGroups(text: string, last: boolean): number[] | null {
  if (text === '') return []
  const parts = text.split(':')
  const groups: number[] = []
  for (const [n, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16))
      continue
    }
    const quad = last && n === parts.length - 1 ? parseIPv4(part) : null
    if (quad === null) return null
    groups.push(...quad)
  }
  return groups
}

/** The canonical text of it. */
export function formatGroups(groups: Groups): string {
  if (sameSubnet(groups, MAPPED_GROUPS, 96)) {
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.')
  }
  const { start, length } = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  // RFC 5952 section 4.2.2: a single zero group is not shortened.
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

const MAPPED_GROUPS: Groups = [...MAPPED, 0, 0]

/** RFC 5952 section 4.2.3: the longest run, and of equal ones the first. */
function longestZeroRun(groups: Groups): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groups[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
    start = Math.max(start, end)
  }
  return best
}
