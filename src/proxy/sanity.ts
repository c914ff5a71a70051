// Is this request fit to be handled at all? RFC 3261 section 16.3, and what section 8.2 asks of a UAS.

import type { Limits } from '../config.ts'
import { splitList } from '../sip/header.ts'
import { bareHost } from '../sip/host.ts'
import { loopHashOf } from '../sip/id.ts'
import { HeaderId, MethodId, Problem, SchemeId, type SipRequest } from '../sip/message.ts'
import { PROBLEM_NAMES } from '../sip/parse.ts'
import { hasOneVia, parseSentBy, viaValues } from '../sip/via.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'
import { loopHash } from './loop.ts'

export interface SanityParts {
  readonly limits: Pick<Limits, 'viasPerMessage'>
  isLocal(host: string, port: number): boolean
}

/** Extensions that a request to the server itself may require (section 8.2.2.3). */
const SUPPORTED_BY_SERVER: readonly string[] = ['path']

export class SanityHandler implements Handler {
  readonly #parts: SanityParts

  constructor(parts: SanityParts) {
    this.#parts = parts
  }

  handle(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.problem !== Problem.Ok) return refuseBroken(exchange)
    // It goes where its INVITE went, or nowhere; what it requires is ignored (section 8.2.2.3).
    if (request.methodId === MethodId.CANCEL) return 'next'
    if (request.uriScheme !== SchemeId.Sip && request.uriScheme !== SchemeId.Tel) {
      // sips needs TLS on every hop (sections 16.3 and 26.2.2).
      exchange.answer(416, 'only sip and tel URIs are served')
      return 'done'
    }
    // Only who would forward it has to count: what is for the server itself has arrived (section 16.3 item 3).
    if (request.maxForwards === 0 && !isForServer(request)) {
      exchange.answer(483, 'Max-Forwards is used up')
      return 'done'
    }
    if (this.#hasLooped(exchange)) return 'done'
    return refuseUnsupported(exchange)
  }

  /** Section 16.3 item 4 with RFC 5393: seen before, and nothing in it has changed since. */
  #hasLooped(exchange: Exchange): boolean {
    const { request } = exchange
    // Straight from a phone, as nearly every request is.
    if (hasOneVia(request) && !this.#parts.isLocal(bareHost(request.viaHost), request.viaPort)) return false
    const most = this.#parts.limits.viasPerMessage
    const vias = viaValues(request, most + 1)
    if (vias.length > most) {
      exchange.answer(400, `more than ${most} Via values`)
      return true
    }
    let own: string | null = null
    for (const value of vias) {
      const sentBy = parseSentBy(value)
      if (sentBy === null || !this.#parts.isLocal(bareHost(sentBy.host), sentBy.port)) continue
      own ??= loopHash(request)
      if (loopHashOf(sentBy.branch) !== own) continue
      exchange.answer(482, 'it has been here before')
      return true
    }
    return false
  }
}

function refuseBroken(exchange: Exchange): Verdict {
  const { problem } = exchange.request
  if (problem === Problem.Version) exchange.answer(505, 'not SIP/2.0')
  else
    exchange.answer(400, `broken: ${PROBLEM_NAMES[problem]}`, {
      reason: `Bad Request - ${PROBLEM_NAMES[problem]}`,
    })
  return 'done'
}

/** Proxy-Require is for us in any case (section 16.3 item 5), Require only when we are the target (section 8.2.2.3). */
function refuseUnsupported(exchange: Exchange): Verdict {
  const { request } = exchange
  const unsupported = options(request, HeaderId.ProxyRequire)
  if (isForServer(request)) {
    unsupported.push(
      ...options(request, HeaderId.Require).filter((tag) => !SUPPORTED_BY_SERVER.includes(tag)),
    )
  }
  if (unsupported.length === 0) return 'next'
  exchange.answer(420, 'an extension is required that is not supported', {
    headers: `Unsupported: ${unsupported.join(', ')}\r\n`,
  })
  return 'done'
}

/** A REGISTER, or a request without a user part that belongs to no dialog, such as OPTIONS to the domain. */
function isForServer(request: SipRequest): boolean {
  if (request.methodId === MethodId.REGISTER) return true
  return request.uriScheme === SchemeId.Sip && request.uriUser === '' && !request.hasToTag
}

/** Option tags, lower case; what is no token can't be echoed into a header. */
function options(request: SipRequest, id: HeaderId): string[] {
  if (request.findHeader(id) < 0) return []
  const tags = request.headers(id).flatMap(splitList)
  return tags.map((tag) => tag.toLowerCase()).filter((tag) => /^[\w\-.!%*+`'~]+$/u.test(tag))
}
