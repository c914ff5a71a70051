// OPTIONS to the server itself: are you there, and what can you do? (RFC 3261 section 11.2)

import { MethodId } from '../sip/message.ts'
import { parseUri } from '../sip/uri.ts'
import type { DomainRecord } from '../store/store.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'

/** Methods that the server answers by itself or passes on. */
const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE'

export class OptionsHandler implements Handler {
  readonly #domainOf: (host: string, port: number) => DomainRecord | null

  constructor(domainOf: (host: string, port: number) => DomainRecord | null) {
    this.#domainOf = domainOf
  }

  handle(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.methodId !== MethodId.OPTIONS || exchange.inDialog) return 'next'
    const uri = parseUri(exchange.uri)
    if (uri === null || uri.user !== '' || this.#domainOf(uri.host, uri.port) === null) return 'next'
    exchange.answer(200, 'alive', {
      headers: `Allow: ${ALLOW}\r\nAccept: application/sdp\r\nSupported: path\r\n`,
    })
    return 'done'
  }
}
