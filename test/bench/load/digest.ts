// What a phone answers to a challenge: MD5 with qop=auth (RFC 7616), by the way that costs the generator least.

import { hash } from 'node:crypto'

export interface Challenge {
  readonly realm: string
  readonly nonce: string
}

const REALM = /realm="([^"]*)"/
const NONCE = /nonce="([^"]*)"/

export function challengeIn(text: string): Challenge | null {
  const realm = REALM.exec(text)
  const nonce = NONCE.exec(text)
  return realm === null || nonce === null ? null : { realm: realm[1]!, nonce: nonce[1]! }
}

export function ha1Of(username: string, realm: string, password: string): string {
  return hash('md5', `${username}:${realm}:${password}`)
}

const ha2s = new Map<string, string>()

export function proofLine(
  name: 'Authorization' | 'Proxy-Authorization',
  { realm, nonce }: Challenge,
  username: string,
  ha1: string,
  method: string,
  uri: string,
  count: number,
): string {
  const key = `${method}:${uri}`
  let ha2 = ha2s.get(key)
  if (ha2 === undefined) {
    ha2 = hash('md5', key)
    ha2s.set(key, ha2)
  }
  const nc = count.toString(16).padStart(8, '0')
  const response = hash('md5', `${ha1}:${nonce}:${nc}:0a4f113b:auth:${ha2}`)
  return (
    `${name}: Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", ` +
    `response="${response}", algorithm=MD5, cnonce="0a4f113b", qop=auth, nc=${nc}\r\n`
  )
}
