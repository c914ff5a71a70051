// The schema as SQL to read or to run by hand, and which version of it a database has.

import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import { type DatabaseLocation, LIMITS } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import { CREATE_SCHEMA_MIGRATION, MIGRATIONS, schemaVersion } from './migration.ts'
import { databaseProblem } from './sqlite-open.ts'

export const DIALECTS = ['sqlite'] as const
export type Dialect = (typeof DIALECTS)[number]

/** One by one they make of an empty database what the migrations make of it. */
export function schemaStatements(_dialect: Dialect): string[] {
  return [
    CREATE_SCHEMA_MIGRATION,
    ...MIGRATIONS.flatMap(({ name, sqlite }, at) => [
      ...sqliteStatements(sqlite),
      `INSERT INTO schema_migration (version, name) VALUES (${at + 1}, '${name}')`,
    ]),
  ]
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
  if (location.kind === 'mysql') throw new DatabaseProblem('unusable', 'MySQL is not built yet.')
  const { path } = location
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
