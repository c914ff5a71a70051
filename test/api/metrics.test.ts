import { expect, test } from 'bun:test'
import type { Hono } from 'hono'
import { metricsRoutes } from '../../src/api/metrics.ts'
import { FakeMeter, FakeMetrics } from './source.ts'

async function scrape(routes: Hono): Promise<string[]> {
  const answer = await routes.request('/metrics')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('Content-Type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return (await answer.text()).split('\n')
}

/** The series alone, without HELP and TYPE. */
async function series(routes: Hono): Promise<string[]> {
  return (await scrape(routes)).filter((line) => line !== '' && !line.startsWith('#'))
}

const isOfSpool = (line: string) => line.startsWith('sipwitches_spool_')

test('serves what waits for the database', async () => {
  const lines = await series(metricsRoutes(new FakeMetrics(), new FakeMeter()))
  expect(lines.filter(isOfSpool)).toEqual([
    'sipwitches_spool_rows 34',
    'sipwitches_spool_bytes 35',
    'sipwitches_spool_oldest_seconds 36',
    'sipwitches_spool_written_total 37',
    'sipwitches_spool_drained_total 38',
    'sipwitches_spool_dropped_total 39',
    'sipwitches_spool_refused_total 40',
  ])
})

test('serves what the source has counted', async () => {
  const lines = await series(metricsRoutes(new FakeMetrics(), new FakeMeter()))
  expect(lines.filter((line) => !isOfSpool(line))).toMatchInlineSnapshot(`
    [
      "sipwitches_messages_total{method="REGISTER",transport="udp",direction="in"} 12",
      "sipwitches_messages_total{method="other",transport="tcp",direction="in"} 7",
      "sipwitches_responses_total{class="1xx"} 1",
      "sipwitches_responses_total{class="2xx"} 2",
      "sipwitches_responses_total{class="3xx"} 3",
      "sipwitches_responses_total{class="4xx"} 4",
      "sipwitches_responses_total{class="5xx"} 5",
      "sipwitches_responses_total{class="6xx"} 6",
      "sipwitches_parse_failures_total{reason="Via"} 8",
      "sipwitches_transactions{kind="invite-client"} 1",
      "sipwitches_transactions{kind="invite-server"} 2",
      "sipwitches_transactions{kind="client"} 3",
      "sipwitches_transactions{kind="server"} 4",
      "sipwitches_transactions_started_total{kind="invite-client"} 10",
      "sipwitches_transactions_started_total{kind="invite-server"} 20",
      "sipwitches_transactions_started_total{kind="client"} 30",
      "sipwitches_transactions_started_total{kind="server"} 40",
      "sipwitches_answers_kept_seconds 31.5",
      "sipwitches_defects_total 0",
      "sipwitches_refused_total{limit="event_loop"} 21",
      "sipwitches_refused_total{limit="connections"} 22",
      "sipwitches_refused_unanswered_total 23",
      "sipwitches_pressure 1",
      "sipwitches_sources 24",
      "sipwitches_connections 25",
      "sipwitches_bindings 17",
      "sipwitches_authentication_failures_total{reason="password"} 5",
      "sipwitches_authentication_failures_total{reason="stale"} 6",
      "sipwitches_directory_lookups_total{result="hit"} 100",
      "sipwitches_directory_lookups_total{result="miss"} 11",
      "sipwitches_directory_lookups_total{result="negative"} 12",
      "sipwitches_directory_reads_total{outcome="sent"} 13",
      "sipwitches_directory_reads_total{outcome="merged"} 14",
      "sipwitches_directory_entries{kind="active"} 15",
      "sipwitches_directory_entries{kind="other"} 16",
      "sipwitches_directory_entries{kind="unknown"} 17",
      "sipwitches_directory_bytes 18000",
      "sipwitches_directory_invalidations_total 19",
      "sipwitches_directory_evictions_total 20",
      "sipwitches_directory_staleness_seconds 0.1",
      "sipwitches_call_records_lost_total 26",
      "sipwitches_sql_queries_total 9",
      "sipwitches_sql_seconds_total 0.25",
      "sipwitches_sql_failures_total 1",
      "sipwitches_sql_waits_on_call_path_total 0",
      "sipwitches_sql_writes_pending 2",
      "sipwitches_sql_lookups_pending 3",
      "sipwitches_commits_total 31",
      "sipwitches_commit_seconds_total 0.5",
      "sipwitches_database_up 1",
      "sipwitches_database_worker_restarts_total 32",
      "sipwitches_snapshot_age_seconds 33",
      "sipwitches_build_info{version="1.2.3",bun="1.4.5",schema="7"} 1",
      "sipwitches_event_loop_delay_seconds{quantile="0.5"} 0.001",
      "sipwitches_event_loop_delay_seconds{quantile="0.99"} 0.002",
      "sipwitches_event_loop_delay_seconds{quantile="1"} 0.003",
      "process_resident_memory_bytes 1024",
      "process_cpu_seconds_total 2.5",
    ]
  `)
})

test('an invented method is "other", whatever its name', async () => {
  const lines = await series(metricsRoutes(new FakeMetrics(), new FakeMeter()))
  expect(lines).toContain('sipwitches_messages_total{method="other",transport="tcp",direction="in"} 7')
  expect(lines.join('\n')).not.toMatch(/FOO|constructor/)
})

test('a second scrape gives the values of its own time, not their sum', async () => {
  const source = new FakeMetrics()
  const routes = metricsRoutes(source, new FakeMeter())
  await series(routes)
  source.reading = { ...source.reading, bindings: 3, parseFailures: { Via: 9 }, authenticationFailures: {} }
  const lines = await series(routes)
  expect(lines).toContain('sipwitches_bindings 3')
  expect(lines).toContain('sipwitches_parse_failures_total{reason="Via"} 9')
  expect(lines.join('\n')).not.toContain('sipwitches_authentication_failures_total{')
})

test('every family has a help text, a base unit, and _total exactly on counters', async () => {
  const lines = await scrape(metricsRoutes(new FakeMetrics(), new FakeMeter()))
  const types = lines.filter((line) => line.startsWith('# TYPE '))
  expect(types.length).toBeGreaterThan(15)
  for (const [, name = '', type] of types.map((line) => / ([a-z_]+) (counter|gauge)$/.exec(line) ?? [])) {
    expect(name).toMatch(/^(sipwitches|process)_[a-z_]+$/)
    expect(name).not.toMatch(/_(ms|milliseconds|us|minutes|kilobytes|percent)(_|$)/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
    expect(lines.find((line) => line.startsWith(`# HELP ${name} `))?.length).toBeGreaterThan(name.length + 15)
  }
})
