// The memory of the WASM core: one file read by asc and by the host, so that both sides agree.
// Everything is a number; each region starts where the one before it ends. The memory never grows.

/** Longest message that is taken, in bytes: every offset fits 16 bits. Longer ones are refused before the scan. */
export const MESSAGE_BYTES_MAX = 65535
/** Most header lines in one message. */
export const HEADERS_MAX = 256
/** Room for the line scan to read whole SIMD vectors past the end. */
export const SLACK_BYTES = 64

/** First byte of the static regions; what is below belongs to asc (its constants). */
export const BASE = 65536

/** The message, copied in by the host. */
export const INPUT = BASE
export const INPUT_BYTES = MESSAGE_BYTES_MAX + 1 + SLACK_BYTES

/** The index of the message: FIELDS numbers of 16 bits, then HEADER_FIELDS for each header line. */
export const INDEX = INPUT + INPUT_BYTES
export const FIELDS = 64
export const HEADER_FIELDS = 4
export const INDEX_BYTES = (FIELDS + HEADERS_MAX * HEADER_FIELDS) * 2

/** What one header line says of itself, after FIELDS: `index[FIELDS + n * HEADER_FIELDS + Header.Id]`. */
export enum Header {
  /** A HeaderId; HeaderId.Other when unknown. */
  Id = 0,
  /** Offset of the first byte of the name: the start of the line. */
  NameStart = 1,
  /** Value with leading and trailing white space left out; folds are inside. */
  ValueStart = 2,
  ValueEnd = 3,
}

/** What is wrong with a message. `Ok`, or the first thing found; the scan goes on as far as it can. */
export enum Problem {
  Ok = 0,
  /** Not a SIP start line at all, so there is nobody to answer. */
  NotSip = 1,
  /** No blank line after the headers. */
  NoHeaderEnd = 2,
  TooManyHeaders = 3,
  /** A start line that names SIP but breaks the grammar (RFC 3261 section 25.1). */
  StartLine = 4,
  /** SIP, but not SIP/2.0: answered with 505. */
  Version = 5,
  /** A header line without a colon, or with a name that is no token. */
  HeaderLine = 6,
  Via = 7,
  From = 8,
  To = 9,
  CallId = 10,
  CSeq = 11,
  /** CSeq names another method than the start line (section 8.1.1.5). */
  CSeqMethod = 12,
  MaxForwards = 13,
  ContentLength = 14,
  /** The body is shorter than Content-Length says (section 18.3). */
  BodyShort = 15,
  /** From, To, Call-ID, CSeq, Max-Forwards or Content-Length is there twice. */
  Duplicate = 16,
  /** From, To, Call-ID, CSeq or Via is missing. */
  Missing = 17,
  /** The Request-URI breaks the grammar: white space, angle brackets, no scheme. */
  RequestUri = 18,
}

/**
 * The fixed part of the index. `...Start`/`...End` are a span, end exclusive, both 0 when absent.
 * Numbers above 16 bits come as High and Low.
 */
export enum Field {
  Problem = 0,
  HeaderCount = 1,
  /** Offset after the blank line. */
  BodyStart = 2,
  /** End of the body: by Content-Length where there is one, otherwise the end of the input. */
  BodyEnd = 3,
  /** A MethodId; 0 in a response. */
  MethodId = 4,
  /** 100 to 699; 0 in a request. */
  StatusCode = 5,
  /** Request: the method's token. Response: the reason phrase. */
  MethodStart = 6,
  MethodEnd = 7,
  /** The Request-URI, and its parts where its scheme is sip or sips. */
  UriStart = 8,
  UriEnd = 9,
  /** A SchemeId. */
  UriScheme = 10,
  /** userinfo without the password. */
  UriUserStart = 11,
  UriUserEnd = 12,
  /** An IPv6 reference keeps its brackets. */
  UriHostStart = 13,
  UriHostEnd = 14,
  /** 0 when absent. */
  UriPort = 15,
  /** The first `;` after the host, or UriEnd. */
  UriParamsStart = 16,
  /** The topmost Via value: all of it, up to a comma. */
  ViaStart = 17,
  ViaEnd = 18,
  /** The transport's token ("UDP"). */
  ViaTransportStart = 19,
  ViaTransportEnd = 20,
  ViaHostStart = 21,
  ViaHostEnd = 22,
  /** 0 when absent. */
  ViaPort = 23,
  BranchStart = 24,
  BranchEnd = 25,
  /** The parameter `rport`: the name's start, and the end of its value. */
  RportStart = 26,
  RportEnd = 27,
  ReceivedStart = 28,
  ReceivedEnd = 29,
  /** URI in From and To: without the angle brackets. */
  FromUriStart = 30,
  FromUriEnd = 31,
  FromTagStart = 32,
  FromTagEnd = 33,
  ToUriStart = 34,
  ToUriEnd = 35,
  ToTagStart = 36,
  ToTagEnd = 37,
  CallIdStart = 38,
  CallIdEnd = 39,
  CSeqHigh = 40,
  CSeqLow = 41,
  CSeqMethodStart = 42,
  CSeqMethodEnd = 43,
  CSeqMethodId = 44,
  /** NONE when absent; above 255 is a problem. */
  MaxForwards = 45,
  /** NONE when absent; a value above what a message may hold is a problem. */
  ContentLength = 46,
  /** 1 when an Expires header is there and is a number; larger ones are cut to 2^32 - 1. */
  HasExpires = 47,
  ExpiresHigh = 48,
  ExpiresLow = 49,
  /** First header line of that kind: its number plus one, 0 when there is none. */
  FirstVia = 50,
  FirstRoute = 51,
  FirstRecordRoute = 52,
  FirstContact = 53,
  FirstAuthorization = 54,
  FirstProxyAuthorization = 55,
  /** Header line number plus one of the headers whose value stands above. */
  FromHeader = 56,
  ToHeader = 57,
  CallIdHeader = 58,
  CSeqHeader = 59,
  MaxForwardsHeader = 60,
  ContentLengthHeader = 61,
  ExpiresHeader = 62,
}

/** An absent small number. */
export const NONE = 65535

export enum SchemeId {
  Other = 0,
  Sip = 1,
  Sips = 2,
  Tel = 3,
}

export enum MethodId {
  Other = 0,
  INVITE = 1,
  ACK = 2,
  BYE = 3,
  CANCEL = 4,
  REGISTER = 5,
  OPTIONS = 6,
  PRACK = 7,
  SUBSCRIBE = 8,
  NOTIFY = 9,
  PUBLISH = 10,
  INFO = 11,
  REFER = 12,
  MESSAGE = 13,
  UPDATE = 14,
}

/** Known headers; a compact form has the id of its long one (RFC 3261 section 7.3.3). */
export enum HeaderId {
  Other = 0,
  Via = 1,
  From = 2,
  To = 3,
  CallId = 4,
  CSeq = 5,
  Contact = 6,
  MaxForwards = 7,
  Route = 8,
  RecordRoute = 9,
  ContentLength = 10,
  ContentType = 11,
  Expires = 12,
  Authorization = 13,
  ProxyAuthorization = 14,
  WwwAuthenticate = 15,
  ProxyAuthenticate = 16,
  Path = 17,
  Supported = 18,
  Require = 19,
  ProxyRequire = 20,
  Unsupported = 21,
  UserAgent = 22,
  Server = 23,
  Allow = 24,
  Accept = 25,
  Reason = 26,
  PAssertedIdentity = 27,
  PPreferredIdentity = 28,
  Privacy = 29,
  MinExpires = 30,
  RetryAfter = 31,
  Date = 32,
  Subject = 33,
  Event = 34,
  AllowEvents = 35,
  ReferTo = 36,
  ReferredBy = 37,
  Replaces = 38,
  SessionExpires = 39,
  MinSe = 40,
  ContentEncoding = 41,
  ContentDisposition = 42,
  Timestamp = 43,
  MaxBreadth = 44,
  RSeq = 45,
  RAck = 46,
  Diversion = 47,
  HistoryInfo = 48,
  AlertInfo = 49,
  ServiceRoute = 50,
  Identity = 51,
  AcceptContact = 52,
  RejectContact = 53,
  RequestDisposition = 54,
}

/** The value of one Authorization header, copied in by the host, and the spans found in it. */
export const CREDENTIALS = INDEX + INDEX_BYTES
export const CREDENTIALS_BYTES_MAX = 4096
export const CREDENTIALS_BYTES = CREDENTIALS_BYTES_MAX + SLACK_BYTES

export const DIGEST = CREDENTIALS + CREDENTIALS_BYTES
export const DIGEST_FIELDS = 32
export const DIGEST_BYTES = DIGEST_FIELDS * 2

/** What a digest value holds (RFC 7616): spans without their quotes, offsets from CREDENTIALS. */
export enum Digest {
  /** 1 when this is a Digest credential that obeys the grammar and lacks nothing that is needed. */
  Valid = 0,
  /** An AlgorithmId. MD5 when the parameter is absent (RFC 7616 section 3.3). */
  Algorithm = 1,
  /** A Qop. */
  Qop = 2,
  /** nc, 8 hex digits. */
  NonceCountHigh = 3,
  NonceCountLow = 4,
  UsernameStart = 5,
  UsernameEnd = 6,
  RealmStart = 7,
  RealmEnd = 8,
  NonceStart = 9,
  NonceEnd = 10,
  UriStart = 11,
  UriEnd = 12,
  ResponseStart = 13,
  ResponseEnd = 14,
  CnonceStart = 15,
  CnonceEnd = 16,
  OpaqueStart = 17,
  OpaqueEnd = 18,
  NonceCountStart = 19,
  NonceCountEnd = 20,
  QopStart = 21,
  QopEnd = 22,
  AlgorithmStart = 23,
  AlgorithmEnd = 24,
}

export enum Qop {
  /** The parameter is absent: a response as in RFC 2069. */
  None = 0,
  Auth = 1,
  AuthInt = 2,
  Other = 3,
}

export enum AlgorithmId {
  Unknown = 0,
  MD5 = 1,
  SHA256 = 2,
  SHA512256 = 3,
}

/** HA1 as lower-case hex, written by the host: 32 or 64 characters. */
export const HA1 = DIGEST + DIGEST_BYTES
export const HA1_BYTES = 64
/** The request's method, written by the host. */
export const METHOD = HA1 + HA1_BYTES
export const METHOD_BYTES_MAX = 64

/** Bytes to hash, and the hash as raw bytes: for HA1 and for nonces. */
export const HASH_INPUT = METHOD + METHOD_BYTES_MAX
export const HASH_INPUT_BYTES_MAX = 1024
export const HASH_OUTPUT = HASH_INPUT + HASH_INPUT_BYTES_MAX
export const HASH_OUTPUT_BYTES = 32

/** The key of the keyed hash, written by the host. */
export const MAC_KEY = HASH_OUTPUT + HASH_OUTPUT_BYTES
export const MAC_KEY_BYTES = 16
/** Of its result, at HASH_OUTPUT. */
export const MAC_BYTES = 8

/** Working room of the hash functions. */
export const SCRATCH = MAC_KEY + MAC_KEY_BYTES
export const SCRATCH_BYTES = 16384

/** The grammar's classes of characters: a byte for each character, and two vectors for each of the eight classes. */
export const CHAR_CLASSES = SCRATCH + SCRATCH_BYTES
export const CHAR_CLASSES_BYTES = 256
export const CLASS_VECTORS = CHAR_CLASSES + CHAR_CLASSES_BYTES
export const CLASS_VECTORS_BYTES = 32

/** Tables of the names of headers, methods and digest parameters: a slot holds the name, its length and its id. */
export const NAME_SLOTS = 256
export const NAME_SLOT_BYTES = 32
export const HEADER_NAMES = CLASS_VECTORS + CLASS_VECTORS_BYTES * 8
export const METHOD_NAMES = HEADER_NAMES + NAME_SLOTS * NAME_SLOT_BYTES
export const PARAMETER_NAMES = METHOD_NAMES + NAME_SLOTS * NAME_SLOT_BYTES

export const MEMORY_END = PARAMETER_NAMES + NAME_SLOTS * NAME_SLOT_BYTES
/** Fixed size of the memory, in 64 KiB pages. */
export const MEMORY_PAGES = (MEMORY_END + 65535) >> 16
