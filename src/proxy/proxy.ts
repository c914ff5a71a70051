// The stateful proxy (RFC 3261 section 16.6): what a request becomes on its way to a target.

import { claimedIdentityLines, identityHeaders } from '../auth/identity.ts'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { LiveSettings } from '../directory/settings.ts'
import type { IdSource } from '../sip/id.ts'
import { MethodId, Problem, type SipRequest, type Span } from '../sip/message.ts'
import { forwardRequest } from '../sip/serialize.ts'
import { viaValue } from '../sip/via.ts'
import type { TransactionLayer } from '../transaction/layer.ts'
import type { AnyClientTransaction, ClientUser } from '../transaction/transaction.ts'
import type { Flow } from '../transport/transport.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'
import type { Branch } from './branch.ts'
import { type CallStage, Fork, type ForkHome } from './fork.ts'
import { loopHash } from './loop.ts'
import { type DialogSeal, recordRoutes } from './record-route.ts'
import { follow, type RouteParts } from './route.ts'
import type { Target, TargetRouter } from './target.ts'

export interface ProxyParts extends RouteParts {
  readonly clock: Clock
  readonly ids: IdSource
  readonly transactions: TransactionLayer
  readonly router: TargetRouter
  readonly settings: LiveSettings
  readonly seal: DialogSeal
  readonly limits: Pick<Limits, 'branchesPerFork' | 'routesPerMessage'>
  onStage(stage: CallStage, exchange: Exchange, status: number): void
}

/** RFC 3261 section 16.6 step 3. */
const MAX_FORWARDS_DEFAULT = 70

/** A CANCEL's own answer changes nothing: the INVITE's final answer is what is waited for (section 9.1). */
const NOBODY: ClientUser = { onResponse() {}, onTimeout() {}, onSendFailed() {} }

export class StatefulProxy implements ForkHome {
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

  /** Takes the request over. `targets` must not be empty; those beyond the limit are not rung. */
  forward(exchange: Exchange, targets: readonly Target[]): void {
    // A CANCEL came while a record was looked up: it has its 487 already.
    if (exchange.transaction.answered) return
    new Fork(exchange, this).start(targets.slice(0, this.#parts.limits.branchesPerFork))
  }

  /** An ACK for a 2xx (section 16.11 in spirit): it has no transaction, nor does it get an answer. */
  forwardAck(request: SipRequest): void {
    if (request.problem !== Problem.Ok || request.maxForwards === 0) return
    const followed = follow(request, this.#parts)
    if (followed === null || !followed.inDialog) return
    const target: Target = { uri: followed.uri, routes: followed.routes, binding: null }
    const flow = this.#parts.router.flow(target)
    const send = (to: Flow | null) => {
      if (to === null) return
      const branch = this.#parts.ids.branch(loopHash(request))
      const bytes = this.#serialize(request, target, branch, to, null, followed.removals, '')
      this.#parts.transactions.traffic.sent('ACK', 0, bytes, to)
      to.send(bytes)
    }
    if (flow instanceof Promise) flow.then(send, () => send(null))
    else send(flow)
  }

  flow(target: Target): Flow | null | Promise<Flow | null> {
    return this.#parts.router.flow(target)
  }

  send(fork: Fork, branch: Branch, flow: Flow): AnyClientTransaction | null {
    const { exchange } = fork
    const { request, transaction } = exchange
    const id = this.#parts.ids.branch(loopHash(request))
    const removals = [
      ...exchange.removals,
      ...claimedIdentityLines(request).map((line) => request.headerLineSpan(line)),
    ]
    const headers = identityHeaders(exchange)
    const from = formsDialog(exchange) ? transaction.flow : null
    const bytes = this.#serialize(request, branch.target, id, flow, from, removals, headers)
    return this.#parts.transactions.request(request.method, id, bytes, flow, branch)
  }

  sendCancel(bytes: Buffer, invite: AnyClientTransaction): void {
    this.#parts.transactions.request('CANCEL', invite.key, bytes, invite.flow, NOBODY)
  }

  onStage(stage: CallStage, exchange: Exchange, status: number): void {
    this.#parts.onStage(stage, exchange, status)
  }

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
    const routes = target.routes.length === 0 ? '' : `Route: ${target.routes.join(', ')}\r\n`
    const maxForwards = request.maxForwards
    return forwardRequest(request, {
      uri: target.uri,
      via: viaValue(to.transport, to.local.host, to.local.port, branch),
      recordRoutes:
        recordFrom === null ? [] : recordRoutes(recordFrom, to, this.#parts.seal.of(request.callId)),
      maxForwards: maxForwards === null ? MAX_FORWARDS_DEFAULT : maxForwards - 1,
      removals,
      headers: routes + headers,
    })
  }
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
    this.#proxy.forward(exchange, [{ uri: exchange.uri, routes: exchange.routes, binding: null }])
    return 'done'
  }
}
