// The log: pino. JSON lines on standard error, or lines for people where standard error is a terminal.
// Fields have one name each, so that a call can be followed by grep: callId, method, source, extension, event.

import pino, { type Logger } from 'pino'
import { LIMITS, type LogLevel } from './config.ts'

export type Log = Logger

/** Where lines go: each `write` is one whole line of JSON with its line end. */
export interface LogStream {
  write(line: string): void
}

const HIDDEN = '***'

/** Names of fields whose value is a secret, at any depth and in any usual spelling. */
const SECRET_NAME =
  'authorization|proxy-?authorization|(?:www|proxy)-?authenticate|password|ha1|nonce|cnonce|response|secret|token'
const SECRET_FIELD = new RegExp(`^(?:${SECRET_NAME})$`, 'i')
const HOLDS_SECRET_FIELD = new RegExp(`"(?:${SECRET_NAME})":`, 'i')

export function createLog(level: LogLevel, stream: LogStream = standardError()): Log {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    hooks: { streamWrite: hideSecretFields },
  }
  return pino(options, stream)
}

/** On the finished line, as pino's own `redact` takes 28 us for each line and knows only listed depths. */
function hideSecretFields(line: string): string {
  if (!HOLDS_SECRET_FIELD.test(line)) return line
  const hidden = JSON.parse(line, (name, value) => (SECRET_FIELD.test(name) ? HIDDEN : value))
  return `${JSON.stringify(hidden)}\n`
}

/**
 * A pipe that nobody reads must not stop the SIP thread, so lines are written in the background and dropped,
 * newest first, once too many wait. pino writes the rest when the process exits.
 */
function standardError(): LogStream {
  if (process.stderr.isTTY) return { write: (line) => process.stderr.write(readableLine(line)) }
  return pino.destination({ dest: 2, sync: false, maxLength: LIMITS.logPending_bytes })
}

/** `2026-01-31T12:00:00.000Z INFO  registered extension=101 callId=a84b4c76e66710`; texts of many lines go below. */
export function readableLine(line: string): string {
  const { time, level, msg, wire, err, ...fields }: Record<string, unknown> = JSON.parse(line)
  const words = [visible(`${time}`), `${level}`.toUpperCase().padEnd(5), visible(`${msg ?? ''}`)]
  for (const [name, value] of Object.entries(fields)) {
    words.push(visible(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`))
  }
  const stack = typeof err === 'object' && err !== null && 'stack' in err ? err.stack : err
  const below = [wire, stack].filter((text) => typeof text === 'string').flatMap((text) => text.split('\n'))
  return `${words.join(' ')}\n${below.map((text) => `    | ${visible(text)}\n`).join('')}`
}

/**
 * A message as text for the trace: secrets hidden, line ends as `\n`, every other control byte visible.
 * What a peer sends can neither start a line of the log nor move a terminal's cursor.
 */
export function safeWire(text: string): string {
  return foldedLines(text).map(hideInLine).map(visible).join('\n')
}

// Every repetition below has a bound: a peer must not make a trace quadratic in the length of its message.

/** Names of headers with credentials or challenges; any name with `auth` in it, as vendors have their own. */
const SECRET_HEADER = /(?:^|[\0-\x20])[\w-]{0,64}auth[\w-]{0,64}[\0-\x20]{0,64}(?::|(?<=[\0-\x20])digest\b)/i

/** A fold continues the line above (RFC 3261 section 7.3.1), so a secret in it belongs to the header above. */
function foldedLines(text: string): string[] {
  const lines: string[] = []
  let hiding = false
  for (const line of text.split(/\r?\n/)) {
    const isFold = line.startsWith(' ') || line.startsWith('\t')
    if (isFold && hiding) {
      lines.push(`${lines.pop()} ${line.trimStart()}`)
    } else {
      lines.push(line)
      hiding = SECRET_HEADER.test(line)
    }
  }
  return lines
}

function hideInLine(line: string): string {
  const header = SECRET_HEADER.exec(line)
  if (header !== null) {
    const valueAt = header.index + header[0].length
    return `${hideInUris(line.slice(0, valueAt))} ${hideInCredentials(line.slice(valueAt))}`
  }
  // Media keys in SDP: RFC 4568 section 9.1, RFC 8839 section 5.4, and the k= of RFC 4566.
  return hideInUris(line)
    .replace(/^(a=crypto:[^:]{0,256}inline:).*/is, `$1${HIDDEN}`)
    .replace(/^(a=ice-pwd:|k=).*/is, `$1${HIDDEN}`)
}

/** `sip:user:password@host`, and headers within a URI (RFC 3261 section 19.1.1). */
function hideInUris(line: string): string {
  return line
    .replace(/(sips?:[^\s:@<>"]{0,256}):[^\s@<>"]{0,256}@/gi, `$1:${HIDDEN}@`)
    .replace(/([?&][^=&\s>]{0,64}auth[^=&\s>]{0,64}=)[^&\s>]*/gi, `$1${HIDDEN}`)
}

/** What helps to find an error and is no secret; whatever else stands in the header is not shown. */
const SHOWN_PARAMETERS = new Set(['username', 'realm', 'uri', 'algorithm', 'qop', 'nc', 'stale'])
/** Neither comma nor quote inside: a broken quote could have swallowed the next parameter. */
const SHOWN_VALUE = /^(?:"[^",\\]*"|[^\s",\\]+)$/

function hideInCredentials(value: string): string {
  const digest = /^\s*digest\b/i.exec(value)
  if (digest === null) return HIDDEN
  const parameters: string[] = []
  for (const [, name = '', given = ''] of value.matchAll(
    /([\w-]{1,32})\s{0,8}=\s{0,8}("(?:[^"\\]|\\.)*"?|[^\s,]*)/g,
  )) {
    const shown = SHOWN_PARAMETERS.has(name.toLowerCase()) && SHOWN_VALUE.test(given)
    parameters.push(`${name}=${shown ? hideInUris(given) : HIDDEN}`)
  }
  return `Digest ${parameters.join(', ')}`
}

/** Control and format characters as `\x1b`, `\u{202e}`: Unicode's own can turn a line around too. */
export function visible(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}
