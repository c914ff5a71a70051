// The schema's versions, and the way from one to the next. They only ever run forward.

import type { Database } from 'bun:sqlite'
import { DatabaseProblem } from './driver.ts'
import mysqlTables from './schema/mysql/0001-tables.sql' with { type: 'text' }
import mysqlJournal from './schema/mysql/0002-journal.sql' with { type: 'text' }
import mysqlRecords from './schema/mysql/0003-records.sql' with { type: 'text' }
import mysqlDurability from './schema/mysql/0004-durability.sql' with { type: 'text' }
import tables from './schema/sqlite/0001-tables.sql' with { type: 'text' }
import journal from './schema/sqlite/0002-journal.sql' with { type: 'text' }
import records from './schema/sqlite/0003-records.sql' with { type: 'text' }
import durability from './schema/sqlite/0004-durability.sql' with { type: 'text' }

interface Migration {
  readonly name: string
  readonly sqlite: string
  readonly mysql: string
}

/** A migration's version is its place here, from 1. A released one is never edited, only followed by another. */
export const MIGRATIONS: readonly Migration[] = [
  { name: 'tables', sqlite: tables, mysql: mysqlTables },
  { name: 'journal', sqlite: journal, mysql: mysqlJournal },
  { name: 'records', sqlite: records, mysql: mysqlRecords },
  { name: 'durability', sqlite: durability, mysql: mysqlDurability },
]

export const SCHEMA_VERSION = MIGRATIONS.length

/** Those that the schema has after its last migration. */
export const SQLITE_TRIGGERS: readonly string[] = triggersOf(MIGRATIONS)

function triggersOf(migrations: readonly Migration[]): string[] {
  const names = new Set<string>()
  for (const { sqlite } of migrations) {
    for (const [, verb, name = ''] of sqlite.matchAll(
      /^(CREATE|DROP) TRIGGER (?:IF (?:NOT )?EXISTS )?(\w+)/gm,
    )) {
      if (verb === 'CREATE') names.add(name)
      else names.delete(name)
    }
  }
  return [...names]
}

export const CREATE_SCHEMA_MIGRATION = `CREATE TABLE IF NOT EXISTS schema_migration (
  -- The steps that this schema was made by.
  -- Order of the step; the highest one is the schema's version.
  version INTEGER PRIMARY KEY,
  -- What the step brought.
  name TEXT NOT NULL,
  -- When it was run.
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT`

/** 0 when nothing was ever migrated. */
export function schemaVersion(database: Database): number {
  const known = database
    .query<{ name: string }, []>(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migration'`,
    )
    .get()
  if (known === null) return 0
  return (
    database
      .query<{ version: number }, []>('SELECT coalesce(max(version), 0) AS version FROM schema_migration')
      .get()?.version ?? 0
  )
}

/**
 * Brings the schema up to this program's version, all in one transaction. Of several processes at once one migrates;
 * the others wait at BEGIN IMMEDIATE and then find it done.
 */
export function migrate(database: Database): void {
  // Looked at without a lock first: at nearly every start there is nothing to do, and others may be writing.
  if (reached(database)) return
  database.run('BEGIN IMMEDIATE')
  try {
    if (!reached(database)) applyMissing(database)
    database.run('COMMIT')
  } catch (error) {
    if (database.inTransaction) database.run('ROLLBACK')
    throw error
  }
}

function reached(database: Database): boolean {
  return isReached(schemaVersion(database))
}

/** Throws DatabaseProblem when this program is too old for it. */
export function isReached(version: number): boolean {
  if (version > SCHEMA_VERSION) {
    throw new DatabaseProblem(
      'newer',
      `The database has schema version ${version}, made by a newer program; this one knows up to ${SCHEMA_VERSION}. ` +
        'Start the newer program, or point this one to another database.',
    )
  }
  return version === SCHEMA_VERSION
}

function applyMissing(database: Database): void {
  database.run(CREATE_SCHEMA_MIGRATION)
  for (let version = schemaVersion(database) + 1; version <= SCHEMA_VERSION; version++) {
    const migration = MIGRATIONS[version - 1]!
    database.run(migration.sqlite)
    database.run('INSERT INTO schema_migration (version, name) VALUES (?, ?)', [version, migration.name])
  }
}
