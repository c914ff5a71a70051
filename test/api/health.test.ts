import { describe, expect, test } from 'bun:test'
import { healthRoutes, type Readiness } from '../../src/api/health.ts'
import { FakeHealth } from './source.ts'

test('/healthz says which program lives', async () => {
  const answer = await healthRoutes(new FakeHealth()).request('/healthz')
  expect(answer.status).toBe(200)
  expect(await answer.json()).toEqual({ status: 'ok', program: 'sipwitches', version: '1.2.3' })
})

describe('/readyz', () => {
  test.each<[Readiness, number]>([
    ['starting', 503],
    ['ready', 200],
    ['degraded', 200],
    ['stopping', 503],
  ])('%s is %i, with the reasons and the time', async (status, code) => {
    const health = new FakeHealth()
    health.report = { status, reasons: ['the database is away'], since: Date.UTC(2026, 0, 31, 12) }
    const answer = await healthRoutes(health).request('/readyz')
    expect(answer.status).toBe(code)
    expect(await answer.json()).toEqual({
      status,
      reasons: ['the database is away'],
      since: '2026-01-31T12:00:00.000Z',
    })
  })
})
