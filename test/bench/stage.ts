// What runs just now and must be gone at the end, however the end comes.

import type { BenchSubject } from './subject.ts'

export class Stage {
  readonly #subjects = new Set<BenchSubject>()
  readonly #guests = new Set<{ kill(): void }>()
  #closed = false

  get closed(): boolean {
    return this.#closed
  }

  /** The subject for the length of one act: started before, stopped well, and removed whatever happens. */
  async with<S extends BenchSubject, T>(subject: S, act: (subject: S) => Promise<T>): Promise<T> {
    this.#subjects.add(subject)
    try {
      if (this.#closed) throw new Error('the stage is closed')
      await subject.start()
      const result = await act(subject)
      await subject.stop()
      return result
    } finally {
      await subject.remove()
      this.#subjects.delete(subject)
    }
  }

  /** Ended with the stage, if it runs still. */
  takes<G extends { kill(): void }>(guest: G): G {
    this.#guests.add(guest)
    if (this.#closed) guest.kill()
    return guest
  }

  leaves(guest: { kill(): void }): void {
    this.#guests.delete(guest)
  }

  /** Nothing goes on, and nothing new begins. */
  async close(): Promise<void> {
    this.#closed = true
    for (const guest of this.#guests) guest.kill()
    for (const subject of this.#subjects) await subject.remove()
  }
}
