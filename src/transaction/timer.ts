// The timers of RFC 3261 table 4 and of RFC 6026, by their names.

/** Round-trip time estimate, ms. */
export const T1_ms = 500
/** Longest interval between retransmissions of a non-INVITE request or an INVITE response, ms. */
export const T2_ms = 4000
/**
 * Timers B, F and H; and D, I, J, L and M on an unreliable transport, which are one here: I may be longer than its T4,
 * as what it waits for does no harm. K is none: see client.ts.
 */
export const TRANSACTION_ms = 64 * T1_ms

/** Section 17.2.1: an INVITE that nobody has answered for so long gets a 100 from its transaction, ms. */
export const TRYING_ms = 200

/**
 * RFC 4320 section 4.1: any other request gets its 100 when timer E of its sender, having fired after T1, 3*T1 and
 * 7*T1, has come to T2: an earlier one would only slow down the repetition of a request whose answer was lost, ms.
 */
export const LATE_ms = 7 * T1_ms

/** What a machine is woken for; given to Clock.after. */
export enum TimerName {
  A = 0,
  B = 1,
  E = 2,
  F = 3,
  G = 4,
  H = 5,
  /** None of the RFC's: nothing more has been heard of the transaction for far too long. */
  Silence = 6,
  Trying = 7,
}
