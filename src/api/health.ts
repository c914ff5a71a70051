// Is the process alive, and may it be given calls? For supervisors, load balancers and containers.

import { Hono } from 'hono'

/** `degraded` still serves calls (the database is away, say), so it is not a reason to send them elsewhere. */
export type Readiness = 'starting' | 'ready' | 'degraded' | 'stopping'

export interface ReadinessReport {
  readonly status: Readiness
  /** Why it is not simply ready, in words. */
  readonly reasons: readonly string[]
  /** When this status began, ms since the epoch. */
  readonly since: number
}

export interface HealthSource {
  readonly version: string
  readiness(): ReadinessReport
}

export function healthRoutes(source: HealthSource): Hono {
  const routes = new Hono()
  routes.get('/healthz', (context) =>
    context.json({ status: 'ok', program: 'sipwitches', version: source.version }),
  )
  routes.get('/readyz', (context) => {
    const { status, reasons, since } = source.readiness()
    const serving = status === 'ready' || status === 'degraded'
    return context.json({ status, reasons, since: new Date(since).toISOString() }, serving ? 200 : 503)
  })
  return routes
}
