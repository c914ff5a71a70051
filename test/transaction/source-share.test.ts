import { expect, test } from 'bun:test'
import { SourceShares } from '../../src/transaction/source-share.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function sharing() {
  const clock = new VirtualClock()
  return { clock, shares: new SourceShares(clock, { sources_entries: 3, sourceShare_ms: 1000 }) }
}

test('each address has its own account, which starts again at each interval', () => {
  const { clock, shares } = sharing()
  const work = shares.of('192.0.2.1')!
  work.fresh = 7
  expect(shares.of('192.0.2.1')).toBe(work)
  expect(shares.of('192.0.2.2')?.fresh).toBe(0)
  clock.advance(999)
  expect(shares.of('192.0.2.1')?.fresh).toBe(7)
  clock.advance(1)
  expect(shares.of('192.0.2.1')?.fresh).toBe(0)
})

test('a full table does not tell newcomers apart; those in it stay, and at the next interval there is room', () => {
  const { clock, shares } = sharing()
  for (const host of ['a', 'b', 'c']) shares.of(host)!.fresh = 1
  expect([shares.of('d'), shares.of('a')?.fresh, shares.size]).toEqual([null, 1, 3])
  clock.advance(1000)
  expect(shares.of('d')).not.toBeNull()
})

test('made-up addresses without end leave nothing behind', () => {
  const { clock, shares } = sharing()
  for (let n = 0; n < 10_000; n++) shares.of(`host ${n}`)
  expect([shares.size, clock.timers]).toEqual([3, 1])
  clock.advance(1000)
  expect([shares.size, clock.timers]).toEqual([0, 0])
  shares.of('a')
  shares.close()
  expect(clock.timers).toBe(0)
})

test('an interval ends at its time, also when its timer is late', () => {
  const { clock, shares } = sharing()
  shares.of('a')!.fresh = 1
  shares.fresh = 1
  clock.stall(999)
  shares.renew()
  expect([shares.of('a')?.fresh, shares.fresh]).toEqual([1, 1])
  clock.stall(1)
  shares.renew()
  expect([shares.of('a')?.fresh, shares.fresh, clock.timers]).toEqual([0, 0, 1])
})
