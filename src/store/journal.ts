// Follows the change journal: which records are stale since the last look.

import type { Driver, JournalRow } from './driver.ts'
import type { Invalidation } from './store.ts'

/** Whatever was read before may be stale. */
export const EVERYTHING: readonly Invalidation[] = [
  { kind: 'everything' },
  { kind: 'settings' },
  { kind: 'domains' },
]

export class JournalFollower {
  readonly #driver: Driver

  private constructor(driver: Driver) {
    this.#driver = driver
  }

  /** Follows from now on: what was changed before is in whatever is read after this. */
  static async start(driver: Driver): Promise<JournalFollower> {
    await driver.startJournal()
    return new JournalFollower(driver)
  }

  /** What others have committed since the last call, each stale record once; empty when nothing. */
  async poll(): Promise<readonly Invalidation[]> {
    const { rows, whole } = await this.#driver.readJournal()
    return whole ? invalidations(rows) : EVERYTHING
  }
}

function invalidations(rows: readonly JournalRow[]): readonly Invalidation[] {
  const stale = new Map<string, Invalidation>()
  for (const row of rows) {
    const invalidation = invalidationOf(row)
    const key = invalidation.kind === 'extension' ? row.key : invalidation.kind
    stale.set(`${invalidation.kind} ${key}`, invalidation)
  }
  return [...stale.values()]
}

function invalidationOf(row: JournalRow): Invalidation {
  if (row.table === 'setting') return { kind: 'settings' }
  if (row.table === 'domain') return { kind: 'domains' }
  const at = row.key.lastIndexOf('@')
  // No trigger of ours writes such a key, but anybody may write to the journal.
  if (at < 0) return { kind: 'everything' }
  return { kind: 'extension', number: row.key.slice(0, at), domain: row.key.slice(at + 1) }
}
