// Group commit without a timer: while one batch is being committed the next one gathers, so the window is exactly as
// long as a commit takes. A lone write waits for nothing; under load hundreds share one sync of the disk.

import type { Clock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { type FailedCall, type PackedChanges, packChange } from './protocol.ts'
import { type Change, StoreUnavailable } from './store.ts'

/** Commits a batch and says which of its calls failed; rejects when all of them did. */
export type CommitBatch = (calls: readonly number[], changes: PackedChanges) => Promise<readonly FailedCall[]>

interface Waiting {
  resolve(): void
  reject(error: StoreUnavailable): void
}

class Batch {
  readonly calls: number[] = []
  readonly changes: PackedChanges = []
  readonly waiting: Waiting[] = []
  changeCount = 0

  add(changes: readonly Change[]): Promise<void> {
    for (const change of changes) packChange(this.changes, change)
    this.calls.push(changes.length)
    this.changeCount += changes.length
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
  }

  settle(failed: readonly FailedCall[]): void {
    for (const { call, reason } of failed) this.waiting[call]?.reject(new StoreUnavailable(reason))
    // Settling a promise twice changes nothing: the failed ones stay rejected.
    for (const waiting of this.waiting) waiting.resolve()
  }
}

export class GroupCommit {
  readonly #clock: Clock
  readonly #commit: CommitBatch
  #gathering = new Batch()
  #flying: Batch | null = null
  /** Asked to start at the end of this turn, so that all that the turn brings goes together. */
  #scheduled = false
  #refused_changes = 0
  #idle: (() => void) | null = null

  constructor(clock: Clock, commit: CommitBatch) {
    this.#clock = clock
    this.#commit = commit
  }

  get refused_changes(): number {
    return this.#refused_changes
  }

  get pending_changes(): number {
    return this.#gathering.changeCount + (this.#flying?.changeCount ?? 0)
  }

  add(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    if (this.pending_changes + changes.length > LIMITS.storeWritesPending) {
      this.#refused_changes += changes.length
      return Promise.reject(new StoreUnavailable('Too many writes wait for the database.'))
    }
    if (this.#flying === null && !this.#scheduled) {
      this.#scheduled = true
      this.#clock.soon(() => void this.#fly())
    }
    return this.#gathering.add(changes)
  }

  /** Resolves when nothing waits any more, committed or refused. */
  drained(): Promise<void> {
    if (this.pending_changes === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle = resolve
    })
  }

  async #fly(): Promise<void> {
    this.#scheduled = false
    while (this.#gathering.changeCount > 0) {
      const batch = this.#gathering
      this.#flying = batch
      this.#gathering = new Batch()
      try {
        batch.settle(await this.#commit(batch.calls, batch.changes))
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        batch.settle(batch.calls.map((_, call) => ({ call, reason })))
      }
    }
    this.#flying = null
    this.#idle?.()
    this.#idle = null
  }
}
