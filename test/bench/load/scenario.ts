// What is measured: each scenario is one conversation, begun again and again by as many slots as there may be at once.

import { Call, HeldCalls, MessageToPeer } from './call.ts'
import type { Outcome, Scenario, Slot } from './slot.ts'
import { DOMAIN, requestText, STRANGER_DOMAIN } from './text.ts'

export type ScenarioName =
  | 'options'
  | 'register'
  | 'refresh'
  | 'message'
  | 'message-407'
  | 'call'
  | 'call-407'
  | 'call-held'
  | 'register-tcp'

const REGISTRAR = `sip:${DOMAIN}`

class Options implements Scenario {
  begin(slot: Slot): void {
    const { account } = slot
    account.line.send(
      requestText({
        method: 'OPTIONS',
        uri: REGISTRAR,
        line: account.line,
        branch: slot.branch,
        from: `<sip:${account.number}@${STRANGER_DOMAIN}>;tag=${slot.index}`,
        to: `<${REGISTRAR}>`,
        callId: slot.callId,
        cseq: 1,
        headers: 'Accept: application/sdp\r\n',
      }),
    )
  }

  onResponse(_slot: Slot, status: number): Outcome {
    return status === 200 ? 'done' : 'failed'
  }
}

/** `fresh`: each registration is challenged anew; otherwise the nonce that the account has is used again. */
class Register implements Scenario {
  readonly #fresh: boolean

  constructor(fresh: boolean) {
    this.#fresh = fresh
  }

  begin(slot: Slot): void {
    slot.proved = false
    if (this.#fresh) slot.account.challenge = null
    this.#send(slot)
  }

  onResponse(slot: Slot, status: number, text: string): Outcome {
    if (status === 200) return 'done'
    if (status !== 401 || slot.proved || !slot.account.challenged(text)) return 'failed'
    slot.proved = true
    this.#send(slot)
    return 'goes on'
  }

  #send(slot: Slot): void {
    const { account } = slot
    slot.step++
    account.line.send(
      requestText({
        method: 'REGISTER',
        uri: REGISTRAR,
        line: account.line,
        branch: slot.branch,
        from: `<${account.uri}>;tag=${account.number}`,
        to: `<${account.uri}>`,
        callId: account.registrationCallId,
        cseq: ++account.cseq,
        contact: account.number,
        headers: `${account.proof('Authorization', 'REGISTER', REGISTRAR)}Expires: 3600\r\n`,
      }),
    )
  }
}

export function scenarioOf(name: ScenarioName, held: number): Scenario {
  switch (name) {
    case 'options':
      return new Options()
    case 'register':
    case 'register-tcp':
      return new Register(true)
    case 'refresh':
      return new Register(false)
    case 'message':
      return new MessageToPeer(true)
    case 'message-407':
      return new MessageToPeer(false)
    case 'call':
      return new Call(true)
    case 'call-407':
      return new Call(false)
    case 'call-held':
      return new HeldCalls(held)
  }
}
