// The server answering for itself: one request with its server transaction, and what the chain learns about it.

import type { IdSource } from '../sip/id.ts'
import type { SipRequest, Span } from '../sip/message.ts'
import { buildResponse, type ResponseParts } from '../sip/serialize.ts'
import type { AnyServerTransaction } from '../transaction/transaction.ts'

/** Who sent a request, proved by digest: one of our extensions. */
export interface AssertedIdentity {
  readonly extensionId: number
  readonly number: string
  readonly domain: string
  /** Real text, not bytes. */
  readonly displayName: string
}

/** Hears of each final answer that the server gave by itself: for the log and for counting. */
export type AnswerListener = (exchange: Exchange, status: number, why: string) => void

/** Section 20.35: who answered, so that traces can be read; not which version, which would help attackers. */
const SERVER = 'Server: SipWitchEs\r\n'

export class Exchange {
  readonly request: SipRequest
  readonly transaction: AnyServerTransaction
  /** ms since the epoch. */
  readonly receivedAt: number
  /** null until proved, and for strangers. */
  asserted: AssertedIdentity | null = null
  /** The request follows a route set that we made: it belongs to a dialog we let through before. */
  inDialog = false
  /** The proxy has it: how it ends is told as a stage of its fork, also where the answer is ours. */
  forwarded = false
  /** The Request-URI as the route set leaves it (section 16.4: a strict router may have moved it). */
  uri: string
  /** Route values that are left after our own: the first says where it goes next, whatever its Request-URI (16.6). */
  routes: readonly string[] = []
  /** What must not be passed on: consumed Route values, credentials that were for us. */
  readonly removals: Span[] = []
  readonly #ids: IdSource
  readonly #onAnswer: AnswerListener
  #toTag: string | null = null
  #trying = false

  constructor(
    request: SipRequest,
    transaction: AnyServerTransaction,
    ids: IdSource,
    receivedAt: number,
    onAnswer: AnswerListener,
  ) {
    this.request = request
    this.transaction = transaction
    this.receivedAt = receivedAt
    this.uri = request.uri
    this.#ids = ids
    this.#onAnswer = onAnswer
  }

  /** Of all our answers to this request but 100 (section 8.2.6.2). */
  get toTag(): string {
    this.#toTag ??= this.#ids.tag()
    return this.#toTag
  }

  /** A final answer of our own. `why` is for the log: the peer hears the generic phrase (STYLE C6). */
  answer(status: number, why: string, parts: ResponseParts = {}): void {
    // A CANCEL came while something was waited for: nobody would hear this, so nobody is told of it.
    if (this.transaction.answered) return
    const headers = `${parts.headers ?? ''}${SERVER}`
    this.transaction.respond(
      status,
      buildResponse(this.request, status, {
        reason: parts.reason,
        toTag: parts.toTag ?? this.toTag,
        headers,
        body: parts.body,
      }),
    )
    this.#onAnswer(this, status, why)
  }

  /**
   * 100 Trying to an INVITE, once: stops the sender's retransmissions; it has no To tag (section 8.2.6.2). Any other
   * request gets its 100 from the transaction, when it is late enough (RFC 4320 section 4.1).
   */
  trying(): void {
    if (this.#trying || this.transaction.kind !== 'invite-server') return
    this.#trying = true
    this.transaction.respond(100, buildResponse(this.request, 100))
  }
}

/** `done`: the request has an owner (answered, or forwarded). `next`: the next handler sees it. */
export type Verdict = 'done' | 'next'

/** One link of the chain in server.ts. Synchronous unless it had to ask for an unknown record. */
export interface Handler {
  handle(exchange: Exchange): Verdict | Promise<Verdict>
}

/** Hands a request from link to link; stays synchronous as long as they do. */
export class Chain {
  readonly #handlers: readonly Handler[]
  readonly #onDefect: (error: unknown, exchange: Exchange) => void

  constructor(handlers: readonly Handler[], onDefect: (error: unknown, exchange: Exchange) => void) {
    this.#handlers = handlers
    this.#onDefect = onDefect
  }

  /** An exception in a synchronous link is the caller's to catch; later ones are told to `onDefect`. */
  run(exchange: Exchange): void {
    this.#from(0, exchange)
  }

  #from(first: number, exchange: Exchange): void {
    for (let link = first; link < this.#handlers.length; link++) {
      const verdict = this.#handlers[link]!.handle(exchange)
      if (verdict === 'done') return
      if (verdict !== 'next') {
        void this.#later(verdict, link + 1, exchange)
        return
      }
    }
    throw new Error(`no handler took a ${exchange.request.method}`)
  }

  async #later(pending: Promise<Verdict>, next: number, exchange: Exchange): Promise<void> {
    try {
      if ((await pending) === 'next') this.#from(next, exchange)
    } catch (error) {
      this.#onDefect(error, exchange)
    }
  }
}
