// name-addr and addr-spec with parameters: From, To, Contact, Route, Path (RFC 3261 section 20.10).

import { isSpace, parseParams, trimSpace, unquote } from './header.ts'

export interface NameAddress {
  /** Without quotes and folds; '' when there is none. */
  readonly displayName: string
  /** Between the angle brackets, or the bare addr-spec. Without white space, control characters, `<`, `>` and `"`. */
  readonly uri: string
  /** The header's own parameters, not the URI's. */
  readonly params: ReadonlyMap<string, string>
}

/** What no URI may hold unescaped: whoever writes a URI into a line relies on it. */
const NO_URI = /[\x00-\x20\x7f<>"]/

/** One value of a list. null when the grammar is broken. */
export function parseAddress(text: string): NameAddress | null {
  const open = openBracket(text)
  if (open < 0) return parseBareAddress(text)
  const close = text.indexOf('>', open)
  if (close < 0) return null
  const uri = trimSpace(text.slice(open + 1, close))
  if (uri === '' || NO_URI.test(uri)) return null
  const params = parseParams(text.slice(close + 1))
  if (params === null) return null
  return { displayName: unquote(trimSpace(text.slice(0, open))), uri, params }
}

/** Without angle brackets, parameters after `;` are the header's, not the URI's (section 20). */
function parseBareAddress(text: string): NameAddress | null {
  const semicolon = text.indexOf(';')
  const uri = trimSpace(semicolon < 0 ? text : text.slice(0, semicolon))
  // A bare addr-spec must not have a comma, question mark or semicolon in it (section 20.10).
  if (uri === '' || NO_URI.test(uri) || /[,?]/.test(uri)) return null
  const params = parseParams(semicolon < 0 ? '' : text.slice(semicolon))
  return params === null ? null : { displayName: '', uri, params }
}

/** The '<' that opens the URI: the first one outside a quoted display name. */
function openBracket(text: string): number {
  let at = 0
  while (isSpace(text[at])) at++
  if (text[at] === '"') {
    at++
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  }
  return text.indexOf('<', at)
}
