import { describe, expect, test } from 'bun:test'
import type { Timer } from '../src/clock.ts'
import { TimingWheel } from '../src/timing-wheel.ts'
import { Random } from './support/random.ts'

const ROTATION_TICKS = 4096

/** A wheel that notes what it fires, turned by hand. */
class Turned {
  readonly fired: number[] = []
  readonly errors: unknown[] = []
  readonly wheel = new TimingWheel((error) => this.errors.push(error))
  tick = 0

  set(due_tick: number, which = due_tick): Timer {
    return this.wheel.set(due_tick, this.tick, this, which)
  }
  turn(tick: number): number[] {
    this.fired.length = 0
    this.tick = tick
    this.wheel.turn(tick)
    return [...this.fired]
  }
  onTimer(which: number): void {
    this.fired.push(which)
  }
}

describe('TimingWheel', () => {
  test('fires at its tick and not before', () => {
    const turned = new Turned()
    turned.set(5)
    expect(turned.turn(4)).toEqual([])
    expect(turned.turn(5)).toEqual([5])
    expect(turned.turn(5)).toEqual([])
  })

  test('waits whole rotations', () => {
    const turned = new Turned()
    for (const rotations of [0, 1, 2]) turned.set(7 + rotations * ROTATION_TICKS)
    expect(turned.turn(7)).toEqual([7])
    expect(turned.turn(6 + ROTATION_TICKS)).toEqual([])
    expect(turned.turn(7 + ROTATION_TICKS)).toEqual([7 + ROTATION_TICKS])
    expect(turned.turn(7 + 2 * ROTATION_TICKS)).toEqual([7 + 2 * ROTATION_TICKS])
  })

  test('a tick that has passed is fired at the next one', () => {
    const turned = new Turned()
    turned.set(100)
    turned.turn(50)
    turned.set(3)
    expect(turned.turn(51)).toEqual([3])
  })

  test('after a stall of many rotations everything due is fired, once', () => {
    const turned = new Turned()
    const due = Array.from({ length: 400 }, (_, n) => 1 + n * 97)
    for (const tick of due) turned.set(tick)
    const later = 10 * ROTATION_TICKS
    turned.set(later + 1)
    expect(turned.turn(Math.max(...due) + 5).sort((a, b) => a - b)).toEqual(due)
    expect(turned.turn(later)).toEqual([])
    expect(turned.turn(later + 1)).toEqual([later + 1])
  })

  test('names the next tick to turn to: none when empty, never later than the first timer', () => {
    const turned = new Turned()
    expect(turned.wheel.nextTick()).toBeNull()
    const far = turned.set(3000)
    expect(turned.wheel.nextTick()).toBe(3000)
    const near = turned.set(31)
    expect(turned.wheel.nextTick()).toBe(31)
    near.cancel()
    expect(turned.wheel.nextTick()).toBe(3000)
    far.cancel()
    expect(turned.wheel.nextTick()).toBeNull()
    turned.set(5 * ROTATION_TICKS + 9)
    expect(turned.wheel.nextTick()).toBe(9)
  })

  test('who is woken may cancel its neighbours and set new timers', () => {
    const turned = new Turned()
    const doomed: Timer[] = []
    const killer = {
      onTimer() {
        for (const timer of doomed) timer.cancel()
        turned.set(turned.tick)
      },
    }
    turned.wheel.set(4, 0, killer, 0)
    doomed.push(turned.set(4), turned.set(4 + ROTATION_TICKS), turned.set(5))
    expect(turned.turn(5)).toEqual([])
    expect(turned.turn(6)).toEqual([5])
    expect(turned.wheel.size).toBe(0)
  })

  test('who throws is reported, and the others fire', () => {
    const turned = new Turned()
    const broken = new Error('broken')
    const thrower = {
      onTimer() {
        throw broken
      },
    }
    turned.wheel.set(4, 0, thrower, 0)
    turned.set(4)
    expect(turned.turn(4)).toEqual([4])
    expect(turned.errors).toEqual([broken])
  })

  test('clear leaves nothing', () => {
    const turned = new Turned()
    for (let n = 1; n < 10_000; n += 7) turned.set(n)
    turned.wheel.clear()
    expect(turned.wheel.size).toBe(0)
    expect(turned.turn(10_000)).toEqual([])
  })

  test.each([1, 2, 3, 4, 5])('seed %d: as a plain list of timers would do it', (seed) => {
    const random = new Random(seed)
    const turned = new Turned()
    const model = new Map<number, { due_tick: number; timer: Timer }>()
    for (let which = 0; which < 4000; which++) {
      const due_tick = turned.tick + 1 + random.below(random.pick([4, 300, 3 * ROTATION_TICKS]))
      model.set(which, { due_tick, timer: turned.set(due_tick, which) })
      if (random.below(3) === 0) {
        const victim = random.below(which + 1)
        model.get(victim)?.timer.cancel()
        model.delete(victim)
      }
      if (random.below(4) > 0) continue
      const fired = turned.turn(turned.tick + random.below(random.pick([3, 50, 900])))
      const due = [...model].filter(([, { due_tick }]) => due_tick <= turned.tick)
      due.sort(([a, one], [b, other]) => one.due_tick - other.due_tick || a - b)
      expect(fired).toEqual(due.map(([which]) => which))
      for (const [which] of due) model.delete(which)
      expect(turned.wheel.size).toBe(model.size)
    }
  })
})
