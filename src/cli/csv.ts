// The file of `import`, read and checked line by line before anything is written.

import { CsvError, parse } from 'csv-parse/sync'
import * as v from 'valibot'
import { LIMITS } from '../config.ts'
import { displayNameProblem, nameProblem } from './account.ts'
import { CommandFailure, EXIT } from './exit.ts'
import { passwordProblem } from './password.ts'

export interface ImportRow {
  /** Where the row ends in the file, from 1. */
  readonly line: number
  readonly number: string
  readonly password: string
  readonly name: string
}

/** What is wrong with the lines of a file. Only the first ones are kept. */
export class LineProblems {
  readonly #sentences: string[] = []
  #count = 0

  add(line: number, sentence: string): void {
    this.#count++
    if (this.#sentences.length < LIMITS.importErrorsListed) this.#sentences.push(`line ${line}: ${sentence}`)
  }

  /** Throws when there is any. */
  check(): void {
    if (this.#count === 0) return
    const more = this.#count - this.#sentences.length
    const lines = more === 0 ? this.#sentences : [...this.#sentences, `and ${more} more`]
    throw new CommandFailure(EXIT.data, [...lines, 'Nothing was imported.'].join('\n'))
  }
}

const COLUMNS = ['number', 'password', 'name'] as const
const HEADER = COLUMNS.join(',')

/** Named, as csv-parse otherwise takes that of the first line for all: files are pasted together. */
const LINE_ENDS = ['\r\n', '\n', '\r']

/** With `info` each record comes with where it was found; the types of csv-parse do not follow that option. */
const RECORDS = v.array(v.object({ record: v.array(v.string()), info: v.object({ lines: v.number() }) }))
type FoundRecord = v.InferOutput<typeof RECORDS>[number]

/** Throws CommandFailure that names every bad line. */
export function readRows(text: string): ImportRow[] {
  const [header, ...records] = readRecords(text)
  const names = header?.record.map((name) => name.trim().toLowerCase()) ?? []
  if (names.join(',') !== HEADER) {
    throw new CommandFailure(
      EXIT.data,
      `line 1: the header is ${JSON.stringify(names.join(','))}; it must be ${HEADER}`,
    )
  }
  const problems = new LineProblems()
  const firstLines = new Map<string, number>()
  const rows: ImportRow[] = []
  for (const found of records) {
    const row = readRow(found, problems)
    if (row === null) continue
    const first = firstLines.get(row.number)
    if (first !== undefined) problems.add(row.line, `number ${row.number} is in line ${first} too`)
    firstLines.set(row.number, first ?? row.line)
    rows.push(row)
  }
  problems.check()
  return rows
}

function readRecords(text: string): readonly FoundRecord[] {
  try {
    return v.parse(
      RECORDS,
      parse(text, {
        bom: true,
        info: true,
        relax_column_count: true,
        skip_empty_lines: true,
        record_delimiter: LINE_ENDS,
      }),
    )
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new CommandFailure(EXIT.data, `The file is not CSV: ${error.message}\nNothing was imported.`)
  }
}

/** null when something is wrong with it, which is then among the problems. */
function readRow({ record, info }: FoundRecord, problems: LineProblems): ImportRow | null {
  const line = info.lines
  if (record.length !== COLUMNS.length) {
    problems.add(line, `has ${record.length} fields; it must have ${COLUMNS.length}: ${HEADER}`)
    return null
  }
  const [number = '', password = '', name = ''] = record
  const row = { line, number: number.trim(), password, name: name.trim() }
  const found = [
    problemOf(`number ${JSON.stringify(row.number)}`, nameProblem(row.number)),
    problemOf('the password', passwordProblem(row.password)),
    problemOf('the name', displayNameProblem(row.name)),
  ].filter((problem) => problem !== null)
  for (const problem of found) problems.add(line, problem)
  return found.length === 0 ? row : null
}

function problemOf(what: string, problem: string | null): string | null {
  return problem === null ? null : `${what} ${problem}`
}
