// CANCEL: hop by hop, answered here, and passed on to every open branch (RFC 3261 sections 9.2 and 16.10).

import type { IdSource } from '../sip/id.ts'
import { MethodId } from '../sip/message.ts'
import { buildResponse } from '../sip/serialize.ts'
import type { TransactionLayer } from '../transaction/layer.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'

export class CancelHandler implements Handler {
  readonly #transactions: TransactionLayer
  readonly #ids: IdSource

  constructor(transactions: TransactionLayer, ids: IdSource) {
    this.#transactions = transactions
    this.#ids = ids
  }

  handle(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.methodId !== MethodId.CANCEL) return 'next'
    const invite = this.#transactions.inviteOf(request)
    if (invite === null) {
      // Section 9.2: too late it has no effect, and is no error.
      if (this.#transactions.isOver(request)) exchange.answer(200, 'cancelled too late')
      else exchange.answer(481, 'no INVITE that this CANCEL could mean')
      return 'done'
    }
    const toTag = invite.cancellable?.toTag ?? this.#ids.tag()
    exchange.answer(200, 'cancelled', { toTag })
    if (invite.answered) return 'done'
    const { cancellable, request: cancelled } = invite
    if (cancellable !== null) cancellable.onCancel(request)
    // While a record is being looked up nobody has been rung yet: the INVITE ends here.
    else if (cancelled !== null) invite.respond(487, buildResponse(cancelled, 487, { toTag }))
    return 'done'
  }
}
