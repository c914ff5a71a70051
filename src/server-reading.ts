// The server's numbers and state as the HTTP side shows them: each layer's counts, read when someone asks.

import type { HealthSource, ReadinessReport } from './api/health.ts'
import type { BuildFacts, MetricsReading, MetricsSource } from './api/metrics.ts'
import type { Server } from './server.ts'
import { PROBLEM_NAMES } from './sip/parse.ts'
import type { Pressure } from './transaction/admission.ts'

const PRESSURES: readonly Pressure[] = ['calm', 'pressed', 'critical']

export class ServerReading implements HealthSource, MetricsSource {
  readonly build: BuildFacts
  readonly #server: Server
  readonly #startedAt: number
  #stoppingSince: number | null = null

  constructor(server: Server, build: BuildFacts, startedAt: number) {
    this.#server = server
    this.build = build
    this.#startedAt = startedAt
  }

  get version(): string {
    return this.build.version
  }

  /** From now on no new calls should be sent here. */
  stopping(now: number): void {
    this.#stoppingSince = now
  }

  readiness(): ReadinessReport {
    if (this.#stoppingSince !== null) {
      return { status: 'stopping', reasons: ['the server is being stopped'], since: this.#stoppingSince }
    }
    const degraded = this.#degraded()
    if (degraded.length === 0) return { status: 'ready', reasons: [], since: this.#startedAt }
    return {
      status: 'degraded',
      reasons: degraded.map(({ reason }) => reason),
      since: Math.min(...degraded.map(({ since }) => since)),
    }
  }

  /** Calls are served all the while. */
  #degraded(): { readonly reason: string; readonly since: number }[] {
    const { databaseAway, startedFrom, store } = this.#server
    const { spool } = store.counts()
    const degraded = databaseAway === null ? [] : [databaseAway]
    if (databaseAway !== null && startedFrom.from === 'snapshot') {
      const reason = `The server was started from the snapshot of ${timeText(startedFrom.asOf)}.`
      degraded.push({ reason, since: databaseAway.since })
    }
    if (spool.rows > 0 && spool.oldestSince !== null) {
      const { rows, oldestSince: since } = spool
      degraded.push({
        reason: `${rows} writes wait for the database, the oldest since ${timeText(since)}.`,
        since,
      })
    }
    return degraded
  }

  #secondsSince(time: number): number {
    return Math.max(0, this.#server.now() - time) / 1000
  }

  read(): MetricsReading {
    const server = this.#server
    const { transactions, authenticator } = server
    const { started, open } = transactions.counts
    const sql = server.store.counts()
    const responses = (digit: number) => transactions.traffic.responses(digit)
    const kind = (name: keyof typeof started) => ({ open: open[name], started: started[name] })
    return {
      messages: transactions.traffic.messages(),
      transactions: {
        'invite-client': kind('invite-client'),
        client: kind('client'),
        'invite-server': kind('invite-server'),
        server: kind('server'),
      },
      answersKept_seconds: transactions.answersKept_ms / 1000,
      responses: {
        '1xx': responses(1),
        '2xx': responses(2),
        '3xx': responses(3),
        '4xx': responses(4),
        '5xx': responses(5),
        '6xx': responses(6),
      },
      overload: this.#overload(),
      bindings: server.location.count,
      callRecordsLost: server.callRecorder.lost,
      authenticationFailures: Object.fromEntries(authenticator.failures),
      parseFailures: this.#parseFailures(),
      defects: server.defects,
      sql: {
        queries: sql.queries,
        seconds: sql.querySeconds,
        failures: sql.failures,
        pendingWrites: sql.pendingWrites,
        pendingLookups: sql.pendingLookups,
        waitsOnCallPath: server.waitsOnCallPath,
        commits: sql.commits,
        commitSeconds: sql.commitSeconds,
        up: sql.databaseUp,
        workerRestarts: sql.workerRestarts,
        snapshotAge_seconds: sql.snapshotAsOf === null ? null : this.#secondsSince(sql.snapshotAsOf),
      },
      spool: {
        ...sql.spool,
        oldest_seconds: sql.spool.oldestSince === null ? 0 : this.#secondsSince(sql.spool.oldestSince),
      },
      directory: { ...server.directory.counts(), staleness_seconds: server.staleness_seconds },
    }
  }

  #overload(): MetricsReading['overload'] {
    const { admission } = this.#server.transactions
    const transports = [...this.#server.transports.counts.values()]
    const sum = (counted: (counts: (typeof transports)[number]) => number) =>
      transports.reduce((total, counts) => total + counted(counts), 0)
    return {
      refused: {
        ...admission.refused,
        connections: sum(({ connectionsRefused }) => connectionsRefused),
        send_queue: sum(({ sendsFailed }) => sendsFailed.congested),
        branches: this.#server.proxy.branchesRefused,
        lookups: this.#server.directory.counts().refused,
        names: this.#server.resolver.refused,
        nonces: this.#server.nonces.forgottenEarly,
        store_writes: this.#server.store.counts().refusedWrites,
      },
      unanswered: admission.unanswered,
      pressure: PRESSURES.indexOf(admission.pressure),
      sources: admission.sources,
      connections: sum(({ connectionsOpen }) => connectionsOpen),
    }
  }

  #parseFailures(): Record<string, number> {
    const counts: Record<string, number> = {}
    this.#server.receiver.parseFailures.forEach((count, problem) => {
      if (problem > 0) counts[PROBLEM_NAMES[problem]!] = count
    })
    return counts
  }
}

function timeText(time: number): string {
  return new Date(time).toISOString()
}
