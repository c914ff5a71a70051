// Messages for tests, written as they look on the wire.

import type { SipRequest, SipResponse } from '../../src/sip/message.ts'
import { parseMessage } from '../../src/sip/parse.ts'

/** Lines may be written with \n; the blank line at the end is put in where there is none. */
export function wireBytes(text: string): Buffer {
  const lines = text.replaceAll(/\r?\n/g, '\r\n')
  return Buffer.from(lines.includes('\r\n\r\n') ? lines : `${lines.trimEnd()}\r\n\r\n`, 'latin1')
}

export function requestOf(text: string | Buffer): SipRequest {
  const message = parseMessage(typeof text === 'string' ? wireBytes(text) : text)
  if (message.kind !== 'request') throw new Error(`no request but a ${message.kind}: ${text}`)
  return message
}

export function responseOf(text: string | Buffer): SipResponse {
  const message = parseMessage(typeof text === 'string' ? wireBytes(text) : text)
  if (message.kind !== 'response') throw new Error(`no response but a ${message.kind}: ${text}`)
  return message
}
