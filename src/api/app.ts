// The HTTP side: one Hono app, made of one file per resource.

import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import type { Log } from '../log.ts'
import { type HealthSource, healthRoutes } from './health.ts'
import type { Meter } from './meter.ts'
import { type MetricsSource, metricsRoutes } from './metrics.ts'

export interface AppParts {
  readonly health: HealthSource
  readonly metrics: MetricsSource
  readonly meter: Meter
  readonly log: Log
}

export function createApp({ health, metrics, meter, log }: AppParts): Hono {
  const app = new Hono()
  app.use(secureHeaders())
  app.use(async (context, next) => {
    await next()
    // Each answer is about this moment; a cache in between would hide an outage.
    context.header('Cache-Control', 'no-store')
  })
  app.route('/', healthRoutes(health))
  app.route('/', metricsRoutes(metrics, meter))
  app.notFound((context) => context.json({ error: 'not found' }, 404))
  app.onError((error, context) => {
    log.error({ event: 'http-error', err: error, path: context.req.path }, 'a request to the API failed')
    return context.json({ error: 'internal error' }, 500)
  })
  return app
}
