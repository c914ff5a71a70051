// How far a request may still spread over proxies that fork (RFC 5393 section 5): it alone stops loops that change as
// they go round.

import type { Limits } from '../config.ts'
import { HeaderId, type SipRequest } from '../sip/message.ts'

/** What a request may be split into: our own limit where it names none or more; null when its value is no number. */
export function breadthOf(request: SipRequest, limits: Pick<Limits, 'branchesPerRequest'>): number | null {
  const value = request.header(HeaderId.MaxBreadth)
  if (value === null) return limits.branchesPerRequest
  return /^\d{1,64}$/.test(value) ? Math.min(Number(value), limits.branchesPerRequest) : null
}

/** All of it, in shares that differ by one at most. */
export function shareOf(breadth: number, branches: number, branch: number): number {
  return Math.floor(breadth / branches) + (branch < breadth % branches ? 1 : 0)
}
