// SIP URIs (RFC 3261 section 19.1). Byte-per-character strings, as in messages.

import { lowerCase } from './header.ts'
import { canonicalHost, hostText } from './host.ts'

export interface SipUri {
  readonly scheme: 'sip' | 'sips'
  /** As written, escapes and all; '' when there is none. */
  readonly user: string
  readonly password: string
  /** Lower case; an IPv6 reference keeps its brackets and is spelled in one way (RFC 5954 section 4.2). */
  readonly host: string
  /** 0 when none is written. */
  readonly port: number
  /** Names in lower case, values as written. */
  readonly params: ReadonlyMap<string, string>
  /** What follows '?', as written. */
  readonly headers: string
}

const USER = '[^\\x00-\\x20\\x7f@:<>"]*'
const PASSWORD = '[^\\x00-\\x20\\x7f@<>"]*'
const HOST = '\\[[0-9a-f:.]+\\]|[a-z0-9._-]+'
const PARAMS = '(?:;[^\\x00-\\x20\\x7f?<>"]*)?'
const HEADERS = '[^\\x00-\\x20\\x7f<>"]*'
/** No part can swallow the mark that ends it, so the time is linear in the length. */
const GRAMMAR = new RegExp(
  `^(sips?):(?:(${USER})(?::(${PASSWORD}))?@)?(${HOST})(?::(\\d{1,5}))?(${PARAMS})(?:\\?(${HEADERS}))?$`,
  'i',
)

const NO_PARAMS: ReadonlyMap<string, string> = new Map()

/** null when the text is no sip or sips URI. */
export function parseUri(text: string): SipUri | null {
  return parsePlainUri(text) ?? parseAnyUri(text)
}

/** What a byte may be part of, in a URI as nearly all are written; anything else is left to the whole grammar. */
const PLAIN_USER = 1
const PLAIN_HOST = 2
const PLAIN_PARAM = 4
const PLAIN_BYTES = new Uint8Array(256)
for (let code = 0x21; code < 0x7f; code++) {
  const char = String.fromCharCode(code)
  if (/[A-Za-z0-9\-_.+*]/.test(char)) PLAIN_BYTES[code]! |= PLAIN_USER
  if (/[a-z0-9\-.]/.test(char)) PLAIN_BYTES[code]! |= PLAIN_HOST
  if (/[^?<>"@]/.test(char)) PLAIN_BYTES[code]! |= PLAIN_PARAM
}

/** Where the run of such bytes ends that begins at `at`. */
function plainEnd(text: string, at: number, kind: number): number {
  while (at < text.length && (PLAIN_BYTES[text.charCodeAt(at)]! & kind) !== 0) at++
  return at
}

/** `sip:101@example.com:5060;transport=tcp` and the like, at a tenth of what the pattern costs; null for all others. */
function parsePlainUri(text: string): SipUri | null {
  if (!text.startsWith('sip:')) return null
  const userEnd = plainEnd(text, 4, PLAIN_USER)
  const hasUser = userEnd > 4 && text.charCodeAt(userEnd) === 0x40
  const hostStart = hasUser ? userEnd + 1 : 4
  const hostEnd = plainEnd(text, hostStart, PLAIN_HOST)
  if (hostEnd === hostStart) return null
  let at = hostEnd
  let port = 0
  if (text.charCodeAt(at) === 0x3a) {
    for (at++; at < text.length && isDigit(text.charCodeAt(at)); at++) {
      port = port * 10 + text.charCodeAt(at) - 0x30
      if (port > 65535) return null
    }
    if (port === 0 || at > hostEnd + 6) return null
  }
  const hasParams = text.charCodeAt(at) === 0x3b
  if (hasParams ? plainEnd(text, at, PLAIN_PARAM) !== text.length : at !== text.length) return null
  return {
    scheme: 'sip',
    user: hasUser ? text.slice(4, userEnd) : '',
    password: '',
    host: text.slice(hostStart, hostEnd),
    port,
    params: hasParams ? uriParams(text.slice(at)) : NO_PARAMS,
    headers: '',
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function parseAnyUri(text: string): SipUri | null {
  const match = GRAMMAR.exec(text)
  if (match === null) return null
  const host = canonicalHostPart(match[4]!)
  const port = match[5] === undefined ? 0 : Number(match[5])
  if (host === null || port > 65535 || (port === 0 && match[5] !== undefined)) return null
  return {
    scheme: match[1]!.toLowerCase() === 'sips' ? 'sips' : 'sip',
    user: match[2] ?? '',
    password: match[3] ?? '',
    host,
    port,
    params: uriParams(match[6]!),
    headers: match[7] ?? '',
  }
}

/** null when what stands in brackets is no IPv6 address. */
function canonicalHostPart(host: string): string | null {
  if (!host.startsWith('[')) return host.toLowerCase()
  const address = canonicalHost(host)
  return address === null ? null : hostText(address)
}

function uriParams(text: string): Map<string, string> {
  const params = new Map<string, string>()
  for (const part of text.split(';')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = lowerCase(equals < 0 ? part : part.slice(0, equals))
    if (!params.has(name)) params.set(name, equals < 0 ? '' : part.slice(equals + 1))
  }
  return params
}

/**
 * Escapes resolved: for looking a user up. What comes out may hold any byte, line ends and NUL among them: it is for
 * comparing, never for writing into a message.
 */
export function resolveEscapes(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Text as the user of a URI: whatever may not stand there is escaped (section 25.1). */
export function escapeUser(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g, escaped)
}

const WHOLE_HOST = new RegExp(`^(?:${HOST})$`, 'i')

/** The host of a URI and nothing beyond it. */
export function isHost(text: string): boolean {
  return WHOLE_HOST.test(text)
}

function escaped(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

const PLAIN = /^[A-Za-z0-9\-_.!~*'();/?:@&=+$,]*$/
const UNRESERVED = /[A-Za-z0-9\-_.!~*'()]/

/**
 * One spelling for all that are equal (section 19.1.4): an escape equals its character unless that is reserved, so
 * unreserved characters stand for themselves, reserved ones as they came, and everything else is escaped.
 */
function level(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-_.!~*'();/?:@&=+$,]/g, (match) => {
    const code = match.length === 3 ? Number.parseInt(match.slice(1), 16) : match.charCodeAt(0)
    const char = String.fromCharCode(code)
    return UNRESERVED.test(char) ? char : escaped(char)
  })
}

/** These make two URIs differ even when only one of them has it (section 19.1.4). */
const TELLING_PARAMS = ['user', 'ttl', 'method', 'maddr', 'transport'] as const

/** Section 19.1.4. Not transitive: a parameter that only one of them has is passed over. */
export function sameUri(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.host !== b.host || a.port !== b.port) return false
  if (!isSameText(a.user, b.user) || !isSameText(a.password, b.password)) return false
  for (const name of TELLING_PARAMS) if (a.params.has(name) !== b.params.has(name)) return false
  for (const [name, value] of a.params) {
    const other = b.params.get(name)
    if (other !== undefined && levelCase(other) !== levelCase(value)) return false
  }
  return canonicalHeaders(a.headers) === canonicalHeaders(b.headers)
}

function isSameText(a: string, b: string): boolean {
  return a === b || level(a) === level(b)
}

/**
 * One text for all spellings of one URI: parameters sorted, case and escapes levelled; printable ASCII only.
 * URIs with equal texts are the same under `sameUri`; not the reverse, where only one has an unknown parameter.
 */
export function canonicalUri(uri: SipUri): string {
  const password = uri.password === '' ? '' : `:${level(uri.password)}`
  const userinfo = uri.user === '' && password === '' ? '' : `${level(uri.user)}${password}@`
  const port = uri.port === 0 ? '' : `:${uri.port}`
  const params = [...uri.params]
    .map(([name, value]) => `;${levelCase(name)}${value === '' ? '' : `=${levelCase(value)}`}`)
    .sort()
    .join('')
  const headers = uri.headers === '' ? '' : `?${canonicalHeaders(uri.headers)}`
  return `${uri.scheme}:${userinfo}${uri.host}${port}${params}${headers}`
}

/** Case levelled too: all but user and password (section 19.1.4). */
function levelCase(text: string): string {
  return level(text).toLowerCase()
}

/** Each on its own, so that an escaped `&` is none. */
function canonicalHeaders(headers: string): string {
  return headers === '' ? '' : headers.split('&').map(levelCase).sort().join('&')
}

/** The transport that a URI asks for (section 19.1.1), '' when it leaves that open. */
export function uriTransport(uri: SipUri): string {
  return lowerCase(uri.params.get('transport') ?? '')
}
