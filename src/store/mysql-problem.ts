// Whatever a MySQL or MariaDB server, or the way to it, answers with, in one sentence that says how to mend it.

import { LIMITS, type MysqlLocation } from '../config.ts'
import { DatabaseProblem, type DatabaseProblemKind } from './driver.ts'

/** All that the server needs in its database: schema changes come with new versions. */
const RIGHTS =
  'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, TRIGGER, CREATE VIEW, SHOW VIEW'

const ANY_HOST = "(where the account was made for one host only, write that instead of '%')"

/** With the one that writes. */
const CONNECTIONS = LIMITS.mysqlConnections + 1

interface Failure {
  readonly location: MysqlLocation
  /** The server's or the system's own words. */
  readonly reason: string
}

type Sentence = (failure: Failure) => string

interface Explanation {
  readonly kind: DatabaseProblemKind
  readonly sentence: Sentence
  /** Error numbers of the server, and codes of the driver and the system. */
  readonly codes: readonly (number | string)[]
}

const EXPLANATIONS: readonly Explanation[] = [
  {
    kind: 'denied',
    codes: [1045, 1698, 3118, 1820, 1862, 4151],
    sentence: ({ location, reason }) =>
      `The ${server(location)} does not let ${location.user} in (${reason}). Mend user and password in the ` +
      `database's URL, or set it there: ALTER USER ${account(location)} IDENTIFIED BY '...' ${ANY_HOST}.` +
      tlsAdvice(location),
  },
  {
    kind: 'missing',
    codes: [1049],
    sentence: ({ location }) =>
      `The ${server(location)} has no database ${location.database}. Make it there: CREATE DATABASE ` +
      `\`${location.database}\` CHARACTER SET utf8mb4; ${grant(location)}.`,
  },
  {
    kind: 'denied',
    codes: [1044],
    // The server does not tell whether the database is there to whom has no right in it.
    sentence: ({ location, reason }) =>
      `The ${server(location)} does not let ${location.user} into the database ${location.database} (${reason}). ` +
      `Do there: CREATE DATABASE IF NOT EXISTS \`${location.database}\` CHARACTER SET utf8mb4; ` +
      `${grant(location)} ${ANY_HOST}.`,
  },
  {
    kind: 'denied',
    codes: [1419],
    sentence: ({ location }) =>
      `The ${server(location)} keeps a binary log and lets only administrators make triggers. Say there, once: ` +
      'SET GLOBAL log_bin_trust_function_creators = 1 (and keep it in its configuration file).',
  },
  {
    kind: 'denied',
    codes: [1449],
    sentence: ({ location, reason }) =>
      `The account that made the triggers and views of ${location.database} is gone (${reason}). Make it again, or ` +
      'drop them, so that they are made anew at the next start.',
  },
  {
    kind: 'denied',
    codes: [1142, 1143, 1227, 1370],
    sentence: ({ location, reason }) =>
      `The ${server(location)} does not give ${location.user} a right that is needed (${reason}). ` +
      `Give it there: ${grant(location)} ${ANY_HOST}.`,
  },
  {
    kind: 'away',
    codes: ['ECONNREFUSED', 'ENOENT'],
    sentence: ({ location, reason }) =>
      `Nothing listens at ${place(location)} (${reason}). Start the database server, or mend the address in the ` +
      "database's URL.",
  },
  {
    kind: 'away',
    codes: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_NODATA', 'EAI_NONAME', 'DNS_ENOTFOUND'],
    sentence: ({ location, reason }) =>
      `The name ${location.host} of the database server is not known (${reason}). Mend it in the database's URL, ` +
      'or look after the name service.',
  },
  {
    kind: 'away',
    codes: [
      'ETIMEDOUT',
      'PROTOCOL_SEQUENCE_TIMEOUT',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'EHOSTDOWN',
      'EADDRNOTAVAIL',
    ],
    sentence: silent,
  },
  {
    kind: 'denied',
    codes: ['HANDSHAKE_NO_SSL_SUPPORT'],
    sentence: ({ location }) =>
      `The ${server(location)} offers no TLS. Give it a certificate (ssl_cert, ssl_key), or take tls=... ` +
      `out of the ` +
      "database's URL.",
  },
  {
    kind: 'denied',
    codes: ['HANDSHAKE_SSL_ERROR'],
    sentence: ({ location, reason }) =>
      `The certificate of the ${server(location)} is not accepted (${reason}). Name its authority's file as ca=... ` +
      'and the host as the certificate does.',
  },
  {
    kind: 'denied',
    codes: [3159],
    sentence: ({ location }) =>
      `The ${server(location)} takes encrypted connections only. Add ?tls=required, or ?tls=verify&ca=FILE, to the ` +
      "database's URL.",
  },
  {
    kind: 'denied',
    codes: [1129, 1130],
    sentence: ({ location, reason }) =>
      `The ${server(location)} takes no connection from here (${reason}). Make an account for this host: ` +
      `CREATE USER ` +
      `${account(location)} IDENTIFIED BY '...'; ${grant(location)}.`,
  },
  {
    kind: 'away',
    codes: [1040, 1203, 1226, 'ER_CON_COUNT_ERROR'],
    sentence: ({ location, reason }) =>
      `The ${server(location)} has no connection left (${reason}). Raise max_connections there, or end ` +
      `what holds them; ` +
      `this server needs ${CONNECTIONS}.`,
  },
  {
    kind: 'full',
    codes: [1021, 1114, 1041, 1038, 3],
    sentence: ({ location, reason }) =>
      `The disk of the ${server(location)} is full (${reason}). Make room on it.`,
  },
  {
    kind: 'busy',
    codes: [1205, 1213, 3572, 1614],
    sentence: ({ location, reason }) =>
      `The database ${location.database} is locked by another program (${reason}). End its transaction, ` +
      `then try again.`,
  },
  {
    kind: 'unusable',
    codes: [1290, 1792, 1836, 4166],
    sentence: ({ location, reason }) =>
      `The ${server(location)} may only be read (${reason}). Name the one that may be written to, or ` +
      `switch read_only ` +
      'off there.',
  },
  {
    kind: 'corrupt',
    codes: [1034, 1035, 1194, 1195, 1877, 1932, 1712],
    sentence: ({ location, reason }) =>
      `The database ${location.database} is damaged (${reason}). Put back a backup.`,
  },
  {
    kind: 'refused',
    codes: [
      // Missing, double, too long or out of range; no such parent, still a child; a check; no such value.
      ...[1048, 1364, 1062, 1586, 1264, 1406, 1265, 1366, 1292, 1411, 1690, 1365, 1451, 1452, 1216, 1217],
      ...[3819, 4025, 1153, 1301, 3988, 1267, 1644],
    ],
    sentence: ({ reason }) => `The database refuses this: ${reason}.`,
  },
  {
    kind: 'away',
    codes: [
      1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1317, 1927, 3024, 1969, 4031, 1047, 1080, 1094,
    ],
    sentence: lost,
  },
  {
    kind: 'away',
    codes: ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE', 'ECONNABORTED'],
    sentence: lost,
  },
]

const BY_CODE = new Map(
  EXPLANATIONS.flatMap((explanation) => explanation.codes.map((code) => [code, explanation] as const)),
)

/** Whatever was thrown while working on the database, as a DatabaseProblem. The password is in none. */
export function mysqlProblem(error: unknown, location: MysqlLocation): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  const reason = (error instanceof Error && error.message !== '' ? error.message : String(error)).replace(
    /\.$/,
    '',
  )
  const explanation = codesOf(error)
    .map((code) => BY_CODE.get(code))
    .find((found) => found !== undefined)
  if (explanation !== undefined) {
    return new DatabaseProblem(explanation.kind, explanation.sentence({ location, reason }))
  }
  // A connection that has ended under us has no code of its own.
  const kind = isFatal(error) ? 'away' : 'unusable'
  const sentence = kind === 'away' ? lost({ location, reason }) : unusable({ location, reason })
  return new DatabaseProblem(kind, sentence)
}

/** What we say when we have waited long enough. */
export function mysqlSilence(location: MysqlLocation, limit_ms: number): DatabaseProblem {
  return new DatabaseProblem('away', silent({ location, reason: `nothing within ${limit_ms / 1000} s` }))
}

/** The most telling first: the driver counts some of the system's errors under a number too. */
function codesOf(error: unknown): (number | string)[] {
  if (!(error instanceof Error)) return []
  const codes: (number | string)[] = []
  if ('code' in error && typeof error.code === 'string') codes.push(error.code)
  if ('errno' in error && typeof error.errno === 'number') codes.push(error.errno)
  if (error instanceof AggregateError) codes.push(...error.errors.flatMap(codesOf))
  return codes
}

function isFatal(error: unknown): boolean {
  return error instanceof Error && 'fatal' in error && error.fatal === true
}

function lost({ location, reason }: Failure): string {
  return (
    `The connection to the ${server(location)} was lost (${reason}). It is made again; look whether that ` +
    `server runs.`
  )
}

function silent({ location, reason }: Failure): string {
  return (
    `The ${server(location)} does not answer in time (${reason}). Look whether it runs, and whether a ` +
    `firewall or a ` +
    'lost network is in between.'
  )
}

function unusable({ location, reason }: Failure): string {
  return `The database ${location.database} on the ${server(location)} cannot be used (${reason}).`
}

function server(location: MysqlLocation): string {
  return `database server at ${place(location)}`
}

function place({ socket, host, port }: MysqlLocation): string {
  if (socket !== '') return socket
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function account({ user }: MysqlLocation): string {
  return `'${user.replaceAll("'", "''")}'@'%'`
}

function grant(location: MysqlLocation): string {
  return `GRANT ${RIGHTS} ON \`${location.database}\`.* TO ${account(location)}`
}

/** An account that must use TLS is refused in the same words as a wrong password. */
function tlsAdvice({ tls, socket }: MysqlLocation): string {
  return tls === 'off' && socket === '' ? ' An account with REQUIRE SSL needs ?tls=required in the URL.' : ''
}
