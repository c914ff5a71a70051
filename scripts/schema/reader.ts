// The schema as it is in an SQLite file: tables, views, their columns, keys and comments.

import type { Database } from 'bun:sqlite'
import { type ColumnWords, tableWords, viewWords } from './comment.ts'

export interface Column extends ColumnWords {
  readonly name: string
  readonly type: string
  readonly nullable: boolean
  /** As SQL writes it; null for none. */
  readonly initial: string | null
}

export interface ForeignKey {
  readonly column: string
  readonly table: string
  readonly to: string
  readonly onDelete: string
}

export interface Relation {
  readonly kind: 'table' | 'view'
  readonly name: string
  readonly comment: string
  readonly columns: readonly Column[]
  readonly primaryKey: readonly string[]
  /** Columns that no two rows share. */
  readonly unique: readonly (readonly string[])[]
  readonly foreignKeys: readonly ForeignKey[]
}

interface ColumnRow {
  readonly name: string
  readonly type: string
  readonly notnull: 0 | 1
  readonly dflt_value: string | null
  readonly pk: number
}

/** In the order in which they were made. */
export function readSchema(database: Database): Relation[] {
  return database
    .query<{ type: 'table' | 'view'; name: string; sql: string }, []>(
      `SELECT type, name, sql FROM sqlite_schema
        WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY rowid`,
    )
    .all()
    .map(({ type, name, sql }) => readRelation(database, type, name, sql))
}

function readRelation(database: Database, kind: 'table' | 'view', name: string, sql: string): Relation {
  const rows = database.query<ColumnRow, [string]>('SELECT * FROM pragma_table_info(?)').all(name)
  const names = rows.map((row) => row.name)
  const words = kind === 'table' ? tableWords(sql) : viewWords(sql, names)
  const keyed = rows.filter(({ pk }) => pk > 0).toSorted((a, b) => a.pk - b.pk)
  return {
    kind,
    name,
    comment: words.comment,
    columns: rows.map((row) => ({
      name: row.name,
      type: row.type,
      nullable: row.notnull === 0 && row.pk === 0,
      initial: row.dflt_value,
      comment: words.columns.get(row.name)?.comment ?? '',
      checks: words.columns.get(row.name)?.checks ?? [],
    })),
    primaryKey: keyed.map((row) => row.name),
    unique: readUnique(database, name),
    foreignKeys: readForeignKeys(database, name),
  }
}

function readUnique(database: Database, table: string): string[][] {
  return database
    .query<{ name: string }, [string]>(
      `SELECT name FROM pragma_index_list(?) WHERE "unique" = 1 AND origin = 'u' ORDER BY seq DESC`,
    )
    .all(table)
    .map(({ name }) =>
      database
        .query<{ name: string }, [string]>('SELECT name FROM pragma_index_info(?) ORDER BY seqno')
        .all(name)
        .map((column) => column.name),
    )
}

function readForeignKeys(database: Database, table: string): ForeignKey[] {
  return database
    .query<ForeignKey, [string]>(
      `SELECT "from" AS "column", "table", "to", on_delete AS onDelete FROM pragma_foreign_key_list(?)
        ORDER BY id DESC`,
    )
    .all(table)
}
