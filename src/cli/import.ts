// import FILE.csv

import { readFile, stat } from 'node:fs/promises'
import { SystemClock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { Provisioning } from '../store/provisioning.ts'
import type { DomainRecord } from '../store/store.ts'
import {
  addAccount,
  credentialsOf,
  domainToFill,
  requireExtension,
  setPassword,
  withProvisioning,
} from './account.ts'
import type { Call, Command } from './command.ts'
import { type ImportRow, LineProblems, readRows } from './csv.ts'
import { CommandFailure, EXIT } from './exit.ts'
import { Progress } from './progress.ts'

interface Imported {
  readonly added: number
  readonly updated: number
}

/** Sets no timer, so nothing is left of it. */
const CLOCK = new SystemClock((error) => {
  throw error
})

interface Job {
  readonly provisioning: Provisioning
  readonly domain: DomainRecord
  /** Numbers that are there already are changed. */
  readonly update: boolean
  added: number
  updated: number
}

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
  const job = { provisioning, domain, update: call.flag('update'), added: 0, updated: 0 }
  const problems = new LineProblems()
  const progress = new Progress(call, 'lines', rows.length, CLOCK)
  for (let start = 0; start < rows.length; start += LIMITS.importBatch_rows) {
    const batch = rows.slice(start, start + LIMITS.importBatch_rows)
    await importBatch(job, batch, problems)
    progress.reached(start + batch.length)
  }
  problems.check()
  const { added, updated } = job
  return { added, updated }
}

/** Most files are all new numbers: those are written together. */
async function importBatch(job: Job, batch: readonly ImportRow[], problems: LineProblems): Promise<void> {
  const { provisioning, domain } = job
  const taken = await provisioning.takenNames(
    domain,
    batch.map(({ number }) => number),
  )
  const fresh = batch.filter(({ number }) => !taken.has(number))
  await provisioning.addFreshAccounts(
    domain,
    fresh.map(({ number, name, password }) => ({
      number,
      displayName: name,
      credentials: credentialsOf(number, domain.realm, password),
    })),
  )
  job.added += fresh.length
  for (const row of batch) {
    const as = taken.get(row.number)
    if (as === undefined) continue
    try {
      await importTaken(job, row, as)
    } catch (error) {
      // The other lines are looked at as well, so that all that is wrong is told at once; then nothing is committed.
      if (!(error instanceof CommandFailure)) throw error
      problems.add(row.line, error.message)
    }
  }
}

/** A number that is there already, or whose name somebody logs in with. */
async function importTaken(
  job: Job,
  { number, password, name }: ImportRow,
  as: 'number' | 'login',
): Promise<void> {
  const { provisioning, domain } = job
  if (as === 'login') {
    const account = { number, user: number, displayName: name, password, maxBindings: null }
    await addAccount(provisioning, domain, account)
    job.added++
    return
  }
  if (!job.update)
    throw new CommandFailure(EXIT.data, `extension ${number} exists already; --update changes it`)
  const extension = await requireExtension(provisioning, domain, number)
  await provisioning.changeExtension(extension.id, { displayName: name })
  await setPassword(provisioning, domain, extension.userId, [number, extension.user], password)
  job.updated++
}
