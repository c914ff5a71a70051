// From a dialled name to the phones that ring: the dial plan's first rule, an extension row makes its number dialable.

import { accountOf, type Domains } from '../directory/account.ts'
import { type LookUpParts, lookUp } from '../directory/look-up.ts'
import type { StatefulProxy } from '../proxy/proxy.ts'
import { bindingTargets } from '../proxy/target.ts'
import type { Location } from '../registrar/location.ts'
import type { ExtensionRecord } from '../store/store.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'

export interface PlanParts extends LookUpParts {
  readonly location: Location
  readonly proxy: StatefulProxy
  readonly domains: Domains
}

export class PlanHandler implements Handler {
  readonly #parts: PlanParts

  constructor(parts: PlanParts) {
    this.#parts = parts
  }

  handle(exchange: Exchange): Verdict | Promise<Verdict> {
    const called = accountOf(exchange.uri, this.#parts.domains)
    if (called === 'broken') {
      exchange.answer(400, 'the Request-URI breaks the grammar')
      return 'done'
    }
    if (called === 'foreign') {
      exchange.answer(403, 'the Request-URI is in no domain of ours, and there are no routes to others')
      return 'done'
    }
    const { domain, name } = called
    const known = name === '' ? null : this.#parts.directory.peek(domain.name, name)
    if (known !== undefined) return this.#ring(exchange, known)
    // It may take longer than the 200 ms that section 17.2.1 allows without a sign.
    exchange.trying()
    const { transaction } = exchange
    if (transaction.kind === 'invite-server') {
      const onCancel = () => exchange.answer(487, 'the caller gave up while the record was looked up')
      transaction.cancellable = { toTag: exchange.toTag, onCancel }
    }
    return lookUp(exchange, called, this.#parts, (found) => this.#ring(exchange, found))
  }

  #ring(exchange: Exchange, extension: ExtensionRecord | null): Verdict {
    if (extension === null) {
      exchange.answer(404, 'nobody has this number')
      return 'done'
    }
    const bindings = extension.suspended ? [] : this.#parts.location.of(extension.id)
    if (bindings.length === 0) {
      exchange.answer(480, extension.suspended ? 'the user is suspended' : 'no phone is registered')
      return 'done'
    }
    this.#parts.proxy.forward(exchange, bindingTargets(bindings))
    return 'done'
  }
}
