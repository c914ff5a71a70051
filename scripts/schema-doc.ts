// `bun run schema-doc`: docs/schema.md, made from the schema, so that it cannot drift from it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SCHEMA_VERSION } from '../src/store/migration.ts'
import { openSqlite } from '../src/store/sqlite-open.ts'
import { type Column, type Relation, readSchema } from './schema/reader.ts'

const ROOT = join(import.meta.dir, '..')
const FRAME = join(ROOT, 'scripts/schema/frame.md')
const OUTPUT = join(ROOT, 'docs/schema.md')

/** Written by people and their programs. All other tables are the server's. */
const CONFIGURATION = ['domain', 'user', 'extension', 'device', 'credential', 'setting']
const STABLE = /^v\d+_/

/** The schema as the migrations make it of an empty file. */
export function currentSchema(): Relation[] {
  const folder = mkdtempSync(join(tmpdir(), 'sipwitches-schema-'))
  try {
    const database = openSqlite(join(folder, 'empty.db'), { create: true, busy_ms: 0, checked: true })
    const schema = readSchema(database)
    database.close()
    return schema
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export function schemaDocument(schema: readonly Relation[]): string {
  const tables = schema.filter(({ kind }) => kind === 'table')
  const views = schema.filter(({ kind }) => kind === 'view')
  const ours = (table: Relation) => CONFIGURATION.includes(table.name)
  const sections: Readonly<Record<string, string>> = {
    version: String(SCHEMA_VERSION),
    diagram: diagram(tables),
    configuration: tables.filter(ours).map(tableSection).join('\n\n'),
    server: tables
      .filter((table) => !ours(table))
      .map(tableSection)
      .join('\n\n'),
    interface: views
      .filter(({ name }) => STABLE.test(name))
      .map(viewSection)
      .join('\n\n'),
    others: views
      .filter(({ name }) => !STABLE.test(name))
      .map(viewLine)
      .join('\n'),
  }
  return readFileSync(FRAME, 'utf8').replace(/\{\{(\w+)\}\}/g, (_place, name: string) => {
    const section = sections[name]
    if (section === undefined) throw new Error(`the frame names ${name}, which there is not`)
    return section
  })
}

/** Keys only: all else is in the tables below it. */
function diagram(tables: readonly Relation[]): string {
  const lines = tables.flatMap((table) => [
    `  ${table.name} {`,
    ...table.columns.flatMap((column) => {
      const keys = keysOf(table, column)
      return keys === '' ? [] : [`    ${column.type} ${column.name} ${keys}`]
    }),
    '  }',
  ])
  const relations = tables.flatMap((table) =>
    table.foreignKeys.map((key) => {
      const optional = table.columns.find(({ name }) => name === key.column)?.nullable ? '|o' : '||'
      return `  ${key.table} ${optional}--o{ ${table.name} : ${key.column}`
    }),
  )
  return ['```mermaid', 'erDiagram', ...relations, ...lines, '```'].join('\n')
}

function keysOf(table: Relation, { name }: Column): string {
  const keys = []
  if (table.primaryKey.includes(name)) keys.push('PK')
  if (table.foreignKeys.some(({ column }) => column === name)) keys.push('FK')
  if (table.unique.some((columns) => columns.includes(name))) keys.push('UK')
  return keys.join(', ')
}

function tableSection(table: Relation): string {
  const rows = table.columns.map((column) => [
    code(column.name),
    column.type,
    column.nullable ? 'yes' : '',
    initialOf(column),
    [column.comment, ...column.checks.map((check) => `Must hold: ${code(check)}.`)].join(' '),
  ])
  return [
    `### ${table.name}`,
    '',
    table.comment,
    '',
    ...markdownTable(['column', 'type', 'NULL', 'default', 'meaning'], rows),
    '',
    ...keyLines(table),
  ].join('\n')
}

function keyLines({ primaryKey, unique, foreignKeys }: Relation): string[] {
  const names = (columns: readonly string[]) => columns.map(code).join(', ')
  return [
    `- Primary key: ${names(primaryKey)}`,
    ...unique.map((columns) => `- Unique: ${names(columns)}`),
    ...foreignKeys.map(
      ({ column, table, to, onDelete }) =>
        `- ${code(column)} refers to ${code(`${table}.${to}`)}, ON DELETE ${onDelete}`,
    ),
  ]
}

function viewSection({ name, comment, columns }: Relation): string {
  return [
    `### ${name}`,
    '',
    comment,
    '',
    ...markdownTable(
      ['column', 'meaning'],
      columns.map((column) => [code(column.name), column.comment]),
    ),
  ].join('\n')
}

function viewLine({ name, comment, columns }: Relation): string {
  return `- ${code(name)} (${columns.map((column) => code(column.name)).join(', ')}): ${comment}`
}

function initialOf({ initial }: Column): string {
  if (initial === null) return ''
  return initial.includes('strftime') ? 'now' : code(initial)
}

function code(text: string): string {
  return `\`${text}\``
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cell = (text: string) => (text === '' ? ' ' : ` ${text.replaceAll('|', '\\|')} `)
  const line = (cells: readonly string[]) => `|${cells.map(cell).join('|')}|`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)]
}

if (import.meta.main) writeFileSync(OUTPUT, schemaDocument(currentSchema()))
