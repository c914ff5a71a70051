// Who is asking? Whoever claims to be one of ours must prove it; a stranger may do what the settings allow.

import { type Account, accountOf, type Domains } from '../directory/account.ts'
import { type LookUpParts, lookUp } from '../directory/look-up.ts'
import type { LiveSettings } from '../directory/settings.ts'
import { quote } from '../sip/header.ts'
import { hostText } from '../sip/host.ts'
import { HeaderId, MethodId, type SipMessage, type SipRequest, type Span, wire } from '../sip/message.ts'
import { escapeUser, isHost } from '../sip/uri.ts'
import type { ExtensionRecord } from '../store/store.ts'
import type { Exchange, Handler, Verdict } from '../ua/uas.ts'
import type { Authenticator, AuthRole, AuthVerdict } from './challenge.ts'

export interface IdentityParts extends LookUpParts {
  readonly authenticator: Authenticator
  readonly settings: LiveSettings
  readonly domains: Domains
}

/** The account that a request must prove: named by To in a REGISTER (section 10.3 step 4), by From otherwise. */
interface Claim extends Account {
  readonly role: AuthRole
}

export class IdentityHandler implements Handler {
  readonly #parts: IdentityParts

  constructor(parts: IdentityParts) {
    this.#parts = parts
  }

  handle(exchange: Exchange): Verdict | Promise<Verdict> {
    const claim = this.#claim(exchange.request)
    if (claim === null) return this.#stranger(exchange)
    const known = this.#parts.directory.peek(claim.domain.name, claim.name)
    if (known !== undefined) return this.#prove(exchange, claim, known)
    return lookUp(exchange, claim, this.#parts, (found) => this.#prove(exchange, claim, found))
  }

  /** null: the sender doesn't claim to be ours. */
  #claim(request: SipRequest): Claim | null {
    const { domains } = this.#parts
    const registering = request.methodId === MethodId.REGISTER
    const claimed = accountOf(registering ? request.toUri : request.fromUri, domains)
    if (claimed === 'broken' || claimed === 'foreign') return null
    // Section 10.3 step 1: a REGISTER for another domain is not for this registrar, whatever its To says.
    if (registering && domains.domainOf(request.uriHost, request.uriPort) === null) return null
    return { role: registering ? 'registrar' : 'proxy', ...claimed }
  }

  #stranger(exchange: Exchange): Verdict {
    const { request } = exchange
    if (request.methodId === MethodId.REGISTER) {
      exchange.answer(404, 'the address of record is in no domain of ours')
      return 'done'
    }
    if (this.#parts.settings.current.strangerMethods.has(request.method)) return 'next'
    exchange.answer(403, 'not one of our extensions, and stranger_methods does not list this method')
    return 'done'
  }

  #prove(exchange: Exchange, claim: Claim, extension: ExtensionRecord | null): Verdict {
    const { authenticator } = this.#parts
    const { request } = exchange
    const realm = claim.domain.realm
    const verdict: AuthVerdict = authenticator.check(request, claim.role, realm, extension)
    switch (verdict.kind) {
      case 'proved':
        exchange.removals.push(verdict.credentials)
        exchange.asserted = assertedIdentity(extension)
        return 'next'
      case 'challenge': {
        const status = claim.role === 'registrar' ? 401 : 407
        const headers = authenticator.challenge(claim.role, realm, verdict.stale, extension)
        exchange.answer(status, verdict.reason, { headers })
        return 'done'
      }
      case 'refused':
        exchange.answer(403, verdict.reason)
        return 'done'
    }
  }
}

function assertedIdentity(extension: ExtensionRecord | null) {
  if (extension === null) throw new Error('nobody was proved')
  return {
    extensionId: extension.id,
    number: extension.number,
    domain: extension.domain,
    displayName: extension.displayName,
  }
}

/**
 * RFC 3325 section 9.1: whatever a phone says of itself is left out; what we know is put in. That comes from rows which
 * anyone may have written: each part is escaped here, and of a domain that is no host nobody is asserted.
 */
export function identityHeaders(exchange: Exchange): string {
  const { asserted, request } = exchange
  if (asserted === null) return ''
  if (request.has(HeaderId.Privacy) && wantsPrivacy(request.header(HeaderId.Privacy) ?? '')) return ''
  const host = hostText(asserted.domain)
  if (!isHost(host)) return ''
  const name = asserted.displayName === '' ? '' : `${quote(wire(asserted.displayName))} `
  return `P-Asserted-Identity: ${name}<sip:${escapeUser(wire(asserted.number))}@${host}>\r\n`
}

const NO_LINES: readonly Span[] = []

/** RFC 3325 section 7. */
function wantsPrivacy(value: string): boolean {
  return value
    .toLowerCase()
    .split(/[;,\s]+/u)
    .includes('id')
}

/** The header lines in which a phone claims an identity, whichever way the message goes. */
export function claimedIdentity(message: SipMessage): readonly Span[] {
  if (!message.has(HeaderId.PAssertedIdentity) && !message.has(HeaderId.PPreferredIdentity)) return NO_LINES
  const lines: Span[] = []
  for (let line = 0; line < message.headerCount; line++) {
    const id = message.headerId(line)
    if (id === HeaderId.PAssertedIdentity || id === HeaderId.PPreferredIdentity) {
      lines.push(message.headerLineSpan(line))
    }
  }
  return lines
}
