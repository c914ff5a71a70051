// import FILE.csv

import { readFile, stat } from 'node:fs/promises'
import { LIMITS } from '../config.ts'
import type { Provisioning } from '../store/provisioning.ts'
import type { DomainRecord } from '../store/store.ts'
import { addAccount, domainToFill, setPassword, withProvisioning } from './account.ts'
import type { Call, Command } from './command.ts'
import { type ImportRow, LineProblems, readRows } from './csv.ts'
import { CommandFailure, EXIT } from './exit.ts'

interface Imported {
  added: number
  updated: number
}

/** Imports that take longer than a moment say how far they are. */
const ROWS_PER_NOTE = 2000

export const importCommand: Command = {
  name: 'import',
  arguments: 'FILE.csv',
  argumentsMin: 1,
  argumentsMax: 1,
  summary: 'Adds all numbers of a CSV file, or none when a line of it is wrong.',
  notes: [
    'The first line is number,password,name. Fields may be quoted; the file is UTF-8.',
    'The user of each new number is called as the number.',
  ],
  options: {
    update: { help: 'set password and name of numbers that exist already (otherwise they are refused)' },
    domain: { value: 'NAME', help: 'the domain that the numbers are in (default: the default domain)' },
  },
  async run(call) {
    const rows = readRows(await readText(call.arguments[0] ?? ''))
    return withProvisioning(call, { create: true }, async (provisioning) => {
      const imported = await provisioning.transaction(async () =>
        importRows(provisioning, await domainToFill(provisioning, call), rows, call),
      )
      call.answer(imported, [`${imported.added} added, ${imported.updated} updated.`])
      return EXIT.ok
    })
  },
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > LIMITS.import_bytes) {
      throw new CommandFailure(
        EXIT.data,
        `${path} is larger than ${LIMITS.import_bytes} bytes; import it in parts.`,
      )
    }
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof CommandFailure) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(EXIT.data, `${path} cannot be read (${reason}).`)
  }
}

async function importRows(
  provisioning: Provisioning,
  domain: DomainRecord,
  rows: readonly ImportRow[],
  call: Call,
): Promise<Imported> {
  const imported: Imported = { added: 0, updated: 0 }
  const problems = new LineProblems()
  for (const [index, row] of rows.entries()) {
    try {
      await importRow(provisioning, domain, row, call.flag('update'), imported)
    } catch (error) {
      // The other lines are looked at as well, so that all that is wrong is told at once; then nothing is committed.
      if (!(error instanceof CommandFailure)) throw error
      problems.add(row.line, error.message)
    }
    if ((index + 1) % ROWS_PER_NOTE === 0) call.output.note(`${index + 1} of ${rows.length} lines`)
  }
  problems.check()
  return imported
}

async function importRow(
  provisioning: Provisioning,
  domain: DomainRecord,
  { number, password, name }: ImportRow,
  update: boolean,
  imported: Imported,
): Promise<void> {
  const extension = await provisioning.findExtension(domain.id, number)
  if (extension === null) {
    const account = { number, user: number, displayName: name, password, maxBindings: null }
    await addAccount(provisioning, domain, account)
    imported.added++
    return
  }
  if (!update) throw new CommandFailure(EXIT.data, `extension ${number} exists already; --update changes it`)
  await provisioning.changeExtension(extension.id, { displayName: name })
  await setPassword(provisioning, domain, extension.userId, [number, extension.user], password)
  imported.updated++
}
