// The part of our branches that tells a loop from a spiral (RFC 3261 section 16.6 step 8, RFC 5393 section 4.2).

import { HeaderId, type SipRequest } from '../sip/message.ts'

/** Over all that decides where a request goes; equal hashes mean that it would take the same way again. */
export function loopHash(request: SipRequest): string {
  let hash = mixed(FNV_START, request.uri)
  hash = mixed(hash, request.fromTag)
  hash = mixed(hash, request.toTag)
  hash = mixed(hash, request.callId)
  hash = Math.imul(hash ^ request.cseq, FNV_PRIME)
  for (let line = 0; line < request.headerCount; line++) {
    const id = request.headerId(line)
    if (id === HeaderId.Route || id === HeaderId.ProxyRequire || id === HeaderId.ProxyAuthorization) {
      hash = mixed(hash, request.headerValue(line))
    }
  }
  return (hash >>> 0).toString(36)
}

/** FNV-1a: nobody gains by two requests that share a hash, but that his own is refused as a loop. */
const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** The text, and that it ends here. */
function mixed(hash: number, text: string): number {
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FNV_PRIME)
  return Math.imul(hash ^ 0x100, FNV_PRIME)
}
