// Prometheus text. The layers count in plain numbers; they are read only when someone asks, as a counter that is
// kept in prom-client costs half a microsecond for each increment.

import { Hono } from 'hono'
import { Counter, Gauge, Registry } from 'prom-client'
import type { DirectoryCounts } from '../directory/directory.ts'
import type { TransportName } from '../transport/transport.ts'
import { DIRECTORY_FAMILIES } from './directory-metrics.ts'
import type { Family, Sample } from './family.ts'
import type { Meter, ProcessReading } from './meter.ts'
import { PROCESS_FAMILIES } from './process-metrics.ts'
import { CALL_FAMILIES, OVERLOAD_FAMILIES, REGISTRAR_FAMILIES, SIP_FAMILIES } from './sip-metrics.ts'
import { SPOOL_FAMILIES, SQL_FAMILIES } from './store-metrics.ts'

export interface MessageCount {
  /** A response counts under the method of its CSeq. */
  readonly method: string
  readonly transport: TransportName
  readonly direction: 'in' | 'out'
  readonly count: number
}

export type TransactionKind = 'invite-client' | 'invite-server' | 'client' | 'server'
export type ResponseClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | '6xx'

/** What the layers have counted since the start, or hold now. */
export interface MetricsReading {
  readonly messages: readonly MessageCount[]
  readonly transactions: Readonly<
    Record<TransactionKind, { readonly open: number; readonly started: number }>
  >
  /** For how long answers are given again to who repeats himself: 32 unless more come than there is room for. */
  readonly answersKept_seconds: number
  /** Responses sent, by class of their status. */
  readonly responses: Readonly<Record<ResponseClass, number>>
  readonly overload: {
    /** Requests, messages, connections and sends that were turned away, by the limit that stood in their way. */
    readonly refused: Readonly<Record<string, number>>
    readonly unanswered: number
    /** 0 calm, 1 pressed, 2 critical. */
    readonly pressure: number
    readonly sources: number
    readonly connections: number
  }
  readonly bindings: number
  readonly callRecordsLost: number
  /** By reason; the reasons are a fixed list in the code, never a peer's words. */
  readonly authenticationFailures: Readonly<Record<string, number>>
  readonly parseFailures: Readonly<Record<string, number>>
  /** Faults of our own that ended a transaction with 500: 0 by design. */
  readonly defects: number
  readonly sql: {
    readonly queries: number
    readonly seconds: number
    readonly failures: number
    readonly pendingWrites: number
    readonly pendingLookups: number
    /** Messages of known extensions that had to wait for SQL: 0 by design. */
    readonly waitsOnCallPath: number
    readonly commits: number
    readonly commitSeconds: number
    readonly up: boolean
    readonly workerRestarts: number
    /** null when there is no snapshot. */
    readonly snapshotAge_seconds: number | null
  }
  /** Changes that wait on this machine's disk for the database. */
  readonly spool: {
    readonly rows: number
    readonly bytes: number
    readonly oldest_seconds: number
    readonly spooled: number
    readonly drained: number
    readonly dropped: number
    readonly refused: number
  }
  readonly directory: DirectoryCounts & { readonly staleness_seconds: number }
}

export interface BuildFacts {
  readonly version: string
  readonly bun: string
  readonly schema: number
}

export interface MetricsSource {
  readonly build: BuildFacts
  read(): MetricsReading
}

export interface Scrape extends MetricsReading {
  readonly build: BuildFacts
  readonly process: ProcessReading
}

export function metricsRoutes(source: MetricsSource, meter: Meter): Hono {
  const registry = new Registry()
  let scrape: Scrape
  for (const family of FAMILIES) register(registry, family, () => family.samples(scrape))
  const routes = new Hono()
  routes.get('/metrics', async (context) => {
    scrape = { ...source.read(), build: source.build, process: meter.read() }
    return context.body(await registry.metrics(), 200, { 'Content-Type': registry.contentType })
  })
  return routes
}

/** The values are absolute, so each scrape starts from nothing. */
function register(registry: Registry, family: Family, samples: () => readonly Sample[]): void {
  const options = { ...family, labelNames: family.labels, registers: [registry] }
  if (family.type === 'counter') {
    const counter = new Counter({
      ...options,
      collect() {
        counter.reset()
        for (const { labels, value } of samples()) counter.inc(labels, value)
      },
    })
  } else {
    const gauge = new Gauge({
      ...options,
      collect() {
        gauge.reset()
        for (const { labels, value } of samples()) gauge.set(labels, value)
      },
    })
  }
}

const FAMILIES: readonly Family[] = [
  ...SIP_FAMILIES,
  ...OVERLOAD_FAMILIES,
  ...REGISTRAR_FAMILIES,
  ...DIRECTORY_FAMILIES,
  ...CALL_FAMILIES,
  ...SQL_FAMILIES,
  ...SPOOL_FAMILIES,
  ...PROCESS_FAMILIES,
]
