// schema: the SQL of the schema, for whoever makes the database by hand, and the version that theirs has.

import { parseDatabaseUrl } from '../config.ts'
import { DatabaseProblem } from '../store/driver.ts'
import { SCHEMA_VERSION } from '../store/migration.ts'
import { DIALECTS, type Dialect, schemaStatements, versionOf } from '../store/schema-text.ts'
import type { Command } from './command.ts'
import { CommandFailure, EXIT } from './exit.ts'

export const schema: Command = {
  name: 'schema',
  arguments: '',
  argumentsMin: 0,
  argumentsMax: 0,
  summary: "Prints the SQL of the database's schema, and says which version the database has.",
  notes: [
    '`start` makes the schema and brings it up to date by itself; this is for where that is done by hand:',
    '  sipwitches schema --dialect sqlite | sqlite3 new.db',
    '  sipwitches schema --dialect mysql | mariadb NAME',
  ],
  options: { dialect: { value: 'NAME', help: `${DIALECTS.join(' or ')} (default: that of the database)` } },
  async run(call) {
    const location = parseDatabaseUrl(call.settings().database)
    const dialect = readDialect(call.text('dialect') ?? location.kind)
    const statements = schemaStatements(dialect)
    const present = await versionOf(location).catch(problemOf)
    if (!call.json) call.output.note(`sipwitches: ${conditionOf(present)}`)
    const database = present instanceof DatabaseProblem ? { problem: present.message } : { version: present }
    call.answer({ version: SCHEMA_VERSION, dialect, statements, database }, [
      `-- The schema of SipWitchEs, version ${SCHEMA_VERSION}, for ${dialect}.`,
      ...statements.map((statement) => `\n${ended(statement, dialect)}`),
    ])
    return EXIT.ok
  },
}

/** The `mariadb` program ends a statement at each semicolon, also within a trigger, unless it is told otherwise. */
function ended(statement: string, dialect: Dialect): string {
  const compound = dialect === 'mysql' && /;\s/.test(statement)
  return compound ? `DELIMITER //\n${statement} //\nDELIMITER ;` : `${statement};`
}

function readDialect(name: string): Dialect {
  const dialect = DIALECTS.find((one) => one === name)
  if (dialect !== undefined) return dialect
  throw new CommandFailure(EXIT.usage, `there is no dialect ${name}; there are: ${DIALECTS.join(', ')}`)
}

/** The SQL is wanted most where there is no database yet. */
function problemOf(error: unknown): DatabaseProblem {
  if (error instanceof DatabaseProblem) return error
  throw error
}

function conditionOf(present: number | null | DatabaseProblem): string {
  if (present instanceof DatabaseProblem) return present.message
  if (present === null) return 'there is no database yet; the first `sipwitches start` makes it'
  if (present === 0) return 'the database is empty; the first `sipwitches start` makes the schema'
  if (present === SCHEMA_VERSION) return `the database has this version, ${present}`
  if (present > SCHEMA_VERSION) return `the database has version ${present}, made by a newer program`
  return `the database has version ${present}; the next \`sipwitches start\` brings it up to date`
}
