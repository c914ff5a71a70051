// What the database does, and what waits for it.

import { alone, type Family } from './family.ts'

export const SQL_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_sql_queries_total',
    help: 'Statements and transactions run by the database worker',
    labels: [],
    samples: (scrape) => alone(scrape.sql.queries),
  },
  {
    type: 'counter',
    name: 'sipwitches_sql_seconds_total',
    help: 'Time the database worker has spent in SQL',
    labels: [],
    samples: (scrape) => alone(scrape.sql.seconds),
  },
  {
    type: 'counter',
    name: 'sipwitches_sql_failures_total',
    help: 'Statements and transactions that failed',
    labels: [],
    samples: (scrape) => alone(scrape.sql.failures),
  },
  {
    type: 'counter',
    name: 'sipwitches_sql_waits_on_call_path_total',
    help: 'Messages of known extensions that had to wait for SQL; 0 by design',
    labels: [],
    samples: (scrape) => alone(scrape.sql.waitsOnCallPath),
  },
  {
    type: 'gauge',
    name: 'sipwitches_sql_writes_pending',
    help: 'Changes of bindings that wait for their commit',
    labels: [],
    samples: (scrape) => alone(scrape.sql.pendingWrites),
  },
  {
    type: 'gauge',
    name: 'sipwitches_sql_lookups_pending',
    help: 'Look-ups that the database worker has not answered yet',
    labels: [],
    samples: (scrape) => alone(scrape.sql.pendingLookups),
  },
  {
    type: 'counter',
    name: 'sipwitches_commits_total',
    help: 'Transactions committed',
    labels: [],
    samples: ({ sql }) => alone(sql.commits),
  },
  {
    type: 'counter',
    name: 'sipwitches_commit_seconds_total',
    help: 'Time spent in transactions',
    labels: [],
    samples: ({ sql }) => alone(sql.commitSeconds),
  },
  {
    type: 'gauge',
    name: 'sipwitches_database_up',
    help: '1 while the database can be read and takes writes',
    labels: [],
    samples: ({ sql }) => alone(sql.up ? 1 : 0),
  },
  {
    type: 'counter',
    name: 'sipwitches_database_worker_restarts_total',
    help: 'Times that the database worker died or hung and another took over',
    labels: [],
    samples: ({ sql }) => alone(sql.workerRestarts),
  },
  {
    type: 'gauge',
    name: 'sipwitches_snapshot_age_seconds',
    help: 'How long ago the copy of a remote database was true; absent when there is none',
    labels: [],
    samples: ({ sql }) => (sql.snapshotAge_seconds === null ? [] : alone(sql.snapshotAge_seconds)),
  },
]

export const SPOOL_FAMILIES: readonly Family[] = [
  {
    type: 'gauge',
    name: 'sipwitches_spool_rows',
    help: 'Changes that wait on the disk for the database',
    labels: [],
    samples: ({ spool }) => alone(spool.rows),
  },
  {
    type: 'gauge',
    name: 'sipwitches_spool_bytes',
    help: 'What they take of the disk',
    labels: [],
    samples: ({ spool }) => alone(spool.bytes),
  },
  {
    type: 'gauge',
    name: 'sipwitches_spool_oldest_seconds',
    help: 'How long the oldest of them has waited; 0 when none does',
    labels: [],
    samples: ({ spool }) => alone(spool.oldest_seconds),
  },
  {
    type: 'counter',
    name: 'sipwitches_spool_written_total',
    help: 'Changes that went to the disk, as the database did not take them in time',
    labels: [],
    samples: ({ spool }) => alone(spool.spooled),
  },
  {
    type: 'counter',
    name: 'sipwitches_spool_drained_total',
    help: 'Of these, what went on into the database',
    labels: [],
    samples: ({ spool }) => alone(spool.drained),
  },
  {
    type: 'counter',
    name: 'sipwitches_spool_dropped_total',
    help: 'Of these, what the database refused in the end',
    labels: [],
    samples: ({ spool }) => alone(spool.dropped),
  },
  {
    type: 'counter',
    name: 'sipwitches_spool_refused_total',
    help: 'Changes that neither the database nor the disk took',
    labels: [],
    samples: ({ spool }) => alone(spool.refused),
  },
]
