// Digest answers for test phones, after RFC 7616, by node:crypto: an oracle that shares no code with the server.

import { createHash } from 'node:crypto'

export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'SHA-512-256'

const HASHES: Readonly<Record<DigestAlgorithm, string>> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
}

export interface Challenge {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: DigestAlgorithm
  readonly stale: boolean
  readonly opaque: string | null
  readonly qop: string | null
}

export interface Answer {
  readonly username: string
  readonly password: string
  readonly method: string
  readonly uri: string
  readonly nonceCount?: number
  readonly clientNonce?: string
}

/** One value of WWW-Authenticate or Proxy-Authenticate. */
export function parseChallenge(header: string): Challenge {
  const [scheme = '', ...rest] = header.trim().split(' ')
  if (scheme.toLowerCase() !== 'digest') throw new Error(`not a digest challenge: ${header}`)
  const parameters = new Map<string, string>()
  for (const match of rest.join(' ').matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))/g)) {
    parameters.set((match[1] ?? '').toLowerCase(), match[2] ?? match[3] ?? '')
  }
  const algorithm = parameters.get('algorithm') ?? 'MD5'
  if (!isAlgorithm(algorithm)) throw new Error(`unknown algorithm in ${header}`)
  return {
    realm: parameters.get('realm') ?? '',
    nonce: parameters.get('nonce') ?? '',
    algorithm,
    stale: parameters.get('stale')?.toLowerCase() === 'true',
    opaque: parameters.get('opaque') ?? null,
    qop: parameters.get('qop') ?? null,
  }
}

/** The value of Authorization or Proxy-Authorization; with qop where the challenge has it. */
export function answerChallenge(challenge: Challenge, answer: Answer): string {
  const { realm, nonce, algorithm, opaque, qop } = challenge
  const { username, password, method, uri, nonceCount = 1, clientNonce = 'a1b2c3d4' } = answer
  const hash = (text: string) => createHash(HASHES[algorithm]).update(text).digest('hex')
  const count = nonceCount.toString(16).padStart(8, '0')
  const secret = hash(`${username}:${realm}:${password}`)
  // Without qop there are neither counts nor a nonce of the client: the form of RFC 2069.
  const counted = qop === null ? '' : `:${count}:${clientNonce}:auth`
  const response = hash(`${secret}:${nonce}${counted}:${hash(`${method}:${uri}`)}`)
  const parts = [
    `username="${username}"`,
    `realm="${realm}"`,
    `nonce="${nonce}"`,
    `uri="${uri}"`,
    `response="${response}"`,
    `algorithm=${algorithm}`,
  ]
  if (qop !== null) parts.push('qop=auth', `nc=${count}`, `cnonce="${clientNonce}"`)
  if (opaque !== null) parts.push(`opaque="${opaque}"`)
  return `Digest ${parts.join(', ')}`
}

function isAlgorithm(name: string): name is DigestAlgorithm {
  return Object.hasOwn(HASHES, name)
}
