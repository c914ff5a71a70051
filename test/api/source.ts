// A server's counts as they might stand, for tests of what is made of them.

import type { HealthSource, ReadinessReport } from '../../src/api/health.ts'
import type { Meter, ProcessReading } from '../../src/api/meter.ts'
import type { MetricsReading, MetricsSource } from '../../src/api/metrics.ts'

export class FakeHealth implements HealthSource {
  readonly version = '1.2.3'
  report: ReadinessReport = { status: 'ready', reasons: [], since: 0 }

  readiness(): ReadinessReport {
    return this.report
  }
}

export class FakeMetrics implements MetricsSource {
  readonly build = { version: '1.2.3', bun: '1.4.5', schema: 7 }
  reading: MetricsReading = {
    messages: [
      { method: 'REGISTER', transport: 'udp', direction: 'in', count: 12 },
      { method: 'FOO', transport: 'tcp', direction: 'in', count: 3 },
      { method: 'constructor', transport: 'tcp', direction: 'in', count: 4 },
    ],
    transactions: {
      'invite-client': { open: 1, started: 10 },
      'invite-server': { open: 2, started: 20 },
      client: { open: 3, started: 30 },
      server: { open: 4, started: 40 },
    },
    answersKept_seconds: 31.5,
    responses: { '1xx': 1, '2xx': 2, '3xx': 3, '4xx': 4, '5xx': 5, '6xx': 6 },
    overload: {
      refused: { event_loop: 21, connections: 22 },
      unanswered: 23,
      pressure: 1,
      sources: 24,
      connections: 25,
    },
    bindings: 17,
    callRecordsLost: 26,
    authenticationFailures: { password: 5, stale: 6 },
    parseFailures: { Via: 8 },
    defects: 0,
    sql: {
      queries: 9,
      seconds: 0.25,
      failures: 1,
      pendingWrites: 2,
      pendingLookups: 3,
      waitsOnCallPath: 0,
      commits: 31,
      commitSeconds: 0.5,
      up: true,
      workerRestarts: 32,
      snapshotAge_seconds: 33,
    },
    spool: { rows: 34, bytes: 35, oldest_seconds: 36, spooled: 37, drained: 38, dropped: 39, refused: 40 },
    directory: {
      hits: 100,
      misses: 11,
      negativeHits: 12,
      lookups: 13,
      merged: 14,
      refused: 21,
      active: 15,
      others: 16,
      unknown: 17,
      bytes: 18_000,
      invalidations: 19,
      evictions: 20,
      staleness_seconds: 0.1,
    },
  }

  read(): MetricsReading {
    return this.reading
  }
}

export class FakeMeter implements Meter {
  read(): ProcessReading {
    return {
      residentMemory_bytes: 1024,
      cpu_seconds: 2.5,
      loopDelay_seconds: { p50: 0.001, p99: 0.002, max: 0.003 },
    }
  }
}
