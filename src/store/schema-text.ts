// The schema as SQL to read or to run by hand, and which version of it a database has.

import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { SystemClock } from '../clock.ts'
import { type DatabaseLocation, LIMITS, type MysqlLocation } from '../config.ts'
import { CREATE_SCHEMA_MIGRATION, MIGRATIONS, schemaVersion } from './migration.ts'
import { CREATE_MYSQL_SCHEMA_MIGRATION, mysqlSchemaVersion, mysqlStatements } from './mysql-migration.ts'
import { COLLATION, SQL_MODE } from './mysql-open.ts'
import { MysqlSessions } from './mysql-session.ts'
import { databaseProblem } from './sqlite-open.ts'

export const DIALECTS = ['sqlite', 'mysql'] as const
export type Dialect = (typeof DIALECTS)[number]

/** As our own sessions are: triggers and views are kept with what they were made under. */
const MYSQL_SESSION = [`SET NAMES utf8mb4 COLLATE ${COLLATION}`, `SET SESSION sql_mode = '${SQL_MODE}'`]

/** One by one they make of an empty database what the migrations make of it. */
export function schemaStatements(dialect: Dialect): string[] {
  const steps = MIGRATIONS.flatMap(({ name, sqlite, mysql }, at) => [
    ...(dialect === 'sqlite' ? sqliteStatements(sqlite) : mysqlStatements(mysql)),
    `INSERT INTO schema_migration (version, name) VALUES (${at + 1}, '${name}')`,
  ])
  return dialect === 'sqlite'
    ? [CREATE_SCHEMA_MIGRATION, ...steps]
    : [...MYSQL_SESSION, CREATE_MYSQL_SCHEMA_MIGRATION, ...steps]
}

/** A statement ends with a semicolon at the end of its line; a trigger, which holds some, with its END. */
function sqliteStatements(sql: string): string[] {
  const statements: string[] = []
  let lines: string[] = []
  for (const line of sql.split('\n')) {
    lines.push(line)
    const code = lines.filter((one) => !one.trimStart().startsWith('--')).join('\n')
    const trigger = code.trimStart().startsWith('CREATE TRIGGER')
    const ended = trigger ? /^END;$/m.test(code) : /;\s*$/.test(code) && !line.trimStart().startsWith('--')
    if (!ended) continue
    statements.push(lines.join('\n').trim().replace(/;$/, ''))
    lines = []
  }
  return statements
}

/** Without changing it: null when there is none, 0 when it is empty. Rejects with DatabaseProblem only. */
export async function versionOf(location: DatabaseLocation): Promise<number | null> {
  return location.kind === 'sqlite' ? sqliteVersion(location.path) : await mysqlVersion(location)
}

function sqliteVersion(path: string): number | null {
  if (!existsSync(path)) return null
  let database: Database | null = null
  try {
    database = new Database(path, { readonly: true })
    database.run(`PRAGMA busy_timeout = ${LIMITS.commandBusy_ms}`)
    return schemaVersion(database)
  } catch (error) {
    throw databaseProblem(error, path)
  } finally {
    database?.close()
  }
}

async function mysqlVersion(location: MysqlLocation): Promise<number> {
  const clock = new SystemClock((error) => {
    throw error
  })
  const sessions = new MysqlSessions(location, clock, 1)
  try {
    return await sessions.use(LIMITS.commandBusy_ms, mysqlSchemaVersion)
  } finally {
    await sessions.close()
    clock.close()
  }
}
