// Digest challenges and the check of what comes back: RFC 3261 section 22, RFC 7616, RFC 8760.

import type { LiveSettings } from '../directory/settings.ts'
import { quote } from '../sip/header.ts'
import { HeaderId, type SipRequest, type Span, wire } from '../sip/message.ts'
import type { Algorithm, ExtensionRecord } from '../store/store.ts'
import { credentials, readCredentials } from './digest.ts'
import type { NonceBook } from './nonce.ts'

/** Why nobody was let in; the label of the metric. */
export type AuthFailure =
  | 'no_credentials'
  | 'stale_nonce'
  | 'replayed_nonce'
  | 'forged_nonce'
  | 'algorithm'
  | 'wrong_password'
  | 'unknown_user'
  | 'suspended'

export type AuthVerdict =
  /** `credentials`: the header line that was for us; it must not travel on (section 22.3). */
  | { readonly kind: 'proved'; readonly credentials: Span }
  | { readonly kind: 'challenge'; readonly stale: boolean; readonly reason: AuthFailure }
  | { readonly kind: 'refused'; readonly reason: AuthFailure }

/** As registrar we answer 401 and read Authorization; as proxy 407 and Proxy-Authorization (section 22.1, 22.3). */
export type AuthRole = 'registrar' | 'proxy'

export class Authenticator {
  /** Failures by reason; `no_credentials` is the first half of every digest and no failure of anyone's. */
  readonly failures = new Map<AuthFailure, number>()
  readonly #nonces: NonceBook
  readonly #settings: LiveSettings

  constructor(nonces: NonceBook, settings: LiveSettings) {
    this.#nonces = nonces
    this.#settings = settings
  }

  /**
   * Does this request prove knowledge of a secret of `extension`? With null (nobody is called that) it goes through
   * the same steps, so that strangers can't tell existing numbers from others.
   */
  check(request: SipRequest, role: AuthRole, realm: string, extension: ExtensionRecord | null): AuthVerdict {
    const verdict = this.#judge(request, role, realm, extension)
    if (verdict.kind !== 'proved')
      this.failures.set(verdict.reason, (this.failures.get(verdict.reason) ?? 0) + 1)
    return verdict
  }

  /** One header line for each algorithm, strongest first as the setting lists them (RFC 8760 section 2.4). */
  challenge(role: AuthRole, realm: string, stale: boolean, extension: ExtensionRecord | null): string {
    const name = role === 'registrar' ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const nonce = this.#nonces.issue()
    const start = `${name}: Digest realm=${quote(wire(realm))}, nonce="${nonce}"`
    const end = `qop="auth"${stale ? ', stale=true' : ''}\r\n`
    return this.#offered(extension)
      .map((algorithm) => `${start}, algorithm=${algorithm}, ${end}`)
      .join('')
  }

  /** An algorithm that this account has no secret for would be a dead end. */
  #offered(extension: ExtensionRecord | null): readonly Algorithm[] {
    const all = this.#settings.current.authAlgorithms
    if (extension === null) return all
    const usable = all.filter((algorithm) =>
      extension.credentials.some((held) => held.algorithm === algorithm),
    )
    return usable.length === 0 ? all : usable
  }

  #judge(request: SipRequest, role: AuthRole, realm: string, extension: ExtensionRecord | null): AuthVerdict {
    const line = findCredentials(request, role, realm)
    if (line < 0) return { kind: 'challenge', stale: false, reason: 'no_credentials' }
    const settings = this.#settings.current
    const algorithm = credentials.algorithm
    if (algorithm === null || !settings.authAlgorithms.includes(algorithm)) {
      return { kind: 'challenge', stale: false, reason: 'algorithm' }
    }
    if (credentials.qop !== 'auth' && credentials.qop !== 'none') {
      return { kind: 'challenge', stale: false, reason: 'algorithm' }
    }
    const held = extension?.credentials.find(
      (one) => one.algorithm === algorithm && one.realm === realm && credentials.hasUsername(one.username),
    )
    if (extension === null || held === undefined) return { kind: 'refused', reason: 'unknown_user' }
    const nonce = credentials.nonce
    const known = this.#nonces.check(nonce, settings.nonceLifetime_s)
    // The digest-uri is not held against the Request-URI: what lies between may have rewritten it (section 22.4 item 8
    // leaves it to policy), and a count serves only once.
    if (!credentials.matches(request.method, held.ha1)) return { kind: 'refused', reason: 'wrong_password' }
    // `stale` tells the phone that its password is right: only after it was (RFC 7616 section 3.3). That holds for a
    // nonce of another maker too: after a restart every phone comes with one that the last process signed.
    if (known !== 'fresh') {
      return { kind: 'challenge', stale: true, reason: known === 'stale' ? 'stale_nonce' : 'forged_nonce' }
    }
    const used = this.#nonces.use(nonce, credentials.nonceCount, settings.nonceLifetime_s)
    if (used === 'replayed') return { kind: 'challenge', stale: true, reason: 'replayed_nonce' }
    if (extension.suspended) return { kind: 'refused', reason: 'suspended' }
    return { kind: 'proved', credentials: request.headerLineSpan(line) }
  }
}

/** Every line with proxy credentials for a realm of ours: they must not travel on, others must (section 22.3). */
export function ownCredentials(request: SipRequest, isOwnRealm: (realm: string) => boolean): Span[] {
  const id = HeaderId.ProxyAuthorization
  const lines: Span[] = []
  for (let line = request.findHeader(id); line >= 0; line = request.findHeader(id, line + 1)) {
    const value = request.headerValueSpan(line)
    const isRead = readCredentials(request.bytes, value.start, value.end)
    if (isRead && isOwnRealm(credentials.realm)) lines.push(request.headerLineSpan(line))
  }
  return lines
}

/** The line with credentials for our realm, read into `credentials`; -1 when there is none. */
function findCredentials(request: SipRequest, role: AuthRole, realm: string): number {
  const id = role === 'registrar' ? HeaderId.Authorization : HeaderId.ProxyAuthorization
  for (let line = request.findHeader(id); line >= 0; line = request.findHeader(id, line + 1)) {
    const value = request.headerValueSpan(line)
    if (readCredentials(request.bytes, value.start, value.end) && credentials.hasRealm(realm)) return line
  }
  return -1
}
