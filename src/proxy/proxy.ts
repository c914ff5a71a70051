// The stateful proxy (RFC 3261 section 16.6): what a request becomes on its way to a target.

import { ownCredentials } from '../auth/challenge.ts'
import { claimedIdentity, identityHeaders } from '../auth/identity.ts'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { LiveSettings } from '../directory/settings.ts'
import { parseAddress } from '../sip/address.ts'
import type { IdSource } from '../sip/id.ts'
import { HeaderId, MethodId, Problem, type SipRequest, type SipResponse, type Span } from '../sip/message.ts'
import { forwardRequest, forwardResponse } from '../sip/serialize.ts'
import { parseUri } from '../sip/uri.ts'
import { hasOneVia, viaValue } from '../sip/via.ts'
import type { TransactionLayer } from '../transaction/layer.ts'
import type { AnyClientTransaction, ClientUser } from '../transaction/transaction.ts'
import type { Flow } from '../transport/transport.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'
import type { Branch } from './branch.ts'
import { breadthOf } from './breadth.ts'
import { type CallStage, Fork, type ForkedParts, type ForkHome } from './fork.ts'
import { loopHash } from './loop.ts'
import { type DialogSeal, recordRoutes } from './record-route.ts'
import { follow, linesOf, type RouteParts } from './route.ts'
import type { Target, TargetRouter } from './target.ts'

export interface ProxyParts extends RouteParts {
  readonly clock: Clock
  readonly ids: IdSource
  readonly transactions: TransactionLayer
  readonly router: TargetRouter
  readonly settings: LiveSettings
  readonly seal: DialogSeal
  readonly limits: Pick<Limits, 'branchesPerFork' | 'branchesPerRequest' | 'routesPerMessage'>
  isOwnRealm(realm: string): boolean
  onStage(stage: CallStage, fork: Fork, status: number): void
}

/** RFC 3261 section 16.6 step 3. */
const MAX_FORWARDS_DEFAULT = 70

/** A CANCEL's own answer changes nothing: the INVITE's final answer is what is waited for (section 9.1). */
const NOBODY: ClientUser = { upstream: null, onResponse() {}, onTimeout() {}, onSendFailed() {} }

export class StatefulProxy implements ForkHome {
  /** Targets that were not rung, because a request may not spread so far. */
  branchesRefused = 0
  readonly #parts: ProxyParts

  constructor(parts: ProxyParts) {
    this.#parts = parts
  }

  get clock(): Clock {
    return this.#parts.clock
  }

  get timerC_ms(): number {
    return this.#parts.settings.current.timerC_s * 1000
  }

  /** Takes a request within a dialog over. Nobody is challenged there, yet phones repeat their proof to us. */
  forwardInDialog(exchange: Exchange): void {
    exchange.removals.push(...ownCredentials(exchange.request, this.#parts.isOwnRealm))
    this.forward(exchange, [{ uri: exchange.uri, routes: exchange.routes, binding: null }])
  }

  /** Takes the request over. `targets` must not be empty; those beyond the limit are not rung. */
  forward(exchange: Exchange, targets: readonly Target[]): void {
    // A CANCEL came while a record was looked up: it has its 487 already.
    if (exchange.transaction.answered) return
    const rung = targets.slice(0, this.#parts.limits.branchesPerFork)
    this.branchesRefused += targets.length - rung.length
    const breadth = breadthOf(exchange.request, this.#parts.limits)
    if (breadth === null) exchange.answer(400, 'Max-Breadth is no number')
    // RFC 5393 section 5.3.3: one after the other would do with less, but we fork in parallel alone.
    else if (breadth < rung.length) {
      this.branchesRefused += rung.length
      exchange.answer(440, `${rung.length} branches need more breadth`)
    } else new Fork(exchange, forkedParts(exchange), this).start(rung, breadth)
  }

  /** An ACK for a 2xx (section 16.11 in spirit): it has no transaction, nor does it get an answer. */
  forwardAck(request: SipRequest): void {
    if (request.problem !== Problem.Ok || request.maxForwards === 0) return
    const followed = follow(request, this.#parts)
    if (followed === null || !followed.inDialog) return
    const target: Target = { uri: followed.uri, routes: followed.routes, binding: null }
    // The credentials of its INVITE come again (section 22.1), those for us among them.
    const removals = [...followed.removals, ...ownCredentials(request, this.#parts.isOwnRealm)]
    const send = (to: Flow | null) => {
      if (to === null) return
      const branch = this.#parts.ids.branch(loopHash(request))
      const bytes = this.#serialize(request, target, branch, to, null, removals, '')
      this.#parts.transactions.traffic.sent('ACK', 0, bytes, to)
      to.send(bytes)
    }
    const flow = this.flow(target)
    // As a task of the clock, which hears of what throws: a rejected promise of ours would end the process.
    const later = (to: Flow | null) => this.clock.soon(() => send(to))
    if (flow instanceof Promise) flow.then(later, () => later(null))
    else send(flow)
  }

  /** A 2xx that comes again: its ACK was lost, and the caller must hear of it (RFC 6026 section 7.2). */
  passAgain(response: SipResponse, upstream: Flow): void {
    if (hasOneVia(response)) return
    const bytes = forwardResponse(response, claimedIdentity(response))
    this.#parts.transactions.traffic.sent('INVITE', response.status, bytes, upstream)
    upstream.send(bytes)
  }

  flow(target: Target): Flow | null | Promise<Flow | null> {
    const flow = this.#parts.router.flow(target)
    return flow instanceof Promise ? flow.then(this.#elsewhere) : this.#elsewhere(flow)
  }

  send(fork: Fork, branch: Branch, flow: Flow): AnyClientTransaction | null {
    const { exchange, parts } = fork
    const { request, transaction } = exchange
    const id = this.#parts.ids.branch(parts.loop)
    const headers = `Max-Breadth: ${branch.breadth}\r\n${parts.identity}`
    const from = formsDialog(exchange) ? transaction.flow : null
    const bytes = this.#serialize(request, branch.target, id, flow, from, parts.removals, headers)
    return this.#parts.transactions.request(request.method, id, bytes, flow, branch)
  }

  sendCancel(bytes: Buffer, invite: AnyClientTransaction): void {
    this.#parts.transactions.request('CANCEL', invite.key, bytes, invite.flow, NOBODY)
  }

  onStage(stage: CallStage, fork: Fork, status: number): void {
    this.#parts.onStage(stage, fork, status)
  }

  /**
   * Whom we answer for is known here, so a request sent to ourselves could only go round in a loop. A few contacts that
   * lead to us, in different spellings, would make one request into millions (RFC 5393 section 3).
   */
  readonly #elsewhere = (flow: Flow | null): Flow | null =>
    flow !== null && this.#parts.isLocal(flow.peer.host, flow.peer.port) ? null : flow

  /** `recordFrom`: the flow it came by, when we want to stay in the dialog's path. */
  #serialize(
    request: SipRequest,
    target: Target,
    branch: string,
    to: Flow,
    recordFrom: Flow | null,
    removals: readonly Span[],
    headers: string,
  ): Buffer {
    const { uri, routes } = pastStrictRouter(target)
    const route = routes.length === 0 ? '' : `Route: ${routes.join(', ')}\r\n`
    const maxForwards = request.maxForwards
    return forwardRequest(request, {
      uri,
      via: viaValue(to.transport, to.local.host, to.local.port, branch),
      recordRoutes:
        recordFrom === null ? [] : recordRoutes(recordFrom, to, this.#parts.seal.of(request.callId)),
      maxForwards: maxForwards === null ? MAX_FORWARDS_DEFAULT : maxForwards - 1,
      removals,
      headers: route + headers,
    })
  }
}

function forkedParts(exchange: Exchange): ForkedParts {
  const { request } = exchange
  return {
    loop: loopHash(request),
    removals: [...exchange.removals, ...claimedIdentity(request), ...linesOf(request, HeaderId.MaxBreadth)],
    identity: identityHeaders(exchange),
  }
}

/**
 * Section 16.6 step 6: a next hop without `lr` is a strict router of RFC 2543. It wants itself in the Request-URI, and
 * the real one at the end of the Route.
 */
function pastStrictRouter(target: Target): Pick<Target, 'uri' | 'routes'> {
  const [first, ...others] = target.routes
  if (first === undefined) return target
  const hop = parseAddress(first)
  if (hop === null || parseUri(hop.uri)?.params.has('lr') !== false) return target
  return { uri: hop.uri, routes: [...others, `<${target.uri}>`] }
}

/** Only these make a dialog, whose later requests we want to see (section 16.6 step 4, RFC 6665, RFC 3515). */
function formsDialog(exchange: Exchange): boolean {
  if (exchange.inDialog) return false
  const { methodId } = exchange.request
  return methodId === MethodId.INVITE || methodId === MethodId.SUBSCRIBE || methodId === MethodId.REFER
}

/** Requests within a dialog go where its route set and remote target say (section 16.5: the target set is one URI). */
export class DialogHandler implements Handler {
  readonly #proxy: StatefulProxy

  constructor(proxy: StatefulProxy) {
    this.#proxy = proxy
  }

  handle(exchange: Exchange): Verdict {
    if (!exchange.inDialog) return 'next'
    this.#proxy.forwardInDialog(exchange)
    return 'done'
  }
}
