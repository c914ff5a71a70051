// Grammar that many header values share: lists, parameters, quoted strings (RFC 3261 sections 7.3.1 and 25.1).
//
// Messages are strings of one byte per character, so neither `\s`, trim() nor toLowerCase() may touch them: the bytes
// 0xA0 and 0xC0 to 0xDE, parts of UTF-8 letters, would pass for white space and for capitals.

/** Canonical names of headers that we write. */
export const HEADER_NAMES = {
  via: 'Via',
  recordRoute: 'Record-Route',
  maxForwards: 'Max-Forwards',
} as const

/** In a pattern: white space or none, folds among it (section 25.1). */
export const SWS = '[ \\t\\r\\n]*'

/** LWS (section 25.1): within a header's value a line end is always part of a fold. */
export function isSpace(char: string | undefined): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n'
}

/** Without the white space at both ends. */
export function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text[start])) start++
  while (end > start && isSpace(text[end - 1])) end--
  return text.slice(start, end)
}

/** Letters of ASCII only: others have no case in SIP. */
export function lowerCase(text: string): string {
  if (!hasCapital(text)) return text
  return /[\x80-\xff]/.test(text)
    ? text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
    : text.toLowerCase()
}

function hasCapital(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x41 && code <= 0x5a) return true
  }
  return false
}

/**
 * Offsets at which the values of a comma-separated list end: commas inside quotes and angle brackets do not count.
 * The last one is the length of the text. Only for headers whose grammar is a list.
 */
export function listEnds(text: string): number[] {
  const ends: number[] = []
  let quoted = false
  let bracketed = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (quoted) {
      if (char === '\\') at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = !bracketed
    else if (char === '<') bracketed = true
    else if (char === '>') bracketed = false
    else if (char === ',' && !bracketed) ends.push(at)
  }
  ends.push(text.length)
  return ends
}

/** The values of a comma-separated list, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  if (!text.includes(',')) {
    const only = trimSpace(text)
    return only === '' ? [] : [only]
  }
  const values: string[] = []
  let start = 0
  for (const end of listEnds(text)) {
    const value = trimSpace(text.slice(start, end))
    if (value !== '') values.push(value)
    start = end + 1
  }
  return values
}

const PARAM_NAME = '[^\\x00-\\x20\\x7f;=,"<>]+'
/** Wider than token / host: base64 and paths are seen there. */
const PARAM_VALUE = '"(?:[^"\\\\]|\\\\[^\\r\\n])*"|[^\\x00-\\x20\\x7f;,"<>]+'
/** One `;name=value`. Sticky: it never searches. */
const PARAM = new RegExp(`${SWS};${SWS}(${PARAM_NAME})${SWS}(?:=${SWS}(${PARAM_VALUE})${SWS})?`, 'uy')

/**
 * Parameters after a value: `;name=value;flag`. Names in lower case; a flag has the value ''; quotes are taken off.
 * null when the grammar is broken or a name comes twice.
 */
export function parseParams(text: string): Map<string, string> | null {
  const params = new Map<string, string>()
  let at = 0
  while (at < text.length) {
    PARAM.lastIndex = at
    const match = PARAM.exec(text)
    if (match === null) return trimSpace(text.slice(at)) === '' ? params : null
    const name = lowerCase(match[1]!)
    if (params.has(name)) return null
    params.set(name, unquote(match[2] ?? ''))
    at = PARAM.lastIndex
  }
  return params
}

/** A quoted string without its quotes, escapes and folds; other text as it is, but for folds. */
export function unquote(text: string): string {
  const isQuoted = text.length >= 2 && text[0] === '"' && text.endsWith('"')
  const content = isQuoted ? text.slice(1, -1) : text
  return oneLine(isQuoted && content.includes('\\') ? content.replace(/\\(.)/gs, '$1') : content)
}

/** Section 7.3.1: a fold is worth one space. Also of text that is no message's, nothing remains that ends a line. */
export function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n][ \t\r\n]*/g, ' ') : text
}

/**
 * Text as a quoted string. Control characters become spaces, and characters that are no byte become question marks:
 * both could end the line, the latter when written as one byte each (U+010A). Text for people goes through `wire`.
 */
export function quote(text: string): string {
  return `"${text
    .replace(/[\x00-\x1f\x7f]/g, ' ')
    .replace(/[^\x00-\xff]/gu, '?')
    .replace(/["\\]/g, '\\$&')}"`
}

/** delta-seconds (section 25.1); larger than 2^32 - 1 is cut to it (section 20.19); null when it is no number. */
export function parseSeconds(text: string): number | null {
  return /^\d{1,64}$/.test(text) ? Math.min(Number(text), 0xffffffff) : null
}
