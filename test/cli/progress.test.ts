import { describe, expect, test } from 'bun:test'
import { Call } from '../../src/cli/command.ts'
import { Progress } from '../../src/cli/progress.ts'
import { LIMITS } from '../../src/config.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function begin(options: Readonly<Record<string, unknown>>) {
  const clock = new VirtualClock()
  const told: string[] = []
  const output = { line: () => {}, note: () => {}, progress: (text: string) => told.push(text) }
  return { clock, told, progress: new Progress(new Call(options, [], output), 'lines', 900, clock) }
}

describe('progress', () => {
  test('is told once it takes a moment, and then once in each', () => {
    const { clock, told, progress } = begin({})
    clock.advance(LIMITS.progress_ms - 1)
    progress.reached(100)
    expect(told).toEqual([])
    clock.advance(1)
    progress.reached(200)
    progress.reached(300)
    clock.advance(LIMITS.progress_ms)
    progress.reached(400)
    expect(told).toEqual(['200 of 900 lines', '400 of 900 lines'])
  })

  test('is not told to a program', () => {
    const { clock, told, progress } = begin({ json: true })
    clock.advance(LIMITS.progress_ms * 2)
    progress.reached(200)
    expect(told).toEqual([])
  })
})
