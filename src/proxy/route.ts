// Following a route set: RFC 3261 section 16.4, and the Route part of section 16.6.

import type { Limits } from '../config.ts'
import { parseAddress } from '../sip/address.ts'
import { splitList } from '../sip/header.ts'
import { bareHost } from '../sip/host.ts'
import { HeaderId, type SipRequest, type Span } from '../sip/message.ts'
import { parseUri, type SipUri } from '../sip/uri.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'
import { type DialogSeal, SEAL_PARAM } from './record-route.ts'

export interface RouteParts {
  readonly seal: DialogSeal
  readonly limits: Pick<Limits, 'routesPerMessage'>
  isLocal(host: string, port: number): boolean
}

/** What the route set says of a request once our own values are taken off. */
export interface Followed {
  readonly uri: string
  /** The values that are left, as written. */
  readonly routes: readonly string[]
  /** Every Route line, when a value was taken off: what is left is written anew. */
  readonly removals: readonly Span[]
  /** One of our values was there, sealed for this Call-ID. */
  readonly inDialog: boolean
}

interface RouteValue {
  readonly text: string
  readonly target: string
  readonly uri: SipUri | null
}

/** Our values come in pairs at most (RFC 5658); a spiral back through us adds as many again. */
const OWN_ROUTES_MAX = 4

export class RouteHandler implements Handler {
  readonly #parts: RouteParts

  constructor(parts: RouteParts) {
    this.#parts = parts
  }

  handle(exchange: Exchange): Verdict {
    const followed = follow(exchange.request, this.#parts)
    if (followed === null) {
      exchange.answer(400, 'the Route header breaks the grammar')
      return 'done'
    }
    exchange.uri = followed.uri
    exchange.inDialog = followed.inDialog
    exchange.routes = followed.routes
    exchange.removals.push(...followed.removals)
    // A route made up by the sender would have us relay for it.
    if (followed.routes.length > 0 && !followed.inDialog) {
      exchange.answer(403, 'a Route to elsewhere, outside any dialog of ours')
      return 'done'
    }
    return 'next'
  }
}

/** null when the Route header breaks the grammar or is too long. */
export function follow(request: SipRequest, parts: RouteParts): Followed | null {
  if (request.findHeader(HeaderId.Route) < 0) {
    return { uri: request.uri, routes: [], removals: [], inDialog: false }
  }
  const values = readRoutes(request, parts.limits.routesPerMessage)
  if (values === null) return null
  const before = values.length
  let uri = request.uri
  let inDialog = false
  const strict = parseUri(uri)
  if (isOwn(strict, parts) && strict?.params.has(SEAL_PARAM)) {
    // Section 16.4: a strict router put our Record-Route into the Request-URI and the real one at the Route's end.
    inDialog = isSealed(strict, request, parts)
    uri = values.pop()?.target ?? uri
  }
  let own = 0
  while (own < OWN_ROUTES_MAX && own < values.length && isOwn(values[own]!.uri, parts)) {
    inDialog ||= isSealed(values[own]!.uri, request, parts)
    own++
  }
  const routes = values.slice(own).map((value) => value.text)
  return { uri, routes, removals: routes.length < before ? linesOf(request, HeaderId.Route) : [], inDialog }
}

function readRoutes(request: SipRequest, most: number): RouteValue[] | null {
  const values: RouteValue[] = []
  for (const text of request.headers(HeaderId.Route).flatMap(splitList)) {
    const address = parseAddress(text)
    if (address === null || values.length === most) return null
    values.push({ text, target: address.uri, uri: parseUri(address.uri) })
  }
  return values
}

/** Every line of this header, whole. */
export function linesOf(request: SipRequest, id: HeaderId): Span[] {
  const lines: Span[] = []
  for (let line = request.findHeader(id); line >= 0; line = request.findHeader(id, line + 1)) {
    lines.push(request.headerLineSpan(line))
  }
  return lines
}

function isOwn(uri: SipUri | null, parts: RouteParts): boolean {
  return uri !== null && parts.isLocal(bareHost(uri.host), uri.port)
}

function isSealed(uri: SipUri | null, request: SipRequest, parts: RouteParts): boolean {
  return parts.seal.holds(request.callId, uri?.params.get(SEAL_PARAM))
}
