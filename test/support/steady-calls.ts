// SIPp phones that call each other all the while, at a steady rate, until they are told to stop.

import { expect } from 'bun:test'
import { type Account, accounts } from './server-process.ts'
import { authentication, type Sipp, startSipp } from './sipp.ts'
import { SippPhones } from './sipp-phones.ts'
import type { Subject } from './subject.ts'

const PAIRS = 20
const FIRST_CALLER = 10_000
const FIRST_CALLEE = 11_000
/** More than any test makes. */
const CALLS_MAX = 1_000_000
/** Those that hang do not hold up the others: they are what is looked for. */
const CALLS_OPEN_MAX = 10_000
const RING_MS = 20
const TALK_MS = 100
const WITHIN_MS = 240_000
/** As long as the longest test goes on. */
const EXPIRES_S = '3000'

const callers = accounts(FIRST_CALLER, PAIRS)
const callees = accounts(FIRST_CALLEE, PAIRS)

/** What the server must know before: the callers and those whom they call. */
export const CALLING: readonly Account[] = [...callers, ...callees]

export class SteadyCalls {
  readonly #subject: Subject
  readonly #answering: Sipp
  #calling: Sipp | null = null

  private constructor(subject: Subject, answering: Sipp) {
    this.#subject = subject
    this.#answering = answering
  }

  /** All phones register, and those that are called answer from now on. */
  static async ready(subject: Subject): Promise<SteadyCalls> {
    const phones = await SippPhones.of(subject)
    await phones.register(CALLING, { expires: EXPIRES_S })
    const answering = await startSipp({
      scenario: 'answer',
      folder: subject.folder,
      local: phones.address,
      calls: CALLS_MAX,
      pause_ms: RING_MS,
      within_ms: WITHIN_MS,
    })
    subject.takesWithIt(answering)
    return new SteadyCalls(subject, answering)
  }

  async begin(perSecond: number): Promise<void> {
    const { host, port } = (await SippPhones.of(this.#subject)).address
    const calling = await startSipp({
      scenario: 'call',
      folder: this.#subject.folder,
      local: { host, port },
      server: this.#subject.udp,
      calls: CALLS_MAX,
      callsPerSecond: perSecond,
      callsOpen: CALLS_OPEN_MAX,
      pause_ms: TALK_MS,
      times: true,
      users: callers.map(({ number, password }, index) => [
        number,
        authentication(number, password),
        callees[index]!.number,
      ]),
      within_ms: WITHIN_MS,
    })
    this.#subject.takesWithIt(calling)
    this.#calling = calling
  }

  /** No call may have failed. The time that each took to ring, in ms. */
  async end(): Promise<readonly number[]> {
    const calling = this.#calling
    if (calling === null) throw new Error('nobody calls')
    calling.finish()
    const { succeeded, failed, errors } = await calling.ended()
    expect({ failed, errors }).toEqual({ failed: 0, errors: '' })
    const times_ms = calling.times_ms()
    expect(times_ms).toHaveLength(succeeded)
    return times_ms
  }

  /** Nobody is called any more. */
  async close(): Promise<void> {
    this.#answering.finish()
    const { failed, errors } = await this.#answering.ended()
    expect({ failed, errors }).toEqual({ failed: 0, errors: '' })
  }
}
