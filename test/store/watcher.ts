// Hears what the store says by itself, and lets a test wait for it.

import type { Invalidation, StoreListener } from '../../src/store/store.ts'
import { within } from '../support/deadline.ts'

/** What a changed row is promised to take at most, until it acts. */
export const ACTS_WITHIN_MS = 1000

interface Waiter {
  readonly heard: () => boolean
  readonly resolve: () => void
}

export class Watcher implements StoreListener {
  /** As "extension 103@example.com", "settings". */
  readonly stale: string[] = []
  readonly availability: (string | null)[] = []
  readonly notices: string[] = []
  readonly #waiters = new Set<Waiter>()

  onInvalidation(changes: readonly Invalidation[]): void {
    for (const change of changes) {
      this.stale.push(
        change.kind === 'extension' ? `extension ${change.number}@${change.domain}` : change.kind,
      )
    }
    this.#look()
  }

  onAvailability(reason: string | null): void {
    this.availability.push(reason)
    this.#look()
  }

  onNotice(sentence: string): void {
    this.notices.push(sentence)
    this.#look()
  }

  /** Resolves when all of these were told since the last call. */
  async hears(...expected: string[]): Promise<void> {
    await this.until(ACTS_WITHIN_MS, () => expected.every((change) => this.stale.includes(change)))
    this.stale.length = 0
  }

  async until(ms: number, heard: () => boolean): Promise<void> {
    if (heard()) return
    const waited = Promise.withResolvers<void>()
    const waiter: Waiter = { heard, resolve: waited.resolve }
    this.#waiters.add(waiter)
    const what = () =>
      `the store to tell it, only ${JSON.stringify([this.stale, this.availability, this.notices])}`
    await within(ms, what, waited.promise).finally(() => this.#waiters.delete(waiter))
  }

  #look(): void {
    for (const { heard, resolve } of this.#waiters) if (heard()) resolve()
  }
}
