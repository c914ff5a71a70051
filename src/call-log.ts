// What the server did, as log lines: one for each change of a registration and each stage of a call, found by Call-ID.

import type { Log } from './log.ts'
import type { CallStage } from './proxy/fork.ts'
import type { Binding } from './registrar/location.ts'
import type { RegistrationEvent } from './registrar/registrar.ts'
import { MethodId, utf8 } from './sip/message.ts'
import type { Exchange } from './ua/uas.ts'

export class CallLog {
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  registration(event: RegistrationEvent, binding: Binding, callId: string): void {
    // A refresh changes nothing that anyone waits to read of.
    const level = event === 'refreshed' ? 'debug' : 'info'
    if (!this.#log.isLevelEnabled(level)) return
    const fields = {
      event,
      extension: binding.number,
      contact: utf8(binding.contact),
      source: binding.source,
      agent: binding.userAgent,
      callId: utf8(callId),
    }
    this.#log[level](fields, event)
  }

  stage(stage: CallStage, exchange: Exchange, status: number): void {
    const { request, asserted } = exchange
    const event = request.methodId === MethodId.BYE ? byeStage(stage) : stage
    const level = isCall(exchange) ? 'info' : 'debug'
    if (event === null || !this.#log.isLevelEnabled(level)) return
    const fields = {
      event,
      callId: utf8(request.callId),
      method: request.method,
      from: asserted?.number ?? utf8(request.fromUri),
      to: utf8(exchange.uri),
      ...(status === 0 ? {} : { status }),
    }
    this.#log[level](fields, event)
  }

  /** A final answer that the server gave by itself. Challenges are everyday; of refusals someone will ask why. */
  answer(exchange: Exchange, status: number, why: string): void {
    const everyday = status < 300 || (why === 'no_credentials' && (status === 401 || status === 407))
    const level = everyday ? 'debug' : 'info'
    if (!this.#log.isLevelEnabled(level)) return
    const { request, transaction } = exchange
    const fields = {
      event: 'answer',
      callId: utf8(request.callId),
      method: request.method,
      status,
      why,
      from: utf8(request.fromUri),
      to: utf8(request.uri),
      source: `${transaction.flow.transport}:${transaction.flow.peer.host}:${transaction.flow.peer.port}`,
    }
    this.#log[level](fields, why)
  }
}

/** A BYE is one stage of its call: however it is answered, the call has ended (RFC 3261 section 15.1.1). */
function byeStage(stage: CallStage): 'ended' | null {
  return stage === 'answered' || stage === 'failed' ? 'ended' : null
}

/** Stages of a call: its first INVITE and its BYE. What happens within the dialog in between is detail. */
function isCall(exchange: Exchange): boolean {
  const { methodId } = exchange.request
  return methodId === MethodId.BYE || (methodId === MethodId.INVITE && !exchange.inDialog)
}
