// Five times the calls that the server can serve, while 50 calls are up: none of them is lost, each new one is served,
// refused or ignored, memory stays bounded, and the first call afterwards goes through at once.

import { beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { freePort } from '../support/port.ts'
import { Program } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { type Account, accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { authentication, type Sipp, type SippOptions, startSipp } from '../support/sipp.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'

const CALLS_UP = 50
const SOURCES = 5
const FLOOD_S = 20
/** From the beginning of the 50 calls: most of them end in the flood's last seconds, or right after it. */
const TALK_MS = 24_500
const WITHIN_MS = 80_000
const TEST_MS = 120_000
const SLOWING_MS = 5000

/**
 * SIPp costs as much for each call as the server does, and has the same cores: of a server that runs all the time it
 * cannot ask five times what that can do. So the server is made one that has a fifth of a core.
 */
const SLOW = `
my $server = shift;
$SIG{TERM} = sub { kill CONT => $server; exit };
$| = 1;
print "slow\\n";
while (kill STOP => $server) { sleep 0.08; kill CONT => $server; sleep 0.02 }`
const SHARE_OF_CORE = 0.2
/** Calls by which it is measured what one costs, after as many that warm the server up. */
const MEASURED_CALLS = 2000
const MEASURED_PER_SECOND = 2000
/** So that the phones themselves can keep up. */
const FLOOD_PER_SECOND_MAX = 6000

/** Peak of resident memory. Before the flood there are about 100 MB, and 32 s of transactions come to 100 more. */
const PEAK_BYTES_MAX = 400 * 1024 * 1024
const FRESH_CALL_MS = 2500

beforeAll(requirePrograms, TEST_MS)

const [caller, callee, flooder, flooded] = accounts(1000, 4)
if (!caller || !callee || !flooder || !flooded) throw new Error('four accounts')

interface Calling {
  readonly scenario: 'call' | 'flood'
  readonly from: Account
  readonly to: Account
  readonly calls: number
  readonly perSecond: number
  readonly pause_ms?: number
}

/** Calls from that address. */
async function calls(server: ServerProcess, host: string, calling: Calling): Promise<Sipp> {
  const { scenario, from, to, perSecond, pause_ms } = calling
  return await started(server, {
    scenario,
    folder: server.folder,
    local: { host, port: await freePort(host) },
    server: server.udp,
    calls: calling.calls,
    callsPerSecond: perSecond,
    callsOpen: calling.calls,
    users: [[from.number, authentication(from.number, from.password), to.number]],
    within_ms: WITHIN_MS,
    ...(pause_ms === undefined ? {} : { pause_ms }),
  })
}

async function started(server: ServerProcess, options: SippOptions): Promise<Sipp> {
  const sipp = await startSipp(options)
  server.takesWithIt(sipp)
  return sipp
}

/** A phone that is registered, and answers the calls that are up and the one afterwards. */
async function answers(server: ServerProcess, account: Account): Promise<void> {
  const phone = await SippPhones.of(server)
  await phone.register([account])
  await started(server, {
    scenario: 'flood-answer',
    folder: server.folder,
    local: phone.address,
    calls: CALLS_UP + 1,
    within_ms: WITHIN_MS,
  })
}

/** As many calls each second as the server can serve with its share of a core. */
async function sustainable(server: ServerProcess): Promise<number> {
  const measuring = { scenario: 'flood', from: flooder!, to: flooded!, calls: MEASURED_CALLS } as const
  let cost_seconds = 0
  for (const _warmUpAndMeasure of [1, 2]) {
    const before = await metric(server, 'process_cpu_seconds_total')
    const run = await calls(server, '127.0.0.2', { ...measuring, perSecond: MEASURED_PER_SECOND })
    const { log } = await run.succeeded()
    expect(new Set(log)).toEqual(new Set(['served']))
    cost_seconds = ((await metric(server, 'process_cpu_seconds_total')) - before) / MEASURED_CALLS
  }
  return SHARE_OF_CORE / cost_seconds
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const line = (await server.metrics()).split('\n').find((one) => one.startsWith(`${name} `))
  if (line === undefined) throw new Error(`no metric ${name}`)
  return Number(line.slice(name.length + 1))
}

function peakMemory_bytes(server: ServerProcess): number {
  const [, kilobytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? []
  if (kilobytes === undefined) throw new Error('no peak of resident memory')
  return Number(kilobytes) * 1024
}

/** How the flood's calls ended; a call that ended in any other way is an error. */
async function tally(floods: readonly Sipp[], expected: number): Promise<Record<string, number>> {
  const ended = await Promise.all(floods.map((flood) => flood.ended()))
  const outcomes: Record<string, number> = { served: 0, refused: 0, ignored: 0 }
  for (const outcome of ended.flatMap(({ log }) => log)) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const lost = ended.reduce((sum, { failed }) => sum + failed, 0)
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
  if (lost > 0 || total !== expected) {
    const why = ended.flatMap(({ errors }) => errors.split('\n').filter((line) => line.includes('Aborting')))
    throw new Error(
      `${lost} of ${expected} calls failed, ${JSON.stringify(outcomes)}\n${why.slice(0, 20).join('\n')}`,
    )
  }
  return outcomes
}

async function flooding(server: ServerProcess): Promise<void> {
  await answers(server, callee!)
  const talking = { scenario: 'call', from: caller!, to: callee!, perSecond: CALLS_UP } as const
  const up = await calls(server, '127.0.0.1', { ...talking, calls: CALLS_UP, pause_ms: TALK_MS })
  const perSecond = Math.min(5 * (await sustainable(server)), FLOOD_PER_SECOND_MAX)

  const slowing = new Program(['perl', '-MTime::HiRes=sleep', '-e', SLOW, String(server.pid)], {
    folder: server.folder,
  })
  server.takesWithIt(slowing)
  await slowing.prints(/^slow$/m, SLOWING_MS)
  const perSource = Math.round(perSecond / SOURCES)
  const floodOf = { scenario: 'flood', from: flooder!, to: flooded!, calls: perSource * FLOOD_S } as const
  const floods = await Promise.all(
    Array.from({ length: SOURCES }, (_, source) =>
      calls(server, `127.0.0.${source + 2}`, { ...floodOf, perSecond: perSource }),
    ),
  )
  await up.succeeded()

  const began_ms = performance.now()
  await (await calls(server, '127.0.0.1', { ...talking, calls: 1 })).succeeded()
  const fresh_ms = performance.now() - began_ms

  const outcomes = await tally(floods, SOURCES * floodOf.calls)
  const peak_bytes = peakMemory_bytes(server)
  slowing.signal('SIGTERM')
  await slowing.exited(SLOWING_MS)
  console.log(JSON.stringify({ perSecond: Math.round(perSecond), ...outcomes, fresh_ms, peak_bytes }))
  expect(outcomes.served).toBeGreaterThan(0)
  expect(outcomes.refused).toBeGreaterThan(0)
  expect(fresh_ms).toBeLessThan(FRESH_CALL_MS)
  expect(peak_bytes).toBeLessThan(PEAK_BYTES_MAX)
  expect(await metric(server, 'sipwitches_defects_total')).toBe(0)
}

test(
  `${FLOOD_S} s of five times what can be served, with ${CALLS_UP} calls up`,
  () => serving({ accounts: [caller, callee, flooder, flooded], settings: MD5_ONLY }, flooding),
  TEST_MS,
)
