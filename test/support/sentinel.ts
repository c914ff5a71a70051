// Requests that show that the server has done with all that came before them.

/**
 * From an extension that nobody has asked for yet: the server must look it up before it answers 407, as it must for
 * most requests, and look-ups end in the order in which they began.
 */
export function lookedUp(number: number): { readonly bytes: string; readonly callId: string } {
  return sentinel('MESSAGE', 'sip:nobody@example.com', `sip:sentinel-${number}@example.com`, number)
}

/** A stranger's OPTIONS to the server itself: 200, at once. */
export function alive(number: number): { readonly bytes: string; readonly callId: string } {
  return sentinel('OPTIONS', 'sip:example.com', 'sip:sentinel@example.net', number)
}

function sentinel(method: string, uri: string, from: string, number: number) {
  const callId = `${method}-sentinel-${number}`
  const lines = [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP sentinel.example.net;rport;branch=z9hG4bK-${callId}`,
    `From: <${from}>;tag=sentinel`,
    `To: <${uri}>`,
    `Call-ID: ${callId}`,
    `CSeq: 1 ${method}`,
    'Content-Length: 0',
  ]
  return { bytes: `${lines.join('\r\n')}\r\n\r\n`, callId }
}
