// Bytes to a message, or to the reason why they are none. Never throws.

import { Field, MESSAGE_BYTES_MAX, NONE, Problem } from '../../wasm/layout.ts'
import { SipRequest, SipResponse } from './message.ts'
import { keep, scan } from './scanner.ts'

/** Bytes with which nothing can be done: nobody to answer, or nothing to answer to. Silence, and a count. */
export interface ParseFailure {
  readonly kind: 'failure'
  readonly problem: Problem
}

/** A datagram ends its message; in a stream only Content-Length does, so there it has to be (section 18.3). */
export type Carrier = 'datagram' | 'stream'

/**
 * A request may still have a `problem` (it is answered with 400 or 505); a response has none, because a broken one is
 * dropped (RFC 3261 section 18.1.2 leaves no other use for it).
 */
export function parseMessage(
  bytes: Buffer,
  carrier: Carrier = 'datagram',
): SipRequest | SipResponse | ParseFailure {
  const index = scan(bytes)
  if (carrier === 'stream' && index[Field.Problem] === Problem.Ok && index[Field.ContentLength] === NONE) {
    index[Field.Problem] = Problem.ContentLength
  }
  const problem: Problem = index[Field.Problem]!
  if (problem === Problem.NotSip || problem === Problem.TooManyHeaders) return { kind: 'failure', problem }
  // No Via, no answer: the address it came from may not be the one that asked (section 18.2.2).
  if (index[Field.FirstVia] === 0) return { kind: 'failure', problem: Problem.Via }
  // Only a request has its method at the very start. The status does not tell: that of a broken response is 0 too.
  if (index[Field.MethodStart] === 0) return new SipRequest(bytes, keep(index))
  return problem === Problem.Ok ? new SipResponse(bytes, keep(index)) : { kind: 'failure', problem }
}

/** Whether a request of ours, when it is needed, can be read again: its edits may have taken it beyond our limits. */
export function isReadable(bytes: Buffer): boolean {
  if (bytes.length > MESSAGE_BYTES_MAX) return false
  const index = scan(bytes)
  return index[Field.Problem] === Problem.Ok && index[Field.MethodStart] === 0
}

/** Names for the metrics page; one for each Problem. */
export const PROBLEM_NAMES: readonly string[] = Object.keys(Problem)
  .filter((name) => Number.isNaN(Number(name)))
  .map((name) => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase())
