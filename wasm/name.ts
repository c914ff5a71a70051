// Known names to their ids: hash tables filled when the core starts, for header names, methods and digest parameters.

import { Digest, HEADER_NAMES, HeaderId, METHOD_NAMES, MethodId } from './layout'
import { NAME_SLOT_BYTES, NAME_SLOTS, PARAMETER_NAMES } from './layout'
import { byte } from './step'

// A slot: the name in bytes 0 to 29, then its length and its id. No id is 0, so that a free slot is all zeros.
const NAME_BYTES_MAX = NAME_SLOT_BYTES - 2
const LENGTH = NAME_SLOT_BYTES - 2
const ID = NAME_SLOT_BYTES - 1

/** Set in the letters of our names and not in the hyphen: shifted right by one it is the bit between the cases. */
const LETTER_BIT = 0x40

/** Header names compare without regard to case (RFC 3261 section 7.3.1). */
export function headerId(start: i32, end: i32): HeaderId {
  return find(HEADER_NAMES, start, end - start, LETTER_BIT)
}

/** Methods are case-sensitive (section 7.1). */
export function methodId(start: i32, end: i32): MethodId {
  return find(METHOD_NAMES, start, end - start, 0)
}

/** The Digest field where the span of that parameter starts; 0 when it is not known. */
export function digestParameter(start: i32, end: i32): Digest {
  return find(PARAMETER_NAMES, start, end - start, LETTER_BIT)
}

/** The multipliers are chosen so that no two header names meet; the probing only keeps a later name harmless. */
function slotOf(first: i32, last: i32, length: i32): i32 {
  return (first | 0x20) * 11 + (last | 0x20) * 45 + length * 43
}

function find(table: i32, start: i32, length: i32, caseBit: i32): i32 {
  if (length <= 0 || length > NAME_BYTES_MAX) return 0
  const hash = slotOf(byte(start), byte(start + length - 1), length)
  for (let probe = 0; probe < NAME_SLOTS; probe++) {
    const slot = table + ((hash + probe) & (NAME_SLOTS - 1)) * NAME_SLOT_BYTES
    const id = byte(slot + ID)
    if (!id) return 0
    if (byte(slot + LENGTH) == length && isSame(slot, start, length, caseBit)) return id
  }
  return 0
}

function isSame(slot: i32, start: i32, length: i32, caseBit: i32): bool {
  let different = differences(slot, start, caseBit)
  if (length > 16) different |= differences(slot + 16, start + 16, caseBit) << 16
  return (different & ((1 << length) - 1)) == 0
}

/** One bit for each of sixteen bytes that are not the same. */
function differences(slot: i32, at: i32, caseBit: i32): i32 {
  const name = v128.load(slot)
  const ignored = i8x16.shr_u(v128.and(name, i8x16.splat(<i8>caseBit)), 1)
  return i8x16.bitmask(i8x16.ne(v128.or(v128.load(at), ignored), name))
}

function define(table: i32, name: string, id: i32): void {
  const length = name.length
  let slot = slotOf(name.charCodeAt(0), name.charCodeAt(length - 1), length) & (NAME_SLOTS - 1)
  while (byte(table + slot * NAME_SLOT_BYTES + ID)) slot = (slot + 1) & (NAME_SLOTS - 1)
  const entry = table + slot * NAME_SLOT_BYTES
  for (let i = 0; i < length; i++) store<u8>(entry + i, <u8>name.charCodeAt(i))
  store<u8>(entry + LENGTH, <u8>length)
  store<u8>(entry + ID, <u8>id)
}

function header(name: string, id: HeaderId): void {
  define(HEADER_NAMES, name, id)
}

function compactHeader(compact: string, name: string, id: HeaderId): void {
  header(compact, id)
  header(name, id)
}

function method(name: string, id: MethodId): void {
  define(METHOD_NAMES, name, id)
}

function parameter(name: string, field: Digest): void {
  define(PARAMETER_NAMES, name, field)
}

compactHeader('a', 'accept-contact', HeaderId.AcceptContact)
compactHeader('b', 'referred-by', HeaderId.ReferredBy)
compactHeader('c', 'content-type', HeaderId.ContentType)
compactHeader('d', 'request-disposition', HeaderId.RequestDisposition)
compactHeader('e', 'content-encoding', HeaderId.ContentEncoding)
compactHeader('f', 'from', HeaderId.From)
compactHeader('i', 'call-id', HeaderId.CallId)
compactHeader('j', 'reject-contact', HeaderId.RejectContact)
compactHeader('k', 'supported', HeaderId.Supported)
compactHeader('l', 'content-length', HeaderId.ContentLength)
compactHeader('m', 'contact', HeaderId.Contact)
compactHeader('o', 'event', HeaderId.Event)
compactHeader('r', 'refer-to', HeaderId.ReferTo)
compactHeader('s', 'subject', HeaderId.Subject)
compactHeader('t', 'to', HeaderId.To)
compactHeader('u', 'allow-events', HeaderId.AllowEvents)
compactHeader('v', 'via', HeaderId.Via)
compactHeader('x', 'session-expires', HeaderId.SessionExpires)
compactHeader('y', 'identity', HeaderId.Identity)
header('accept', HeaderId.Accept)
header('alert-info', HeaderId.AlertInfo)
header('allow', HeaderId.Allow)
header('authorization', HeaderId.Authorization)
header('content-disposition', HeaderId.ContentDisposition)
header('cseq', HeaderId.CSeq)
header('date', HeaderId.Date)
header('diversion', HeaderId.Diversion)
header('expires', HeaderId.Expires)
header('history-info', HeaderId.HistoryInfo)
header('max-breadth', HeaderId.MaxBreadth)
header('max-forwards', HeaderId.MaxForwards)
header('min-expires', HeaderId.MinExpires)
header('min-se', HeaderId.MinSe)
header('p-asserted-identity', HeaderId.PAssertedIdentity)
header('p-preferred-identity', HeaderId.PPreferredIdentity)
header('path', HeaderId.Path)
header('privacy', HeaderId.Privacy)
header('proxy-authenticate', HeaderId.ProxyAuthenticate)
header('proxy-authorization', HeaderId.ProxyAuthorization)
header('proxy-require', HeaderId.ProxyRequire)
header('rack', HeaderId.RAck)
header('reason', HeaderId.Reason)
header('record-route', HeaderId.RecordRoute)
header('replaces', HeaderId.Replaces)
header('require', HeaderId.Require)
header('retry-after', HeaderId.RetryAfter)
header('route', HeaderId.Route)
header('rseq', HeaderId.RSeq)
header('server', HeaderId.Server)
header('service-route', HeaderId.ServiceRoute)
header('timestamp', HeaderId.Timestamp)
header('unsupported', HeaderId.Unsupported)
header('user-agent', HeaderId.UserAgent)
header('www-authenticate', HeaderId.WwwAuthenticate)

method('INVITE', MethodId.INVITE)
method('ACK', MethodId.ACK)
method('BYE', MethodId.BYE)
method('CANCEL', MethodId.CANCEL)
method('REGISTER', MethodId.REGISTER)
method('OPTIONS', MethodId.OPTIONS)
method('PRACK', MethodId.PRACK)
method('SUBSCRIBE', MethodId.SUBSCRIBE)
method('NOTIFY', MethodId.NOTIFY)
method('PUBLISH', MethodId.PUBLISH)
method('INFO', MethodId.INFO)
method('REFER', MethodId.REFER)
method('MESSAGE', MethodId.MESSAGE)
method('UPDATE', MethodId.UPDATE)

parameter('algorithm', Digest.AlgorithmStart)
parameter('cnonce', Digest.CnonceStart)
parameter('nc', Digest.NonceCountStart)
parameter('nonce', Digest.NonceStart)
parameter('opaque', Digest.OpaqueStart)
parameter('qop', Digest.QopStart)
parameter('realm', Digest.RealmStart)
parameter('response', Digest.ResponseStart)
parameter('uri', Digest.UriStart)
parameter('username', Digest.UsernameStart)
