// Rows into records and back: what is the same in every dialect, written once.

import type {
  Algorithm,
  BindingRecord,
  CallRecord,
  CredentialRecord,
  DomainRecord,
  ExtensionRecord,
} from './store.ts'

export interface ActiveExtensionRow {
  readonly id: number
  readonly number: string
  readonly domain: string
  readonly displayName: string
  readonly userId: number
  readonly userName: string
  readonly status: 'active' | 'suspended'
  readonly maxBindings: number | null
}

export interface ActiveCredentialRow extends CredentialRecord {
  readonly id: number
  readonly userId: number
  readonly deviceId: number | null
  /** Of the device. */
  readonly extensionId: number | null
}

/** An extension and one of its credentials, so that both are read at once; NULLs where it has none. */
export interface ExtensionRow extends ActiveExtensionRow {
  readonly username: string | null
  readonly realm: string | null
  readonly algorithm: Algorithm | null
  readonly ha1: string | null
}

export interface BindingRow {
  readonly extension_id: number
  readonly contact_key: string
  readonly contact: string
  readonly call_id: string
  readonly cseq: number
  readonly q: number
  readonly expires_at: string
  readonly registered_at: string
  readonly user_agent: string
  readonly instance: string
  readonly path: string
  readonly source: string
  readonly local: string
  readonly natted: 0 | 1
}

export interface DomainRow {
  readonly id: number
  readonly name: string
  readonly realm: string
  readonly is_default: 0 | 1
}

export interface SettingRow {
  readonly name: string
  readonly value: string
}

const EXTENSION_COLUMNS = `e.id, e.number, d.name AS domain, e.user_id AS userId, u.name AS userName, u.status,
      e.max_bindings AS maxBindings,
      CASE e.display_name WHEN '' THEN u.display_name ELSE e.display_name END AS displayName`
const EXTENSIONS = 'domain d JOIN extension e ON e.domain_id = d.id JOIN user u ON u.id = e.user_id'

/** A credential of a device counts only for the extension that the device belongs to. */
const SELECT_EXTENSION = `
  SELECT ${EXTENSION_COLUMNS}, c.username, c.realm, c.algorithm, c.ha1
    FROM ${EXTENSIONS}
      LEFT JOIN credential c ON c.user_id = e.user_id AND (c.device_id IS NULL
        OR EXISTS (SELECT 1 FROM device v WHERE v.id = c.device_id AND v.extension_id = e.id))`

/** Of a domain and a number. */
export const EXTENSION_BY_NUMBER = `${SELECT_EXTENSION} WHERE d.name = ? AND e.number = ? ORDER BY c.id`

/** Of a domain and a user's name, twice over. The name of a user who owns several is that of the first one made. */
export const EXTENSION_BY_USER = `${SELECT_EXTENSION} WHERE d.name = ? AND u.name = ? AND e.id = (
    SELECT min(o.id) FROM extension o JOIN domain p ON p.id = o.domain_id JOIN user w ON w.id = o.user_id
      WHERE p.name = ? AND w.name = ?)
  ORDER BY c.id`

/** All that have a binding, without their credentials: joined and sorted these take MariaDB twice as long as alone. */
export const ACTIVE_EXTENSIONS = `
  SELECT ${EXTENSION_COLUMNS} FROM ${EXTENSIONS} WHERE e.id IN (SELECT extension_id FROM binding)`

/** The credentials of their users. */
export const ACTIVE_CREDENTIALS = `
  SELECT c.id, c.user_id AS userId, c.device_id AS deviceId,
      CASE WHEN c.device_id IS NOT NULL THEN (SELECT v.extension_id FROM device v WHERE v.id = c.device_id) END
        AS extensionId, c.username, c.realm, c.algorithm, c.ha1
    FROM credential c
    WHERE c.user_id IN (SELECT user_id FROM extension WHERE id IN (SELECT extension_id FROM binding))`

/** Of so many row numbers. */
export const extensionsById = (count: number): string =>
  `${SELECT_EXTENSION} WHERE e.id IN (${Array(count).fill('?').join(', ')}) ORDER BY e.id, c.id`

export const SELECT_BINDINGS = 'SELECT b.* FROM binding b JOIN extension e ON e.id = b.extension_id'
export const SELECT_DOMAINS = 'SELECT id, name, realm, is_default FROM domain ORDER BY id'
export const SELECT_SETTINGS = 'SELECT name, value FROM setting'
export const COUNT_EXTENSIONS = 'SELECT count(*) AS n FROM extension'

/** In the order of bindingValues. */
export const BINDING_COLUMNS = [
  ...['extension_id', 'contact_key', 'contact', 'call_id', 'cseq', 'q', 'expires_at', 'registered_at'],
  ...['user_agent', 'instance', 'path', 'source', 'local', 'natted'],
] as const

/** In the order of callValues. */
export const CALL_COLUMNS = [
  ...[
    'id',
    'call_id',
    'domain',
    'caller',
    'caller_name',
    'dialled',
    'answered_by',
    'started_at',
    'ringing_at',
  ],
  ...['answered_at', 'ended_at', 'outcome', 'status', 'reason'],
] as const

export type Value = string | number | null
/** How a dialect writes a time, given in ms since the epoch. */
export type TimeText = (time: number) => string

/** One record for each extension; the rows of one stand together. */
export function extensionRecords(rows: readonly ExtensionRow[]): ExtensionRecord[] {
  const records: ExtensionRecord[] = []
  let credentials: CredentialRecord[] = []
  let last = -1
  for (const { status, username, realm, algorithm, ha1, ...row } of rows) {
    if (row.id !== last) {
      credentials = []
      records.push({ ...row, suspended: status === 'suspended', credentials })
      last = row.id
    }
    if (username === null || realm === null || algorithm === null || ha1 === null) continue
    credentials.push({ username, realm, algorithm, ha1 })
  }
  return records
}

export function activeRecords(
  extensions: readonly ActiveExtensionRow[],
  credentials: readonly ActiveCredentialRow[],
): ExtensionRecord[] {
  const byUser = Map.groupBy(
    credentials.toSorted((a, b) => a.id - b.id),
    ({ userId }) => userId,
  )
  return extensions.map(({ status, ...row }) => ({
    ...row,
    suspended: status === 'suspended',
    credentials: (byUser.get(row.userId) ?? [])
      .filter(({ deviceId, extensionId }) => deviceId === null || extensionId === row.id)
      .map(({ username, realm, algorithm, ha1 }) => ({ username, realm, algorithm, ha1 })),
  }))
}

export function bindingRecord(row: BindingRow): BindingRecord {
  return {
    extensionId: row.extension_id,
    contact: row.contact,
    contactKey: row.contact_key,
    callId: row.call_id,
    cseq: row.cseq,
    priority: Math.round(row.q * 1000),
    expiresAt: readTime(row.expires_at),
    registeredAt: readTime(row.registered_at),
    userAgent: row.user_agent,
    instance: row.instance,
    path: row.path,
    source: row.source,
    local: row.local,
    natted: row.natted === 1,
  }
}

export function domainRecord(row: DomainRow): DomainRecord {
  return { id: row.id, name: row.name, realm: row.realm, isDefault: row.is_default === 1 }
}

export function settingMap(rows: readonly SettingRow[]): ReadonlyMap<string, string> {
  return new Map(rows.map((row) => [row.name, row.value]))
}

export function bindingValues(b: BindingRecord, text: TimeText): Value[] {
  return [
    b.extensionId,
    b.contactKey,
    b.contact,
    b.callId,
    b.cseq,
    b.priority / 1000,
    text(b.expiresAt),
    text(b.registeredAt),
    b.userAgent,
    b.instance,
    b.path,
    b.source,
    b.local,
    b.natted ? 1 : 0,
  ]
}

export function callValues(call: CallRecord, text: TimeText): Value[] {
  const textOrNull = (time: number | null) => (time === null ? null : text(time))
  return [
    call.id,
    call.callId,
    call.domain,
    call.caller,
    call.callerName,
    call.dialled,
    call.answeredBy,
    text(call.startedAt),
    textOrNull(call.ringingAt),
    textOrNull(call.answeredAt),
    textOrNull(call.endedAt),
    call.outcome,
    call.status,
    call.reason,
  ]
}

/** 2026-01-31T12:00:00.000Z, as SQLite holds it. */
export function isoTime(time: number): string {
  return new Date(time).toISOString()
}

/** 2026-01-31 12:00:00.000, as a DATETIME of MySQL in UTC. */
export function mysqlTime(time: number): string {
  return isoTime(time).slice(0, -1).replace('T', ' ')
}

/** Of either form. */
function readTime(text: string): number {
  return Date.parse(text.includes('T') ? text : `${text.replace(' ', 'T')}Z`)
}
