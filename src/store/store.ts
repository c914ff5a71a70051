// What the database holds, as plain records, and what the main thread may ask of it. No SQL and no SIP here.

/** Digest algorithms as they are named in SQL and on the wire (RFC 8760). */
export type Algorithm = 'MD5' | 'SHA-256' | 'SHA-512-256'

/** One stored secret: HA1 of (username, realm, password). Never the password. */
export interface CredentialRecord {
  readonly username: string
  readonly realm: string
  readonly algorithm: Algorithm
  /** Lower-case hex: 32 characters for MD5, 64 otherwise. */
  readonly ha1: string
}

/** All that the call path needs to know of one number: one look-up brings it whole. */
export interface ExtensionRecord {
  readonly id: number
  readonly number: string
  /** Name of the domain that the number is in. */
  readonly domain: string
  readonly displayName: string
  readonly userId: number
  readonly userName: string
  readonly suspended: boolean
  /** Most contacts at once; null leaves it to the setting `max_bindings`. */
  readonly maxBindings: number | null
  readonly credentials: readonly CredentialRecord[]
}

export interface DomainRecord {
  readonly id: number
  readonly name: string
  readonly realm: string
  /** The default domain also answers for every local address. */
  readonly isDefault: boolean
}

/** A registered contact, whole: what is needed to route to it after a restart. Times are ms since the epoch. */
export interface BindingRecord {
  readonly extensionId: number
  /** The Contact URI as the phone wrote it. */
  readonly contact: string
  /** The contact under the comparison rules of RFC 3261 section 19.1.4: equal contacts have equal keys. */
  readonly contactKey: string
  readonly callId: string
  readonly cseq: number
  /** q, in thousandths: 0 to 1000. */
  readonly priority: number
  readonly expiresAt: number
  readonly registeredAt: number
  readonly userAgent: string
  /** +sip.instance, or ''. */
  readonly instance: string
  /** Path header values, outermost first (RFC 3327); '' when none. */
  readonly path: string
  /** Where the REGISTER came from and to: "udp:127.0.0.1:5060". */
  readonly source: string
  readonly local: string
  /** The phone sits behind a NAT: send to `source`, not to the contact. */
  readonly natted: boolean
}

export type BindingChange =
  | { readonly kind: 'save'; readonly binding: BindingRecord }
  | { readonly kind: 'remove'; readonly extensionId: number; readonly contactKey: string }

/** A phone with an instance (RFC 5626) has registered: its row in `device` is made, or brought up to date. */
export interface SightingChange {
  readonly kind: 'sighting'
  readonly extensionId: number
  readonly instance: string
  readonly userAgent: string
  /** ms since the epoch. */
  readonly seenAt: number
}

/** A call detail record. Times are ms since the epoch. */
export interface CallRecord {
  readonly id: string
  readonly callId: string
  readonly domain: string
  /** Number of the calling extension. */
  readonly caller: string
  readonly callerName: string
  readonly dialled: string
  /** Contact of the phone that answered, or ''. */
  readonly answeredBy: string
  readonly startedAt: number
  readonly ringingAt: number | null
  readonly answeredAt: number | null
  readonly endedAt: number | null
  readonly outcome: 'answered' | 'cancelled' | 'failed'
  readonly status: number
  readonly reason: string
}

export type CallChange =
  | { readonly kind: 'call'; readonly call: CallRecord }
  /** Its BYE: ends the answered records of that Call-ID that have not ended, whoever wrote them. */
  | { readonly kind: 'call-ended'; readonly callId: string; readonly endedAt: number }

/** What the server writes while it runs. Each may be applied twice: the second time changes nothing. */
export type Change = BindingChange | SightingChange | CallChange

/** What a committed change by anyone (our commands, sqlite3, a front end) makes stale. */
export type Invalidation =
  /** `number` is any name the extension is found by: its number or, in a change of its own, its user's name. */
  | { readonly kind: 'extension'; readonly number: string; readonly domain: string }
  | { readonly kind: 'settings' }
  | { readonly kind: 'domains' }
  /** Too much at once, or the journal was cut: forget every record. */
  | { readonly kind: 'everything' }

export interface StoreListener {
  onInvalidation(changes: readonly Invalidation[]): void
  /** The database went away (`reason` in words), or came back (null). */
  onAvailability(reason: string | null): void
  /** What the administrator must know, in a sentence for the log. */
  onNotice(sentence: string): void
}

/** A row that cannot be used, in words for whoever wrote it. The last good record goes on serving. */
export interface ConfigProblem {
  /** The row's own name in its table. */
  readonly key: string
  readonly problem: string
}

/** All that the server works from. */
export interface Contents {
  readonly domains: readonly DomainRecord[]
  readonly settings: ReadonlyMap<string, string>
  /** All that are stored. The store knows no time: what has expired meanwhile is for the registrar to remove. */
  readonly bindings: readonly BindingRecord[]
  /** The records of all extensions that have a binding: their calls must not have to wait for a look-up. */
  readonly activeExtensions: readonly ExtensionRecord[]
  readonly extensionCount: number
}

/** Everything read at start, in one answer, with what waits in the spool over it. */
export interface Boot extends Contents {
  /** `snapshot`: the database is away, and this is what was known of it on this machine. */
  readonly from: 'database' | 'snapshot'
  /** When it was true last, ms since the epoch. */
  readonly asOf: number
}

export interface StoreCounts {
  /** Statements or transactions run, and their time in the database worker. */
  readonly queries: number
  readonly querySeconds: number
  readonly commits: number
  readonly commitSeconds: number
  readonly changesCommitted: number
  readonly failures: number
  readonly pendingWrites: number
  /** Refused, because too many were waiting. */
  readonly refusedWrites: number
  readonly pendingLookups: number
  /** The database can be read and takes writes. */
  readonly databaseUp: boolean
  /** When the copy of a remote database on this machine was true last, ms since the epoch; null without one. */
  readonly snapshotAsOf: number | null
  /** Times that the database worker ended or hung, and another one took over. */
  readonly workerRestarts: number
  readonly spool: SpoolCounts
  /** When the change journal was last followed: ms since the epoch, 0 when it never was. */
  readonly followedAt: number
}

/** Changes that wait on this machine's disk for the database. */
export interface SpoolCounts {
  readonly rows: number
  readonly bytes: number
  /** Since when the oldest waits, ms since the epoch; null when none does. */
  readonly oldestSince: number | null
  /** Changes that went into the spool; from there into the database; that the database refused in the end. */
  readonly spooled: number
  readonly drained: number
  readonly dropped: number
  /** Changes that neither the database nor the spool took. */
  readonly refused: number
}

/** The main thread's handle on the database worker. Promises reject with StoreUnavailable only. */
export interface Store {
  boot(): Promise<Boot>
  settings(): Promise<ReadonlyMap<string, string>>
  domains(): Promise<readonly DomainRecord[]>
  /** By number, or by the name of a user who owns one; null when nobody is called that. */
  findExtension(domain: string, name: string): Promise<ExtensionRecord | null>
  /**
   * Durable when the promise resolves: group-committed with all else that came meanwhile.
   * All changes of one call are committed together, in order after those of earlier calls.
   */
  commit(changes: readonly Change[]): Promise<void>
  /** Makes these the only problems of that table in `config_problem`. Not awaited: what fails is told again later. */
  reportProblems(table: string, problems: readonly ConfigProblem[]): void
  /** How much may wait in the spool. */
  limitSpool(bytes: number): void
  /** Deletes some of the calls that began before. Not awaited: what is left goes the next time. */
  trimCalls(before: number): void
  counts(): StoreCounts
  /** Commits what is pending and ends the worker. */
  close(): Promise<void>
}

export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
}
