import { beforeEach, describe, expect, test } from 'bun:test'
import type { Hono } from 'hono'
import { createApp } from '../../src/api/app.ts'
import { createLog } from '../../src/log.ts'
import { FakeHealth, FakeMeter, FakeMetrics } from './source.ts'

let health: FakeHealth
let metrics: FakeMetrics
let logged: string[]
let app: Hono

beforeEach(() => {
  health = new FakeHealth()
  metrics = new FakeMetrics()
  logged = []
  const log = createLog('trace', { write: (line) => logged.push(line) })
  app = createApp({ health, metrics, meter: new FakeMeter(), log })
})

describe('every answer', () => {
  test.each(['/healthz', '/readyz', '/metrics', '/nowhere'])(
    'of %s has secure headers and no cache',
    async (path) => {
      const { headers } = await app.request(path)
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('X-Frame-Options')).toBe('SAMEORIGIN')
      expect(headers.get('Cache-Control')).toBe('no-store')
    },
  )

  test('to an unknown path is 404 in JSON', async () => {
    const answer = await app.request('/v1/nothing')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ error: 'not found' })
  })

  test('to a method that is not served is 404', async () => {
    expect((await app.request('/healthz', { method: 'POST' })).status).toBe(404)
  })
})

test('what goes wrong inside is 500 without a word about it; the log has the reason', async () => {
  metrics.read = () => {
    throw new Error('inner reason')
  }
  const answer = await app.request('/metrics')
  expect(answer.status).toBe(500)
  expect(await answer.text()).toBe('{"error":"internal error"}')
  expect(logged.join('')).toContain('inner reason')
})
