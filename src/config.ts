// Every bootstrap setting and every limit, with its unit and default. What can change while running is a row instead.

import { existsSync, readFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import * as v from 'valibot'
import { parseDatabaseUrl } from './database-url.ts'
import { SettingProblem } from './setting-problem.ts'
import type { Address, ListenAddress } from './transport/transport.ts'

export { type DatabaseLocation, type MysqlLocation, parseDatabaseUrl } from './database-url.ts'
export { SettingProblem } from './setting-problem.ts'

/** Each table, queue, loop over input and wait has its bound here (RFC 3261 names none; these are ours). */
export const LIMITS = {
  /** transport */
  udpReceiveBuffer_bytes: 8 * 1024 * 1024,
  udpSendQueue_datagrams: 8192,
  /** What one socket takes in before timers, connections and the database have their turn: whichever is first. */
  udpTurn_datagrams: 512,
  udpTurn_ms: 3,
  /** Peers of one socket whose flows are kept ready; those longest unheard go, and cost a little more when back. */
  udpFlows_entries: 32_768,
  streamMessage_bytes: 65535,
  streamHeader_bytes: 32768,
  streamConnections: 16384,
  streamConnectionsPerHost: 2048,
  streamSendQueue_bytes: 1024 * 1024,
  streamConnect_ms: 5000,
  /** A message begun must be whole within this, or the connection is closed. */
  streamMessage_ms: 10_000,
  /** A connection without a registered binding or any traffic is closed after this. */
  streamIdle_ms: 3_600_000,
  /** Bytes waiting to be sent on all connections together: peers that do not read must not fill the memory. */
  streamSendQueueTotal_bytes: 256 * 1024 * 1024,
  /** A peer that takes nothing for this long has failed: 64*T1, when no transaction waits for the answer any more. */
  streamStall_ms: 32_000,
  /** Answers may still leave for this long after the peer's last byte, or after bytes that cannot be framed. */
  streamLinger_ms: 1000,
  /** Interfaces are read this often, while listening on a wildcard address. */
  addressRescan_ms: 10_000,
  localAddresses: 1024,
  /** Tries to find one port that is free on all addresses, when it may be any. */
  portAttempts: 16,
  resolve_ms: 3000,
  resolvesPending: 256,
  resolveCache_entries: 1024,
  resolveCache_ms: 60_000,
  /** A name that was not found is not asked for again within this. */
  resolveFailed_ms: 5000,
  /** transaction */
  serverTransactions: 500_000,
  serverTransactions_bytes: 256 * 1024 * 1024,
  clientTransactions: 500_000,
  /** What is kept of finished transactions, for whoever repeats himself: beyond it the oldest goes before 64*T1. */
  answers_bytes: 64 * 1024 * 1024,
  answers_entries: 262_144,
  /** An INVITE transaction of which nothing more is heard. Longer than any timer C that the settings allow (a day). */
  inviteSilence_ms: 25 * 3_600_000,
  /** Addresses whose requests are told apart, within one interval of sourceShare_ms. */
  sources_entries: 32_768,
  sourceShare_ms: 1000,
  /** What is scanned of one address in an interval, a message counting 512 at least: more than one core can serve. */
  sourceScan_bytes: 32 * 1024 * 1024,
  /** Under pressure an address may still begin so much in an interval: a phone does, a flood does not. */
  sourceRequests: 50,
  /** The same for all addresses together: many that ask little are a flood too. */
  pressedRequests: 500,
  /** The same for requests within calls and for refreshes, which come first. */
  sourceFavouredRequests: 2000,
  /** Refusals told to one address in an interval; silence beyond them, as answers cost too. */
  sourceAnswers: 1000,
  /** The event loop is under pressure: a third of T1, after which phones ask again and make it worse. */
  overloadLate_ms: 150,
  /** proxy */
  branchesPerFork: 16,
  /** Max-Breadth (RFC 5393 section 5.3.3): over all the proxies that it comes through. */
  branchesPerRequest: 60,
  viasPerMessage: 70,
  routesPerMessage: 20,
  contactsPerRegister: 32,
  /** Of one contact's URI: more than any phone writes, and what an index of a database holds. */
  contact_characters: 512,
  /** directory */
  directory_entries: 200_000,
  directoryUnknown_entries: 10_000,
  directoryLookupsPending: 1000,
  directoryLookup_ms: 3000,
  directoryUnknown_ms: 60_000,
  /** Numbers and user names are no longer than this in the schema. */
  directoryName_characters: 64,
  /** How many changed records are read again at once. */
  directoryRevalidations: 64,
  /** What could not be read again is tried again after this. */
  directoryRetry_ms: 1000,
  /** call: records of calls that wait for their commit; those beyond are lost, and counted */
  callRecordsPending: 10_000,
  /** auth */
  noncesUsed_entries: 200_000,
  /** store */
  storeWritesPending: 100_000,
  storeQuery_ms: 5000,
  /** Everything read at start, the check of the file included. */
  storeBoot_ms: 60_000,
  /** From the call to the acknowledged commit; after it the caller hears that nothing is known. */
  storeCommit_ms: 10_000,
  /** How often the worker asks whether others have written, and tries again what was locked. */
  storePoll_ms: 100,
  /** One statement of the worker waits so long for another program's write; look-ups wait with it. */
  storeBusy_ms: 100,
  /** How often a new file is asked to keep a write-ahead log, while other programs open it too. */
  sqliteWal_tries: 20,
  /** A commit that takes longer is answered from the spool. */
  storeSpool_ms: 700,
  /** The worker's own limits, shorter than those of whoever asks it: beyond them the database counts as away. */
  storeAttempt_ms: 5000,
  storeLookup_ms: 2000,
  /** A transaction that nobody waits for: to a slow server it is many statements, each with a limit of its own. */
  storeDrain_ms: 60_000,
  /** Opening again; the first time it is storeBoot_ms, as the schema may have to be made. */
  storeOpen_ms: 10_000,
  /** Between two attempts to reach the database, or to start a worker: doubled each time, and a little by chance. */
  storeRetryMin_ms: 250,
  storeRetryMax_ms: 5000,
  /** Well for so long, it counts as well: the next failure begins with storeRetryMin_ms. */
  storeWell_ms: 10_000,
  storeSpoolBatch_rows: 500,
  /** Kept for the spool on the disk, so that a full one is no end of registrations at once. */
  storeSpoolReserve_bytes: 8 * 1024 * 1024,
  /** Opening at a start, when the snapshot can serve instead. */
  storeStart_ms: 3000,
  /** How often the snapshot notes that it is true. */
  storeSnapshotNote_ms: 10_000,
  /** A snapshot that could not be written is written anew after this. */
  storeSnapshotRetry_ms: 60_000,
  storeSnapshotChunk_rows: 1000,
  /** How often the main thread looks whether the worker moves, and how long it may not. */
  storeWorkerLook_ms: 1000,
  storeBeat_ms: 250,
  storeWorkerSilence_ms: 5000,
  /** A question that was under way at so many deaths of a worker may be their cause: it is not sent again. */
  storeQuestionSends: 3,
  /** Connections to a MySQL server, besides the one that writes. */
  mysqlConnections: 4,
  mysqlConnect_ms: 2000,
  /** How long a server may take to say good-bye. */
  mysqlClose_ms: 500,
  /** The server ends a session of ours that is silent for so long: what a lost network left there must not lock. */
  mysqlIdle_s: 60,
  /** A statement waits so long for a lock that another program holds. */
  mysqlLock_s: 3,
  /** A program that migrates the schema is waited for so long. */
  mysqlMigration_s: 30,
  /** Rows that one statement writes, and about how much text it may have. */
  mysqlStatement_rows: 200,
  mysqlStatement_characters: 500_000,
  /** Instances of one extension that are remembered as devices. */
  storeDevicesPerExtension: 50,
  /** Of a text that a phone may have made up, where it is kept for people to read: in `call`, in `device`. */
  rowText_characters: 255,
  /** Calls older than call_keep_days are deleted this often, so many at once: others wait no longer than for those. */
  storeCallTrim_ms: 10_000,
  storeCallTrim_rows: 1000,
  /** Rows that make no sense, listed in config_problem of each kind; the last one counts the rest. */
  storeProblems_rows: 20,
  /** So many rows are looked at in one step, between look-ups. */
  storeProblemStep_rows: 200,
  /** Changed rows are looked at no sooner than this after the time before. */
  storeProblems_ms: 3000,
  storeJournal_rows: 100_000,
  storeJournalRead_rows: 10_000,
  /** No row of it is older: a week, in which whatever follows it has started again. */
  storeJournal_ms: 7 * 24 * 3_600_000,
  /** So many at most are deleted in one transaction. */
  storeJournalTrim_rows: 5000,
  /** Numbers left out in the journal that may yet be filled by a transaction which is open now. */
  storeJournalGaps: 1000,
  /** After this it is looked whether such a transaction is still open. */
  storeJournalGap_ms: 10_000,
  /** Where no triggers are allowed, all rows of configuration are compared so often. */
  storeFingerprint_ms: 10_000,
  /** How often the journal is cut to storeJournal_rows. */
  storeJournalTrim_ms: 600_000,
  /** command: what one waits for another program's write, a long import perhaps */
  commandBusy_ms: 10_000,
  /** One statement of a command at a MySQL server, its wait for a lock included. */
  commandQuery_ms: 60_000,
  /** How many faulty rows are named before the rest is only counted. */
  importErrorsListed: 20,
  /** So many new numbers are written by one statement: more gain nothing, and SQLite takes 32766 values in one. */
  importBatch_rows: 500,
  /** Commands that take longer say how far they are, so often. */
  progress_ms: 1000,
  import_bytes: 64 * 1024 * 1024,
  /** How long `check` waits for the HTTP address to answer. */
  checkHttp_ms: 2000,
  /** log: what waits for a slow reader of standard error */
  logPending_bytes: 4 * 1024 * 1024,
  /** api */
  httpBody_bytes: 1024 * 1024,
} as const

export type Limits = { readonly [name in keyof typeof LIMITS]: number }

/**
 * The worker's program. Made here because a compiled binary puts every module at the bundle's root, which is this
 * folder: from here the same relative path finds the worker in both.
 */
export const DATABASE_WORKER = new URL('./store/worker.ts', import.meta.url)

/** What must be known before the database is open; all else is rows in it. */
export interface BootSettings {
  /** `sqlite:PATH`, or `mysql://...` with a password in it: never shown, never logged. */
  readonly database: string
  readonly listen: readonly ListenAddress[]
  readonly http: Address
  /** Folder for what this machine keeps for itself. */
  readonly data: string
  /** Name and realm of the default domain of a new database; an existing one keeps its own. */
  readonly domain: string
  readonly log: LogLevel
}

export type SettingName = keyof BootSettings

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const DOMAIN_NAME = /^[0-9a-z._:-]{1,253}$/
const DEFAULT_FILE = 'sipwitches.toml'

const DEFAULTS: Readonly<Record<SettingName, string>> = {
  database: 'sqlite:./data/sipwitches.db',
  listen: 'udp://0.0.0.0:5060,tcp://0.0.0.0:5060',
  http: '127.0.0.1:8080',
  data: './data',
  domain: defaultDomain(),
  log: 'info',
}

/** A parser that throws SettingProblem, as a step of a schema. */
function parsedBy<Output>(parse: (text: string) => Output) {
  return v.pipe(
    v.string('is not a text'),
    v.rawTransform<string, Output>(({ dataset, addIssue, NEVER }) => {
      try {
        return parse(dataset.value)
      } catch (error) {
        if (!(error instanceof SettingProblem)) throw error
        addIssue({ message: error.message })
        return NEVER
      }
    }),
  )
}

const BOOT_SETTINGS = v.strictObject({
  database: parsedBy((text) => {
    parseDatabaseUrl(text)
    return text
  }),
  listen: parsedBy(parseListen),
  http: parsedBy(parseHttpAddress),
  data: v.pipe(v.string('is not a text'), v.nonEmpty('is empty; name a folder, as ./data')),
  domain: parsedBy(parseDomainName),
  log: v.picklist(LOG_LEVELS, `is none of ${LOG_LEVELS.join(', ')}`),
})

/** Where settings come from, the strongest last. Undefined values count as absent. */
export interface SettingSources {
  /** The file of --config; without it sipwitches.toml is read where there is one. */
  readonly file?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Partial<Record<SettingName, string | undefined>>>
}

interface Given {
  readonly value: unknown
  /** What the reader must change: "SIPWITCHES_HTTP", "--http", "http in sipwitches.toml". */
  readonly called: string
}

/** Throws SettingProblem, with all that is wrong and not only the first. */
export function bootSettings(sources: SettingSources): BootSettings {
  const given = new Map<string, Given>()
  for (const [name, value] of Object.entries(DEFAULTS))
    given.set(name, { value, called: `the default of ${name}` })
  const file = sources.file ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined)
  if (file !== undefined) {
    for (const [name, value] of Object.entries(readSettingsFile(file))) {
      given.set(name, { value: Array.isArray(value) ? value.join(',') : value, called: `${name} in ${file}` })
    }
  }
  for (const name of Object.keys(DEFAULTS)) {
    const variable = `SIPWITCHES_${name.toUpperCase()}`
    const value = sources.environment[variable]
    // An empty variable is how compose files and service units write "not set".
    if (value !== undefined && value !== '') given.set(name, { value, called: variable })
  }
  for (const [name, value] of Object.entries(sources.flags)) {
    if (value !== undefined) given.set(name, { value, called: `--${name}` })
  }
  return validated(given)
}

function validated(given: ReadonlyMap<string, Given>): BootSettings {
  const result = v.safeParse(
    BOOT_SETTINGS,
    Object.fromEntries([...given].map(([name, { value }]) => [name, value])),
  )
  if (result.success) return result.output
  const sentences = result.issues.map((issue) => {
    const name = v.getDotPath(issue) ?? ''
    const called = given.get(name)?.called ?? name
    return issue.type === 'strict_object'
      ? `${called} is no setting; there are ${Object.keys(DEFAULTS).join(', ')}.`
      : `${called} ${issue.message}.`
  })
  throw new SettingProblem(sentences.join('\n'))
}

function readSettingsFile(path: string): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new SettingProblem(`The settings file ${path} cannot be read (${reasonOf(error)}). Mend --config.`)
  }
  try {
    return v.parse(v.record(v.string(), v.unknown()), Bun.TOML.parse(text))
  } catch (error) {
    throw new SettingProblem(`The settings file ${path} is not TOML (${reasonOf(error)}).`)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const LISTEN_EXAMPLE = 'udp://0.0.0.0:5060,tcp://[::]:5060'

export function parseListen(text: string): ListenAddress[] {
  const addresses = text.split(',').map((part) => parseListenAddress(part.trim()))
  const seen = new Set<string>()
  for (const { transport, host, port } of addresses) {
    const key = `${transport} ${host} ${port}`
    if (port !== 0 && seen.has(key)) throw new SettingProblem(`names ${transport}://${host}:${port} twice`)
    seen.add(key)
  }
  return addresses
}

function parseListenAddress(text: string): ListenAddress {
  const [, scheme, authority = ''] = /^([a-z]+):\/\/(.+)$/.exec(text) ?? []
  switch (scheme) {
    case 'udp':
    case 'tcp':
      return { transport: scheme, ...parseAddress(authority, LISTEN_EXAMPLE) }
    case 'tls':
    case 'ws':
    case 'wss':
      throw new SettingProblem(`names ${text}, but ${scheme} is not built yet; leave it out`)
    default:
      throw new SettingProblem(`has ${JSON.stringify(text)}; write addresses as ${LISTEN_EXAMPLE}`)
  }
}

function parseHttpAddress(text: string): Address {
  return parseAddress(text, DEFAULTS.http)
}

function parseAddress(text: string, example: string): Address {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^[\]:]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  const port = Number(digits)
  // Names are not taken: what they resolve to may change, and is not known before the network is up.
  const numeric = bracketed === undefined ? isIP(host) === 4 : isIPv6(host)
  if (!numeric || digits === '' || port > 65535) {
    throw new SettingProblem(`has ${JSON.stringify(text)}; write a numeric address and a port, as ${example}`)
  }
  return { host, port }
}

function parseDomainName(text: string): string {
  const name = text.toLowerCase()
  if (!DOMAIN_NAME.test(name)) {
    throw new SettingProblem(`is ${JSON.stringify(text)}; write a host name or an address, as example.com`)
  }
  return name
}

function defaultDomain(): string {
  const name = hostname().toLowerCase()
  return DOMAIN_NAME.test(name) ? name : 'localhost'
}
