// Prometheus text. The layers count in plain numbers; they are read only when someone asks, as a counter that is
// kept in prom-client costs half a microsecond for each increment.

import { Hono } from 'hono'
import { Counter, Gauge, Registry } from 'prom-client'
import { MethodId } from '../../wasm/layout.ts'
import type { DirectoryCounts } from '../directory/directory.ts'
import type { TransportName } from '../transport/transport.ts'
import { alone, by, type Family, type Sample } from './family.ts'
import type { Meter, ProcessReading } from './meter.ts'
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

/** Anyone can invent a method, and each new label value would stay for ever (RFC 3261 section 7.1 leaves them open). */
const METHODS: ReadonlySet<unknown> = new Set(
  Object.values(MethodId).filter((name) => typeof name === 'string' && name !== MethodId[MethodId.Other]),
)

function messageSamples(counts: readonly MessageCount[]): readonly Sample[] {
  return counts.map(({ method, transport, direction, count }) => ({
    labels: { method: METHODS.has(method) ? method : 'other', transport, direction },
    value: count,
  }))
}

const SIP_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_messages_total',
    help: 'SIP messages by method, transport and direction; a response counts under the method of its CSeq',
    labels: ['method', 'transport', 'direction'],
    samples: (scrape) => messageSamples(scrape.messages),
  },
  {
    type: 'counter',
    name: 'sipwitches_responses_total',
    help: 'SIP responses sent, by class of their status code',
    labels: ['class'],
    samples: (scrape) => by('class', scrape.responses),
  },
  {
    type: 'counter',
    name: 'sipwitches_parse_failures_total',
    help: 'Messages that break the grammar, by what is wrong with them',
    labels: ['reason'],
    samples: (scrape) => by('reason', scrape.parseFailures),
  },
  {
    type: 'gauge',
    name: 'sipwitches_transactions',
    help: 'Transactions open now, by state machine',
    labels: ['kind'],
    samples: ({ transactions }) =>
      Object.entries(transactions).map(([kind, { open }]) => ({ labels: { kind }, value: open })),
  },
  {
    type: 'counter',
    name: 'sipwitches_transactions_started_total',
    help: 'Transactions begun, by state machine',
    labels: ['kind'],
    samples: ({ transactions }) =>
      Object.entries(transactions).map(([kind, { started }]) => ({ labels: { kind }, value: started })),
  },
  {
    type: 'counter',
    name: 'sipwitches_defects_total',
    help: 'Faults of the program that ended a transaction with 500; 0 by design, the log has the stack',
    labels: [],
    samples: (scrape) => alone(scrape.defects),
  },
]

const OVERLOAD_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_refused_total',
    help: 'What was turned away because of a limit, by that limit',
    labels: ['limit'],
    samples: ({ overload }) => by('limit', overload.refused),
  },
  {
    type: 'counter',
    name: 'sipwitches_refused_unanswered_total',
    help: 'Requests and messages turned away without an answer, which would have cost too much',
    labels: [],
    samples: ({ overload }) => alone(overload.unanswered),
  },
  {
    type: 'gauge',
    name: 'sipwitches_pressure',
    help: '0: all is served; 1: new calls and first registrations are rationed by source; 2: none begins',
    labels: [],
    samples: ({ overload }) => alone(overload.pressure),
  },
  {
    type: 'gauge',
    name: 'sipwitches_sources',
    help: 'Addresses that sent something within the last second',
    labels: [],
    samples: ({ overload }) => alone(overload.sources),
  },
  {
    type: 'gauge',
    name: 'sipwitches_connections',
    help: 'Stream connections open now',
    labels: [],
    samples: ({ overload }) => alone(overload.connections),
  },
]

const REGISTRAR_FAMILIES: readonly Family[] = [
  {
    type: 'gauge',
    name: 'sipwitches_bindings',
    help: 'Registered contacts',
    labels: [],
    samples: (scrape) => alone(scrape.bindings),
  },
  {
    type: 'counter',
    name: 'sipwitches_authentication_failures_total',
    help: 'Requests whose credentials were refused, by reason',
    labels: ['reason'],
    samples: (scrape) => by('reason', scrape.authenticationFailures),
  },
]

const DIRECTORY_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_directory_lookups_total',
    help: 'Look-ups of a name: its record was in memory, was not, or nobody was known to have the name',
    labels: ['result'],
    samples: ({ directory }) =>
      by('result', { hit: directory.hits, miss: directory.misses, negative: directory.negativeHits }),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_reads_total',
    help: 'Records wanted from the database: asked for, or merged with the same question under way',
    labels: ['outcome'],
    samples: ({ directory }) => by('outcome', { sent: directory.lookups, merged: directory.merged }),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_entries',
    help: 'Names in memory: of extensions with a registered phone, of others, and those that nobody has',
    labels: ['kind'],
    samples: ({ directory }) =>
      by('kind', { active: directory.active, other: directory.others, unknown: directory.unknown }),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_bytes',
    help: 'Memory that these take, estimated',
    labels: [],
    samples: ({ directory }) => alone(directory.bytes),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_invalidations_total',
    help: 'Names whose rows were changed',
    labels: [],
    samples: ({ directory }) => alone(directory.invalidations),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_evictions_total',
    help: 'Records of extensions without a registered phone that made room for others',
    labels: [],
    samples: ({ directory }) => alone(directory.evictions),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_staleness_seconds',
    help: 'Since when changes of rows were last looked for',
    labels: [],
    samples: ({ directory }) => alone(directory.staleness_seconds),
  },
]

const CALL_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_call_records_lost_total',
    help: 'Call detail records, and ends of calls, that the database did not take',
    labels: [],
    samples: (scrape) => alone(scrape.callRecordsLost),
  },
]

const PROCESS_FAMILIES: readonly Family[] = [
  {
    type: 'gauge',
    name: 'sipwitches_build_info',
    help: 'Always 1; the labels say what is running',
    labels: ['version', 'bun', 'schema'],
    samples: ({ build }) => [
      { labels: { version: build.version, bun: build.bun, schema: String(build.schema) }, value: 1 },
    ],
  },
  {
    type: 'gauge',
    name: 'sipwitches_event_loop_delay_seconds',
    help: 'How late the event loop ran since the scrape before; quantile 1 is the worst',
    labels: ['quantile'],
    samples: ({ process: { loopDelay_seconds: delay } }) => [
      { labels: { quantile: '0.5' }, value: delay.p50 },
      { labels: { quantile: '0.99' }, value: delay.p99 },
      { labels: { quantile: '1' }, value: delay.max },
    ],
  },
  {
    type: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    labels: [],
    samples: (scrape) => alone(scrape.process.residentMemory_bytes),
  },
  {
    type: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of all threads',
    labels: [],
    samples: (scrape) => alone(scrape.process.cpu_seconds),
  },
]

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
