// Our own Record-Route values (RFC 3261 section 16.6 step 4), and how we know them again in a Route.

import { createHash } from 'node:crypto'
import { mac } from '../auth/digest.ts'
import { hostText } from '../sip/host.ts'
import type { Address, Flow } from '../transport/transport.ts'

/** URI parameter that carries the seal. */
export const SEAL_PARAM = 'd'
const KEY_BYTES = 16

/**
 * Marks the route sets that we made: only a dialog whose first request was let in has a sealed route, so that nobody
 * can use a made-up To tag and Route to be relayed unasked. The secret outlives a restart, as dialogs do.
 */
export class DialogSeal {
  readonly #key: Uint8Array

  constructor(secret: Uint8Array) {
    this.#key = createHash('sha256').update(secret).digest().subarray(0, KEY_BYTES)
  }

  of(callId: string): string {
    return mac(this.#key, callId)
  }

  /** The token itself is no secret to its dialog, so an ordinary comparison tells an attacker nothing new. */
  holds(callId: string, seal: string | undefined): boolean {
    return seal !== undefined && seal === this.of(callId)
  }
}

/**
 * One value, or two when the request leaves over another transport or address than it came by, so that each side
 * finds us where it can reach us (RFC 5658). Topmost first: that is the side it goes out on.
 */
export function recordRoutes(from: Flow, to: Flow, seal: string): string[] {
  const outgoing = recordRoute(to.transport, to.local, seal)
  const incoming = recordRoute(from.transport, from.local, seal)
  return outgoing === incoming ? [outgoing] : [outgoing, incoming]
}

function recordRoute(transport: string, local: Address, seal: string): string {
  const parameter = transport === 'udp' ? '' : `;transport=${transport}`
  return `<sip:${hostText(local.host)}:${local.port}${parameter};${SEAL_PARAM}=${seal};lr>`
}
