// The part of our branches that tells a loop from a spiral (RFC 3261 section 16.6 step 8, RFC 5393 section 4.2).

import { HeaderId, type SipRequest } from '../sip/message.ts'

/** Over all that decides where a request goes; equal hashes mean that it would take the same way again. */
export function loopHash(request: SipRequest): string {
  let text = `${request.uri} ${request.fromTag} ${request.toTag} ${request.callId} ${request.cseq}`
  for (let line = 0; line < request.headerCount; line++) {
    const id = request.headerId(line)
    if (id === HeaderId.Route || id === HeaderId.ProxyRequire || id === HeaderId.ProxyAuthorization) {
      text += ` ${request.headerValue(line)}`
    }
  }
  return Bun.hash.xxHash32(text).toString(36)
}
