// What the rules of the monitor are made of: messages of the server's wire, and what must come of them at once.

import type { VirtualClock } from '../support/virtual-clock.ts'
import type { SipText } from './sip-text.ts'

/** A message to or from the server. */
export interface WireEvent {
  readonly message: SipText
  /** The phone's. */
  readonly host: string
  readonly reliable: boolean
  readonly at_ms: number
}

export interface RuleHome {
  readonly clock: VirtualClock
  readonly timerC_ms: number
  /** Something that must not be. */
  fail(what: string): void
  /**
   * At the end of this moment (when the time moves on, no message having been delayed) this must hold; else it is what
   * is wrong.
   */
  expect(holds: () => boolean, what: string): void
}

/** Keeps one invariant, or several of one kind. */
export interface Rule {
  /** The server received it. */
  onArrival(event: WireEvent): void
  /** The server sent it. */
  onSent(event: WireEvent): void
  /** Every second. */
  onSecond(): void
  /** The server was killed or has stopped: it owes nothing any more. */
  onServerGone(): void
}

/** Timers B, F, H, J, L, M and D of RFC 3261 table 4. */
export const TRANSACTION_ms = 32_000
/** Timers I and K. */
export const T4_ms = 5000
/** What is due at a moment may be written after it by the rounding of fractions. */
export const ROUNDING_ms = 0.001
