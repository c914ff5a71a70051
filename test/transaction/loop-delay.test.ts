import { expect, test } from 'bun:test'
import { LoopDelay } from '../../src/transaction/loop-delay.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const PULSE_ms = 50
const LATE_ms = 150

function listening() {
  const clock = new VirtualClock()
  const loop = new LoopDelay(clock, { overloadLate_ms: LATE_ms })
  loop.onMessage()
  return {
    clock,
    loop,
    /** The pulse that is waited for comes so late. */
    late(ms: number): void {
      loop.onMessage()
      clock.stall(PULSE_ms + ms)
      clock.advance(0)
    },
    onTime(): void {
      loop.onMessage()
      clock.advance(PULSE_ms)
    },
  }
}

test('on time: none', () => {
  const { loop, onTime } = listening()
  for (let pulse = 0; pulse < 10; pulse++) onTime()
  expect(loop.isOverloaded()).toBe(false)
})

test('one late pulse is a pause, the second in a row is overload, the first on time is its end', () => {
  const { loop, late, onTime } = listening()
  late(LATE_ms)
  expect(loop.isOverloaded()).toBe(false)
  late(LATE_ms)
  expect(loop.isOverloaded()).toBe(true)
  onTime()
  expect(loop.isOverloaded()).toBe(false)
})

test('a little less than late is on time, however often', () => {
  const { loop, late } = listening()
  for (let pulse = 0; pulse < 10; pulse++) late(LATE_ms - 1)
  expect(loop.isOverloaded()).toBe(false)
})

test('pauses that are far apart are never overload', () => {
  const { loop, late, onTime } = listening()
  for (let pause = 0; pause < 10; pause++) {
    late(3000)
    onTime()
    onTime()
  }
  expect(loop.isOverloaded()).toBe(false)
})

test('right after its end the next late pulse begins it again', () => {
  const { loop, late, onTime } = listening()
  late(LATE_ms)
  late(LATE_ms)
  onTime()
  late(LATE_ms)
  expect(loop.isOverloaded()).toBe(true)
})

test('an overdue pulse counts before it comes', () => {
  const { clock, loop, late } = listening()
  late(LATE_ms)
  loop.onMessage()
  clock.stall(PULSE_ms + LATE_ms - 1)
  expect(loop.isOverloaded()).toBe(false)
  clock.stall(1)
  expect(loop.isOverloaded()).toBe(true)
})

test('a turn without end is overload, though its pulse never comes', () => {
  const { clock, loop } = listening()
  clock.stall(PULSE_ms + LATE_ms)
  expect(loop.isOverloaded()).toBe(false)
  clock.stall(PULSE_ms + LATE_ms - 1)
  expect(loop.isOverloaded()).toBe(false)
  clock.stall(1)
  expect(loop.isOverloaded()).toBe(true)
})

test('an idle server sleeps, and a closed one has no timer', () => {
  const { clock, loop, late } = listening()
  late(LATE_ms)
  late(LATE_ms)
  clock.advance(10 * PULSE_ms)
  expect([clock.timers, loop.isOverloaded()]).toEqual([0, false])
  // The time that it slept is no lateness.
  clock.advance(60_000)
  loop.onMessage()
  expect([clock.timers, loop.isOverloaded()]).toEqual([1, false])
  loop.close()
  expect(clock.timers).toBe(0)
})

test('a backlog that lasts is overload, although the loop is on time; read empty it is none', () => {
  const { loop, onTime } = listening()
  const enough_ms = 2 * (PULSE_ms + LATE_ms)
  loop.onBacklog(enough_ms - 1)
  onTime()
  expect(loop.isOverloaded()).toBe(false)
  loop.onBacklog(enough_ms)
  onTime()
  expect(loop.isOverloaded()).toBe(true)
  loop.onBacklog(0)
  expect(loop.isOverloaded()).toBe(false)
})
