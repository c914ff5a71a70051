import { describe, expect, test } from 'bun:test'
import { GroupCommit } from '../../src/store/group-commit.ts'
import type { FailedCall } from '../../src/store/protocol.ts'
import { StoreUnavailable } from '../../src/store/store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, save } from './binding.ts'

/** A database whose commits end when the test says so. */
class Commits {
  readonly clock = new VirtualClock()
  /** The sizes of the calls in each batch, in order. */
  readonly batches: (readonly number[])[] = []
  readonly ends: PromiseWithResolvers<readonly FailedCall[]>[] = []
  readonly group = new GroupCommit(this.clock, (calls) => {
    const end = Promise.withResolvers<readonly FailedCall[]>()
    this.batches.push(calls)
    this.ends.push(end)
    return end.promise
  })

  add(count: number): Promise<void> {
    return this.group.add(Array.from({ length: count }, () => save(binding(1, 'ann'))))
  }

  async end(batch: number, failed: readonly FailedCall[] = []): Promise<void> {
    this.ends[batch]?.resolve(failed)
    await this.clock.idle()
  }
}

describe('group commit', () => {
  test('sends what one turn brings together, and the rest when that is committed', async () => {
    const commits = new Commits()
    void commits.add(1)
    void commits.add(2)
    expect(commits.batches).toEqual([])
    commits.clock.settle()
    void commits.add(3)
    void commits.add(1)
    await commits.clock.idle()
    expect(commits.batches).toEqual([[1, 2]])
    expect(commits.group.pending_changes).toBe(7)
    await commits.end(0)
    expect(commits.batches).toEqual([
      [1, 2],
      [3, 1],
    ])
    await commits.end(1)
    expect(commits.group.pending_changes).toBe(0)
    await commits.add(0)
    expect(commits.batches).toHaveLength(2)
  })

  test('settles each call by its own outcome', async () => {
    const commits = new Commits()
    const settled = Promise.allSettled([commits.add(1), commits.add(1), commits.add(1)])
    commits.clock.settle()
    await commits.end(0, [{ call: 1, reason: 'refused' }])
    const outcomes = await settled
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[1]).toMatchObject({ reason: new StoreUnavailable('refused') })
  })

  test('goes on after a batch that failed as a whole', async () => {
    const commits = new Commits()
    const failed = commits.add(1).catch((reason: unknown) => reason)
    commits.clock.settle()
    const next = commits.add(1)
    commits.ends[0]?.reject(new StoreUnavailable('gone'))
    expect(await failed).toEqual(new StoreUnavailable('gone'))
    await commits.clock.idle()
    await commits.end(1)
    await next
  })

  test('is drained when nothing flies and nothing gathers', async () => {
    const commits = new Commits()
    let drained = false
    void commits.add(1)
    commits.clock.settle()
    void commits.add(1)
    void commits.group.drained().then(() => {
      drained = true
    })
    await commits.end(0)
    expect(drained).toBe(false)
    await commits.end(1)
    expect(drained).toBe(true)
    await commits.group.drained()
  })
})
