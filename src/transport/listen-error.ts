import { formatHostPort } from '../sip/host.ts'
import type { Address, TransportName } from './transport.ts'

/** Why it cannot be listened on, in words for who started the server. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has that port',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'ports below 1024 need the right to bind them',
  EPERM: 'ports below 1024 need the right to bind them',
}

export class ListenError extends Error {
  override readonly name = 'ListenError'
  readonly code: string

  constructor(transport: TransportName, address: Address, cause: unknown) {
    const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
    const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
    super(`cannot listen on ${transport} ${formatHostPort(address.host, address.port)}: ${reason}`, { cause })
    this.code = code
  }
}
