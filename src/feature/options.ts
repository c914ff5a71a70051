// What is sent to the server itself. OPTIONS asks: are you there, and what can you do? (RFC 3261 section 11.2)

import { accountOf, type Domains } from '../directory/account.ts'
import { MethodId } from '../sip/message.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'

/** Methods that the server answers by itself or passes on. */
const PASSED =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE'
const ANSWERED = 'OPTIONS, REGISTER'

/** Section 11.2. */
const ABILITIES =
  `Allow: ${PASSED}\r\nAccept: application/sdp\r\nAccept-Encoding: identity\r\n` +
  'Accept-Language: en\r\nSupported: path\r\n'

export class OptionsHandler implements Handler {
  readonly #domains: Domains

  constructor(domains: Domains) {
    this.#domains = domains
  }

  handle(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.methodId === MethodId.REGISTER || exchange.inDialog) return 'next'
    // Nearly every request is for somebody, and the scanner has seen it.
    if (request.uriUser !== '' && exchange.uri === request.uri) return 'next'
    const called = accountOf(exchange.uri, this.#domains)
    if (called === 'broken' || called === 'foreign' || called.name !== '') return 'next'
    if (request.methodId === MethodId.OPTIONS) exchange.answer(200, 'alive', { headers: ABILITIES })
    // Section 12.2.2: we have no dialogs of our own.
    else if (request.hasToTag) exchange.answer(481, 'a dialog with the server itself')
    else {
      // Section 8.2.1. Nobody is asked who he is for that: it costs less than the challenge.
      exchange.answer(405, 'the server itself takes no such method', { headers: `Allow: ${ANSWERED}\r\n` })
    }
    return 'done'
  }
}
