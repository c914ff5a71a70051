// Where the database is, from its URL. No sentence here repeats what was given: a password may be in it.

import { isIPv6 } from 'node:net'
import { SettingProblem } from './setting-problem.ts'

export interface SqliteLocation {
  readonly kind: 'sqlite'
  readonly path: string
}

/** A MySQL or MariaDB server. */
export interface MysqlLocation {
  readonly kind: 'mysql'
  readonly host: string
  readonly port: number
  /** Path of its unix socket, used instead of host and port; '' for TCP. */
  readonly socket: string
  readonly user: string
  readonly password: string
  readonly database: string
  /** `off`, `required` (encrypted, whoever answers), or `verify` (its certificate is checked against `ca`). */
  readonly tls: 'off' | 'required' | 'verify'
  /** File of the certificate authority; '' takes the system's. */
  readonly ca: string
}

export type DatabaseLocation = SqliteLocation | MysqlLocation

const SQLITE_EXAMPLE = 'sqlite:./data/sipwitches.db'
const MYSQL_EXAMPLE = 'mysql://user:password@host:3306/name'
const MYSQL_PORT = 3306
const HOST_NAME = /^[0-9A-Za-z._-]{1,253}$/
/** So that it may be typed into a statement, in backticks, as it is. */
const DATABASE_NAME = /^[0-9A-Za-z_$-]{1,64}$/
const OPTIONS = ['tls', 'ca', 'socket']

export function parseDatabaseUrl(url: string): DatabaseLocation {
  if (url.startsWith('mysql:')) return parseMysqlUrl(url)
  const path = url.startsWith('sqlite:') ? url.slice('sqlite:'.length) : ''
  if (path === '' || path === ':memory:') {
    throw new SettingProblem(
      `names no database; write sqlite:PATH, as ${SQLITE_EXAMPLE}, or ${MYSQL_EXAMPLE}`,
    )
  }
  return { kind: 'sqlite', path }
}

function parseMysqlUrl(text: string): MysqlLocation {
  const url = parseUrl(text)
  const host = url.hostname.replace(/^\[(.+)\]$/, '$1')
  if (!HOST_NAME.test(host) && !isIPv6(host)) {
    throw new SettingProblem(`names no host, or none that can be; write ${MYSQL_EXAMPLE}, IPv6 in brackets`)
  }
  const user = decoded(url.username, 'user')
  if (user === '') throw new SettingProblem(`names no user; write ${MYSQL_EXAMPLE}`)
  const database = decoded(url.pathname.slice(1), 'database name')
  if (!DATABASE_NAME.test(database)) {
    throw new SettingProblem(
      `names no database, or one with more than letters, digits, _, $ and -; write ${MYSQL_EXAMPLE}`,
    )
  }
  if (url.port === '0')
    throw new SettingProblem(`has port 0; MySQL listens on ${MYSQL_PORT} where nothing else is set`)
  return {
    kind: 'mysql',
    host,
    port: url.port === '' ? MYSQL_PORT : Number(url.port),
    user,
    password: decoded(url.password, 'password'),
    database,
    ...parseOptions(url.searchParams),
  }
}

function parseUrl(text: string): URL {
  // URL drops line breaks and cuts at # without a word; in a password both are a mistake that no server explains.
  const wrong = /[\s#]/.exec(text)?.[0]
  if (wrong !== undefined) {
    throw new SettingProblem(`has ${wrong === '#' ? 'a #; write it %23' : 'white space; write a space %20'}`)
  }
  const url = URL.parse(text)
  if (url === null || !text.startsWith('mysql://')) {
    throw new SettingProblem(
      `is no URL; write ${MYSQL_EXAMPLE}, and in user and password % as %25, / as %2F, ? as %3F, @ as %40, : as %3A`,
    )
  }
  return url
}

function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new SettingProblem(`has a % in its ${what} that begins no code; write it %25`)
  }
}

function parseOptions(options: URLSearchParams): Pick<MysqlLocation, 'tls' | 'ca' | 'socket'> {
  for (const name of options.keys()) {
    if (!OPTIONS.includes(name))
      throw new SettingProblem(`has an option that is none of ${OPTIONS.join(', ')}`)
    if (options.getAll(name).length > 1) throw new SettingProblem(`has the option ${name} twice`)
    if (options.get(name) === '')
      throw new SettingProblem(`has the option ${name} without a value; leave it out`)
  }
  const tls = options.get('tls') ?? 'off'
  const ca = options.get('ca') ?? ''
  const socket = options.get('socket') ?? ''
  if (tls !== 'off' && tls !== 'required' && tls !== 'verify') {
    throw new SettingProblem('has the option tls with a value that is none of off, required, verify')
  }
  if (ca !== '' && tls !== 'verify')
    throw new SettingProblem('has the option ca, which is for tls=verify only')
  if (socket !== '' && tls !== 'off') {
    throw new SettingProblem(
      'has the options socket and tls; a unix socket needs no TLS, leave one of them out',
    )
  }
  return { tls, ca, socket }
}
