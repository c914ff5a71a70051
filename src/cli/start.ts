// `sipwitches start`: the real world put together, the server run in it until a signal comes.

import { createApp } from '../api/app.ts'
import { HttpListenError, type HttpListener, startHttp } from '../api/listen.ts'
import { ProcessMeter } from '../api/meter.ts'
import { SystemClock } from '../clock.ts'
import { type BootSettings, LIMITS, parseDatabaseUrl } from '../config.ts'
import { createLog, type Log } from '../log.ts'
import { Server } from '../server.ts'
import { ServerReading } from '../server-reading.ts'
import { hostText } from '../sip/host.ts'
import { IdSource, type RandomFill } from '../sip/id.ts'
import { SqlStore } from '../store/client.ts'
import { DatabaseProblem } from '../store/driver.ts'
import { SCHEMA_VERSION } from '../store/migration.ts'
import { nodeName, nodeSecret } from '../store/node-secret.ts'
import { hasSnapshot } from '../store/snapshot.ts'
import { StoreUnavailable } from '../store/store.ts'
import { ListenError } from '../transport/listen-error.ts'
import { LocalAddresses } from '../transport/local.ts'
import { Resolver } from '../transport/resolve.ts'
import { TcpTransport } from '../transport/tcp.ts'
import type { Address, ListenAddress, Transport, TransportContext } from '../transport/transport.ts'
import { UdpTransport } from '../transport/udp.ts'
import { VERSION } from '../version.ts'
import type { Call, Command } from './command.ts'
import { CommandFailure, EXIT, type ExitCode } from './exit.ts'
import { type CreatedExtension, prepareDatabase } from './first-start.ts'

export const start: Command = {
  name: 'start',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: 'Runs the server until SIGTERM or Ctrl-C.',
  notes: [
    'On an empty database it makes extensions 101 and 102 and prints their passwords, once.',
    'It prints where it listens, and "ready" when phones can register. The log goes to standard error.',
  ],
  options: {
    listen: { value: 'LIST', help: 'addresses, as udp://0.0.0.0:5060,tcp://0.0.0.0:5060' },
    http: { value: 'HOST:PORT', help: 'health and metrics' },
    data: { value: 'FOLDER', help: 'what this machine keeps for itself' },
    domain: { value: 'NAME', help: 'domain and realm of a new database' },
    log: { value: 'LEVEL', help: 'trace, debug, info, warn, error, fatal or silent' },
  },
  run,
}

const BUILD = { version: VERSION, bun: Bun.version, schema: SCHEMA_VERSION }

async function run(call: Call): Promise<ExitCode> {
  const settings = call.settings()
  // Heard from the first moment on, so that a stop during the start is not lost.
  const stopped = nextStopSignal()
  const log = createLog(settings.log)
  const prepared = await prepare(settings)
  const clock = new SystemClock((error) =>
    log.error({ event: 'defect', err: error }, 'a timer or task failed'),
  )
  const meter = new ProcessMeter()
  try {
    const server = await startServer(settings, clock, log)
    try {
      const reading = new ServerReading(server, BUILD, clock.now())
      const http = startHttp(settings.http, createApp({ health: reading, metrics: reading, meter, log }))
      tell(call, prepared, server, http)
      log.info({ event: 'stopping', signal: await stopped }, 'stopping')
      reading.stopping(clock.now())
      await http.stop()
    } finally {
      await server.stop()
    }
  } catch (error) {
    throw asFailure(error)
  } finally {
    meter.close()
    clock.close()
  }
  return EXIT.ok
}

interface Prepared {
  readonly created: readonly CreatedExtension[]
  /** Why the database could not be prepared: it is away, and the server goes on from the snapshot. */
  readonly away: string | null
}

async function prepare({ database, domain, data }: BootSettings): Promise<Prepared> {
  try {
    return { ...(await prepareDatabase(database, domain)), away: null }
  } catch (error) {
    const canWait = error instanceof DatabaseProblem && (error.kind === 'away' || error.kind === 'busy')
    if (!canWait || !hasSnapshot(data, parseDatabaseUrl(database))) throw error
    return { created: [], away: error.message }
  }
}

async function startServer(settings: BootSettings, clock: SystemClock, log: Log): Promise<Server> {
  const ids = new IdSource()
  const addresses = new LocalAddresses(clock, LIMITS)
  return Server.start({
    clock,
    ids,
    log,
    limits: LIMITS,
    transports: transportsOf(settings.listen, { clock, limits: LIMITS, addresses, log }),
    resolver: new Resolver(clock, LIMITS),
    nodeSecret: kept(settings.data, ids, nodeSecret),
    openStore: (listener) =>
      new SqlStore(settings.database, clock, listener, {
        folder: settings.data,
        node: kept(settings.data, ids, nodeName),
      }),
  })
}

function transportsOf(listen: readonly ListenAddress[], context: TransportContext): Transport[] {
  const of = (name: string): Address[] => listen.filter(({ transport }) => transport === name)
  const transports: Transport[] = []
  if (of('udp').length > 0) transports.push(new UdpTransport(of('udp'), context))
  if (of('tcp').length > 0) transports.push(new TcpTransport(of('tcp'), context))
  return transports
}

function kept<Kept>(folder: string, ids: IdSource, keep: (folder: string, fill: RandomFill) => Kept): Kept {
  try {
    return keep(folder, (bytes) => ids.random(bytes))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(
      EXIT.cannotCreate,
      `The data folder ${folder} cannot be used: ${reason}. Make it writable, or name another with SIPWITCHES_DATA.`,
    )
  }
}

/** What a start fails of in practice, each with its exit code; all else is a defect and keeps its stack. */
function asFailure(error: unknown): unknown {
  if (error instanceof ListenError) {
    return new CommandFailure(
      EXIT.unavailable,
      `${error.message}. Stop it or listen elsewhere: SIPWITCHES_LISTEN, or --listen.`,
    )
  }
  if (error instanceof HttpListenError || error instanceof StoreUnavailable) {
    return new CommandFailure(EXIT.unavailable, error.message)
  }
  return error
}

function tell(call: Call, prepared: Prepared, server: Server, http: HttpListener): void {
  const listening = server.bound.map(
    ({ transport, host, port }) => `${transport}://${hostText(host)}:${port}`,
  )
  const { realm } = server.directory.defaultDomain
  const startedFrom = { from: server.startedFrom.from, asOf: new Date(server.startedFrom.asOf).toISOString() }
  const facts = {
    listening,
    realm,
    extensions: server.extensionCount,
    http: http.url,
    created: prepared.created,
    ...startedFrom,
  }
  call.answer({ ...facts, ready: true }, [
    `SipWitchEs ${VERSION}`,
    ...firstStartLines(prepared, realm, listening),
    ...listening.map((address) => `listening on ${address}`),
    `realm ${realm}`,
    `extensions ${server.extensionCount}`,
    ...awayLines(prepared, startedFrom),
    `http ${http.url}`,
    'ready',
  ])
}

function awayLines(
  { away }: Prepared,
  { from, asOf }: { readonly from: string; readonly asOf: string },
): string[] {
  return [
    ...(away === null ? [] : [`database away: ${away}`]),
    ...(from === 'snapshot'
      ? [`started from the snapshot of ${asOf}; what is written waits for the database`]
      : []),
  ]
}

/** Ready to be typed into two phones. Shown this once and never logged: the database keeps only their hashes. */
function firstStartLines(prepared: Prepared, realm: string, listening: readonly string[]): string[] {
  if (prepared.created.length === 0) return []
  const server = listening.find((address) => !/127\.0\.0\.1|\[/u.test(address)) ?? listening[0] ?? ''
  const phones = prepared.created.flatMap(({ number, password }) => [
    `  user name ${number}    password ${password}    domain ${realm}    server ${server}`,
  ])
  return [
    '',
    'A new database: here are two extensions. Type these settings into two phones; they are shown only now.',
    '',
    ...phones,
    '',
    'Call 102 from 101. More numbers: sipwitches extension add 103 --name "Ann"',
    '',
  ]
}

/** SIGHUP is heard and does nothing yet: there are no certificates to read again. */
function nextStopSignal(): Promise<string> {
  process.on('SIGHUP', () => {})
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}
