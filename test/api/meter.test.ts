import { expect, spyOn, test } from 'bun:test'
import { ProcessMeter } from '../../src/api/meter.ts'

test('reads memory, CPU time and loop delay in base units', () => {
  const meter = new ProcessMeter()
  const { residentMemory_bytes, cpu_seconds, loopDelay_seconds } = meter.read()
  meter.close()
  expect(residentMemory_bytes).toBeGreaterThan(1_000_000)
  expect(cpu_seconds).toBeGreaterThan(0)
  expect(cpu_seconds).toBeLessThan(3600)
  for (const delay of Object.values(loopDelay_seconds)) expect(delay).toBeGreaterThanOrEqual(0)
})

test('sees the event loop blocked, and forgets it with the next reading', async () => {
  const meter = new ProcessMeter()
  const turn = () => Bun.sleep(40)
  await turn()
  meter.read()
  Bun.sleepSync(150)
  await turn()
  const { max } = meter.read().loopDelay_seconds
  meter.close()
  expect(max).toBeGreaterThan(0.1)
  expect(max).toBeLessThan(10)
  expect(meter.read().loopDelay_seconds.max).toBe(0)
})

test('keeps the last memory reading when no descriptor is left to take a new one', () => {
  const meter = new ProcessMeter()
  const before = meter.read().residentMemory_bytes
  const rss = spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    throw new Error('EMFILE')
  })
  try {
    expect(meter.read().residentMemory_bytes).toBe(before)
  } finally {
    rss.mockRestore()
    meter.close()
  }
})
