// The schema's steps in MySQL. DDL is not transactional there: each statement may be run again, and the step's row in
// schema_migration is written last, so that a step which was broken off is simply done again.

import { LIMITS } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import { isReached, MIGRATIONS, SCHEMA_VERSION } from './migration.ts'
import type { MysqlSession } from './mysql-session.ts'

export const CREATE_MYSQL_SCHEMA_MIGRATION = `CREATE TABLE IF NOT EXISTS schema_migration (
  version INT NOT NULL PRIMARY KEY COMMENT 'Order of the step; the highest one is the schema''s version.',
  name VARCHAR(64) NOT NULL COMMENT 'What the step brought.',
  applied_at DATETIME(3) NOT NULL DEFAULT (UTC_TIMESTAMP(3)) COMMENT 'When it was run.'
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin COMMENT 'The steps that this schema was made by.'`

/** One name for each database: its own is too long for a lock when it is as long as it may be. */
const LOCK = `'sipwitches ' || left(sha2(database(), 256), 32)`

/** Error numbers: no such right; the server trusts nobody with triggers; it may only be read. */
const TRIGGERS_REFUSED = [1044, 1142, 1227, 1419, 1290, 1836]

/** 0 when nothing was ever migrated. */
export async function mysqlSchemaVersion(session: MysqlSession): Promise<number> {
  const tables = await session.select(
    `SELECT 1 FROM information_schema.tables WHERE table_schema = database() AND table_name = 'schema_migration'`,
  )
  if (tables.length === 0) return 0
  const [row] = await session.select<{ version: number }>(
    'SELECT coalesce(max(version), 0) AS version FROM schema_migration',
  )
  return row?.version ?? 0
}

/**
 * Brings the schema up to this program's version. Of several servers at once one migrates, the others wait for it.
 * Answers with why there are no triggers, as the server says it; null when there are.
 */
export async function migrateMysql(session: MysqlSession): Promise<unknown> {
  if (isReached(await mysqlSchemaVersion(session)) && (await missingTriggers(session)).length === 0)
    return null
  const [row] = await session.select<{ taken: number | null }>(`SELECT get_lock(${LOCK}, ?) AS taken`, [
    LIMITS.mysqlMigration_s,
  ])
  if (row?.taken !== 1) {
    throw new DatabaseProblem(
      'busy',
      'Another server is changing the schema of this database. Try again when it has ended.',
    )
  }
  try {
    await applyMissing(session)
    return await createMissingTriggers(session)
  } finally {
    await session.select(`SELECT release_lock(${LOCK})`)
  }
}

async function applyMissing(session: MysqlSession): Promise<void> {
  if (isReached(await mysqlSchemaVersion(session))) return
  await session.run(CREATE_MYSQL_SCHEMA_MIGRATION)
  for (let version = (await mysqlSchemaVersion(session)) + 1; version <= SCHEMA_VERSION; version++) {
    const migration = MIGRATIONS[version - 1]!
    for (const statement of mysqlStatements(migration.mysql)) {
      if (triggerOf(statement) === null) await session.run(statement)
      else await tolerant(session, statement)
    }
    await session.run('INSERT INTO schema_migration (version, name) VALUES (?, ?)', [version, migration.name])
  }
}

/** What an earlier start was not allowed may be allowed by now. */
async function createMissingTriggers(session: MysqlSession): Promise<unknown> {
  for (const statement of await missingTriggers(session)) {
    const refusal = await tolerant(session, statement)
    if (refusal !== null) return refusal
  }
  return null
}

/** Without triggers all else works: what the server says against one is no failure, but the answer. */
async function tolerant(session: MysqlSession, statement: string): Promise<unknown> {
  try {
    await session.run(statement)
    return null
  } catch (error) {
    if (error instanceof Error && 'errno' in error && TRIGGERS_REFUSED.includes(Number(error.errno)))
      return error
    throw error
  }
}

/** Whoever has not the right to make triggers is not shown any either. */
async function missingTriggers(session: MysqlSession): Promise<string[]> {
  const rows = await session.select<{ name: string }>(
    'SELECT trigger_name AS name FROM information_schema.triggers WHERE trigger_schema = database()',
  )
  const there = new Set(rows.map(({ name }) => name))
  return [...allTriggers()].filter(([name]) => !there.has(name)).map(([, statement]) => statement)
}

/** Those that the steps leave in the end, and how each is made. */
function allTriggers(): ReadonlyMap<string, string> {
  const triggers = new Map<string, string>()
  for (const statement of MIGRATIONS.flatMap(({ mysql }) => mysqlStatements(mysql))) {
    const trigger = triggerOf(statement)
    if (trigger === null) continue
    if (trigger.made) triggers.set(trigger.name, statement)
    else triggers.delete(trigger.name)
  }
  return triggers
}

function triggerOf(statement: string): { readonly name: string; readonly made: boolean } | null {
  const [, verb, name = ''] = /^(CREATE|DROP) TRIGGER (?:IF EXISTS )?(\w+)/m.exec(statement) ?? []
  return verb === undefined ? null : { name, made: verb === 'CREATE' }
}

/** A statement ends with a semicolon at the end of a line; within one the line after that is indented. */
export function mysqlStatements(sql: string): string[] {
  return sql.split(/;[ \t]*\n(?![ \t])/).filter((statement) => statement.trim() !== '')
}
