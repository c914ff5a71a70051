// import FILE.csv

import { readFile, stat } from 'node:fs/promises'
import { SystemClock } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { OwnedCredential, Provisioning } from '../store/provisioning.ts'
import type { DomainRecord } from '../store/store.ts'
import { addAccount, credentialsOf, domainToFill, loginTaken, withProvisioning } from './account.ts'
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
      const imported = await provisioning.transaction(async () => {
        const domain = await domainToFill(provisioning, call)
        const work = () => importRows(provisioning, domain, rows, call)
        // Of so many marks a running server reads none, and takes all records for changed.
        return rows.length > LIMITS.storeJournalRead_rows ? provisioning.bulk(work) : work()
      })
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
  const as = (what: 'number' | 'login') => batch.filter(({ number }) => taken.get(number) === what)
  for (const row of as('login')) await importLogin(job, row, problems)
  if (job.update) await updateRows(job, as('number'), problems)
  else {
    for (const { line, number } of as('number'))
      problems.add(line, `extension ${number} exists already; --update changes it`)
  }
}

/** A new number with whose name somebody logs in already. */
async function importLogin(job: Job, row: ImportRow, problems: LineProblems): Promise<void> {
  const { number, password, name } = row
  const account = { number, user: number, displayName: name, password, maxBindings: null }
  try {
    await addAccount(job.provisioning, job.domain, account)
    job.added++
  } catch (error) {
    // The other lines are looked at as well, so that all that is wrong is told at once; then nothing is committed.
    if (!(error instanceof CommandFailure)) throw error
    problems.add(row.line, error.message)
  }
}

/** Numbers that are there already. */
async function updateRows(job: Job, rows: readonly ImportRow[], problems: LineProblems): Promise<void> {
  const { provisioning, domain } = job
  const owners = await provisioning.owners(
    domain,
    rows.map(({ number }) => number),
  )
  const names = new Map<number, string>()
  const credentials: OwnedCredential[] = []
  for (const { number, password, name } of rows) {
    const owner = owners.get(number)
    if (owner === undefined) throw new CommandFailure(EXIT.data, `Extension ${number} was removed meanwhile.`)
    names.set(owner.extensionId, name)
    for (const login of new Set([number, owner.user])) {
      const made = credentialsOf(login, domain.realm, password)
      credentials.push(...made.map((credential) => ({ ...credential, userId: owner.userId })))
    }
  }
  await provisioning.renameExtensions(names)
  const taken = await provisioning.setCredentials(domain.realm, credentials)
  for (const { line, number } of rows) {
    const login = [number, owners.get(number)?.user ?? ''].find((one) => taken.has(one))
    if (login !== undefined) problems.add(line, loginTaken(login))
  }
  job.updated += rows.length
}
