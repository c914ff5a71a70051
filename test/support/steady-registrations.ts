// Phones that refresh, come and go at a steady rate, whether the last one was answered or not.

import { passes } from './deadline.ts'
import { Random } from './random.ts'
import { type Contact, nextOf } from './registration.ts'

/** A REGISTER that is not answered by then has failed: timer F (RFC 3261 section 17.1.2.2). */
const ANSWER_MS = 32_000
/** Phones refresh far more often than they come and go. */
const REMOVALS = 0.1

/** What came of it since `begin`. */
export interface RegistrationsOutcome {
  readonly failures: readonly string[]
  /** Told to come back later, and when. */
  readonly refused: number
  /** That each answer took. */
  readonly times_ms: readonly number[]
}

export class SteadyRegistrations {
  readonly #contacts: readonly Contact[]
  readonly #random = new Random(1)
  readonly #failures: string[] = []
  #refused = 0
  readonly #times_ms: number[] = []
  readonly #asked = new Set<Promise<void>>()
  #running: Promise<void> | null = null
  #over = false

  constructor(contacts: readonly Contact[]) {
    this.#contacts = contacts
  }

  begin(perSecond: number): void {
    this.#over = false
    this.#running = this.#run(perSecond)
  }

  async end(): Promise<RegistrationsOutcome> {
    this.#over = true
    await this.#running
    await Promise.all(this.#asked)
    const refused = this.#refused
    this.#refused = 0
    return { failures: this.#failures.splice(0), refused, times_ms: this.#times_ms.splice(0) }
  }

  async #run(perSecond: number): Promise<void> {
    const began_ms = performance.now()
    for (let number = 0; !this.#over; number++) {
      const due_ms = began_ms + (number * 1000) / perSecond
      const left_ms = due_ms - performance.now()
      if (left_ms > 0) await passes(Math.ceil(left_ms))
      const asked = this.#ask().finally(() => this.#asked.delete(asked))
      this.#asked.add(asked)
    }
  }

  async #ask(): Promise<void> {
    const idle = this.#contacts.filter(({ asked }) => asked === null)
    if (idle.length === 0) {
      this.#failures.push('every contact waits for an answer')
      return
    }
    const contact = this.#random.pick(idle)
    const began_ms = performance.now()
    const answer = await contact.register(nextOf(contact, this.#random, REMOVALS), ANSWER_MS)
    this.#times_ms.push(performance.now() - began_ms)
    if (answer?.status === 503 && Number(answer.header('Retry-After')) > 0) this.#refused++
    else if (answer?.status !== 200) this.#failures.push(`${contact.uri}: ${answer?.text ?? 'no answer'}`)
  }
}
