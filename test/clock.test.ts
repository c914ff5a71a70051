import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock, type Wakeable } from '../src/clock.ts'
import { VirtualClock } from './support/virtual-clock.ts'

let clock: SystemClock
let errors: unknown[]

beforeEach(() => {
  errors = []
  clock = new SystemClock((error) => errors.push(error))
})

afterEach(() => clock.close())

/** Resolves with the time that has passed when the timer fires. */
function fires(delay_ms: number): Promise<number> {
  const start_ms = clock.monotonic()
  return new Promise((resolve) => {
    clock.after(delay_ms, { onTimer: () => resolve(clock.monotonic() - start_ms) }, 0)
  })
}

describe('SystemClock', () => {
  test('never fires early, whatever the delay', async () => {
    const delays_ms = Array.from({ length: 120 }, (_, n) => n * 1.7)
    const passed_ms = await Promise.all(delays_ms.map(fires))
    for (const [n, delay_ms] of delays_ms.entries()) expect(passed_ms[n]).toBeGreaterThanOrEqual(delay_ms)
  })

  test('fires each owner with its number, the earlier timer first', async () => {
    const woken: number[] = []
    await new Promise<void>((resolve) => {
      const who: Wakeable = { onTimer: (which) => (woken.push(which) === 3 ? resolve() : undefined) }
      clock.after(60, who, 3)
      clock.after(20, who, 1)
      clock.after(40, who, 2)
    })
    expect(woken).toEqual([1, 2, 3])
  })

  test('a shorter delay set later is not kept waiting by the longer one', async () => {
    clock.after(3_600_000, { onTimer() {} }, 0)
    expect(await fires(10)).toBeLessThan(3000)
  })

  test('a cancelled timer does not fire; cancelling again or after firing is harmless', async () => {
    let fired = 0
    const timer = clock.after(10, { onTimer: () => fired++ }, 0)
    timer.cancel()
    timer.cancel()
    const own = { timer: clock.after(20, { onTimer: () => own.timer.cancel() }, 0) }
    await fires(40)
    expect(fired).toBe(0)
    expect(clock.timers).toBe(0)
  })

  test('who throws stops neither the other timers nor the wheel', async () => {
    const broken = new Error('broken')
    clock.after(
      10,
      {
        onTimer() {
          throw broken
        },
      },
      0,
    )
    await Promise.all([fires(10), fires(30)])
    expect(errors).toEqual([broken])
  })

  test('a closed clock fires and runs nothing', async () => {
    const done: string[] = []
    clock.after(0, { onTimer: () => done.push('timer') }, 0)
    clock.soon(() => done.push('task'))
    clock.close()
    clock.after(0, { onTimer: () => done.push('late timer') }, 0)
    clock.soon(() => done.push('late task'))
    const other = new SystemClock(() => {})
    await new Promise<void>((resolve) => other.after(30, { onTimer: () => resolve() }, 0))
    other.close()
    expect(done).toEqual([])
    expect(clock.timers).toBe(0)
  })

  test('an idle clock lets the process end, and a set timer ends with close()', async () => {
    const program = `
      import { SystemClock } from '${import.meta.dir}/../src/clock.ts'
      const clock = new SystemClock(() => {})
      clock.after(20, { onTimer() { clock.after(3_600_000, { onTimer() {} }, 0); clock.close() } }, 0)`
    const run = Bun.spawn([process.execPath, '-e', program], { stderr: 'inherit' })
    expect(await run.exited).toBe(0)
  })
})

describe('soon', () => {
  const turn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve))

  test('runs tasks in order, after all promise jobs, and what they add in the next turn', async () => {
    const order: string[] = []
    clock.soon(() => {
      order.push('first')
      clock.soon(() => order.push('added'))
    })
    clock.soon(() => order.push('second'))
    Promise.resolve().then(() => order.push('promise'))
    await turn()
    await turn()
    expect(order).toEqual(['promise', 'first', 'second', 'added'])
  })

  test('a task that throws does not stop the others', async () => {
    const broken = new Error('broken')
    clock.soon(() => {
      throw broken
    })
    await turn()
    expect(errors).toEqual([broken])
  })
})

describe('VirtualClock', () => {
  test('fires at exact times, in order of time and then of setting, tasks in between', () => {
    const virtual = new VirtualClock()
    const order: string[] = []
    const note: Wakeable = {
      onTimer(which) {
        order.push(`${which} at ${virtual.monotonic()}`)
        virtual.soon(() => order.push(`task of ${which}`))
      },
    }
    virtual.after(20, note, 2)
    virtual.after(10.5, note, 1)
    virtual.after(20, note, 3)
    virtual.after(21, note, 4)
    const start_ms = virtual.now()
    virtual.advance(20)
    expect(order).toEqual(['1 at 10.5', 'task of 1', '2 at 20', 'task of 2', '3 at 20', 'task of 3'])
    expect(virtual.now() - start_ms).toBe(20)
    expect(virtual.timers).toBe(1)
  })

  test('timers set while time passes fire in the same pass, cancelled ones do not', () => {
    const virtual = new VirtualClock()
    const fired: number[] = []
    const every10: Wakeable = {
      onTimer(which) {
        fired.push(virtual.monotonic())
        if (which > 1) virtual.after(10, every10, which - 1)
      },
    }
    virtual.after(10, every10, 5)
    const doomed = [15, 15, 25].map((delay_ms) => virtual.after(delay_ms, every10, 0))
    doomed[1]!.cancel()
    doomed[1]!.cancel()
    doomed[2]!.cancel()
    virtual.advance(40)
    expect(fired).toEqual([10, 15, 20, 30, 40])
    doomed[0]!.cancel()
    expect(virtual.timers).toBe(1)
  })

  test('pass lets promises do their work between timers; advance does not wait', async () => {
    const virtual = new VirtualClock()
    const order: string[] = []
    const later: Wakeable = {
      onTimer(which) {
        Promise.resolve()
          .then(() => undefined)
          .then(() => virtual.soon(() => order.push(`promised ${which}`)))
        order.push(`timer ${which}`)
      },
    }
    virtual.after(1, later, 1)
    virtual.after(2, later, 2)
    await virtual.pass(2)
    expect(order).toEqual(['timer 1', 'promised 1', 'timer 2', 'promised 2'])
  })

  test('what is thrown comes out', () => {
    const virtual = new VirtualClock()
    virtual.soon(() => {
      throw new Error('broken')
    })
    expect(() => virtual.advance(1)).toThrow('broken')
  })
})
