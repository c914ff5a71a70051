// One side of a call that was answered: what it sends follows the route set (RFC 3261 section 12.2.1.1).

import { splitList } from '../../src/sip/header.ts'
import type { Phone, RequestParts } from './phone.ts'
import type { WireMessage } from './wire.ts'

export class Dialog {
  readonly phone: Phone
  readonly callId: string
  readonly target: string
  readonly routes: readonly string[]
  readonly #local: string
  readonly #remote: string
  #cseq: number

  private constructor(
    phone: Phone,
    message: WireMessage,
    local: string,
    remote: string,
    routes: readonly string[],
    cseq: number,
  ) {
    this.phone = phone
    this.callId = message.header('Call-ID')
    this.target = uriOf(message.header('Contact'))
    this.#local = local
    this.#remote = remote
    this.routes = routes
    this.#cseq = cseq
  }

  /** Of the phone that called, once it has the answer: the route set is reversed (section 12.1.2). */
  static ofCaller(phone: Phone, answer: WireMessage): Dialog {
    const cseq = Number.parseInt(answer.header('CSeq'), 10)
    const routes = recordRoutes(answer).reverse()
    return new Dialog(phone, answer, answer.header('From'), answer.header('To'), routes, cseq)
  }

  /** Of the phone that was called: its own tag is in the answer it gave (section 12.1.1). */
  static ofCallee(phone: Phone, invite: WireMessage, answer: WireMessage): Dialog {
    return new Dialog(phone, invite, answer.header('To'), invite.header('From'), recordRoutes(invite), 0)
  }

  request(method: string, parts: RequestParts & { readonly routes?: readonly string[] } = {}): string {
    const { routes = this.routes, headers = [] } = parts
    // An ACK has the number of its INVITE.
    const cseq = parts.cseq ?? (method === 'ACK' ? this.#cseq : ++this.#cseq)
    return this.phone.request(method, this.target, {
      from: this.#local,
      to: this.#remote,
      callId: this.callId,
      ...parts,
      cseq,
      headers: [...routes.map((route) => `Route: ${route}`), ...headers],
    })
  }

  sends(method: string, parts: RequestParts & { readonly routes?: readonly string[] } = {}): WireMessage {
    return this.phone.sends(this.request(method, parts))
  }
}

function recordRoutes(message: WireMessage): string[] {
  return message.headers('Record-Route').flatMap(splitList)
}

export function uriOf(nameAddress: string): string {
  const uri = /<([^>]*)>/.exec(nameAddress)?.[1]
  if (uri === undefined) throw new Error(`no URI in ${nameAddress}`)
  return uri
}
