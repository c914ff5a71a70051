// Connecting to a MySQL or MariaDB server so that it keeps its promises.

import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'mysql2/promise'
import { LIMITS, type MysqlLocation } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import type { MysqlSession } from './mysql-session.ts'

/** The first releases with CHECK constraints, window functions and all else that the statements use. */
const OLDEST = { MySQL: [8, 0, 19], MariaDB: [10, 5, 0] } as const

export const SQL_MODE = 'STRICT_TRANS_TABLES,ANSI_QUOTES,PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION'
/** Names are compared letter by letter, as in SQLite. */
export const COLLATION = 'utf8mb4_bin'

/**
 * What every session of ours is told before its first statement, whatever the server's defaults are. ANSI_QUOTES lets
 * "key" and "call", which are reserved words here, be written as in SQLite, and PIPES_AS_CONCAT joins texts as there.
 * A value that does not fit is an error.
 */
const SESSION = `SET SESSION time_zone = '+00:00', SESSION sql_mode = '${SQL_MODE}',
  SESSION wait_timeout = ?, SESSION innodb_lock_wait_timeout = ?, SESSION lock_wait_timeout = ?`

/** Throws DatabaseProblem where the certificate authority cannot be read. */
export function mysqlOptions(location: MysqlLocation): ConnectionOptions {
  const { host, port, socket, user, password, database } = location
  return {
    ...(socket === '' ? { host, port } : { socketPath: socket }),
    user,
    password,
    database,
    charset: COLLATION,
    timezone: 'Z',
    dateStrings: true,
    // A number beyond 2^53 comes as text instead of being rounded in silence.
    supportBigNumbers: true,
    connectTimeout: LIMITS.mysqlConnect_ms,
    multipleStatements: false,
    trace: false,
    ...tlsOptions(location),
  }
}

function tlsOptions({ tls, ca }: MysqlLocation): ConnectionOptions {
  if (tls === 'off') return {}
  if (tls === 'required') return { ssl: { rejectUnauthorized: false } }
  return { ssl: { verifyIdentity: true, ...(ca === '' ? {} : { ca: readAuthority(ca) }) } }
}

function readAuthority(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new DatabaseProblem(
      'denied',
      `The certificate authority of the database's URL cannot be read (${reason}). Mend its option ca.`,
    )
  }
}

/** Tells a new session how it is to behave, and looks whether the server is new enough. */
export async function beginSession(session: MysqlSession): Promise<void> {
  await session.run(SESSION, [LIMITS.mysqlIdle_s, LIMITS.mysqlLock_s, LIMITS.mysqlLock_s])
  const [row] = await session.rows<{ version: string }>('SELECT version() AS version')
  checkVersion(row?.version ?? '')
}

function checkVersion(found: string): void {
  const program = found.includes('MariaDB') ? 'MariaDB' : 'MySQL'
  const version = (/\d+\.\d+\.\d+/.exec(found)?.[0] ?? '0.0.0').split('.').map(Number)
  const oldest = OLDEST[program]
  const differing = oldest.findIndex((part, index) => part !== version[index])
  if (differing < 0 || (version[differing] ?? 0) > oldest[differing]!) return
  throw new DatabaseProblem(
    'old',
    `The database server is ${program} ${found}, which is too old. ` +
      `Use MySQL ${OLDEST.MySQL.join('.')} or newer, or MariaDB ${OLDEST.MariaDB.join('.')} or newer.`,
  )
}
