// A number with its user and credentials: what `extension add`, `import` and the first start have in common.

import { computeHa1 } from '../auth/digest.ts'
import { openProvisioning } from '../store/open-provisioning.ts'
import type { ExtensionDetail, Provisioning } from '../store/provisioning.ts'
import type { Algorithm, CredentialRecord, DomainRecord } from '../store/store.ts'
import type { Call } from './command.ts'
import { CommandFailure, EXIT } from './exit.ts'

export interface NewAccount {
  readonly number: string
  /** The user who owns it; made when there is none of that name. */
  readonly user: string
  readonly displayName: string
  readonly password: string
  readonly maxBindings: number | null
}

/** All of them, so that the setting auth_algorithms can be changed without asking for passwords again. */
const ALGORITHMS: readonly Algorithm[] = ['MD5', 'SHA-256', 'SHA-512-256']

/** As the schema has it: what can be dialled as the user part of a SIP URI without escaping, and `#`. */
const NAME = /^[0-9A-Za-z*#+._-]{1,64}$/

/** Opens the database of a command, and closes it whatever happens. */
export async function withProvisioning<Result>(
  call: Call,
  options: { readonly create: boolean },
  work: (provisioning: Provisioning) => Promise<Result>,
): Promise<Result> {
  const provisioning = await openProvisioning(call.settings().database, options)
  try {
    return await work(provisioning)
  } finally {
    await provisioning.close()
  }
}

/** What is wrong with a number or user name, as the end of a sentence. */
export function nameProblem(name: string): string | null {
  return NAME.test(name) ? null : 'may have 1 to 64 of the characters 0-9 A-Z a-z * # + . _ -'
}

export function checkName(what: 'number' | 'user name', name: string): void {
  const problem = nameProblem(name)
  if (problem !== null)
    throw new CommandFailure(EXIT.usage, `The ${what} ${JSON.stringify(name)} ${problem}.`)
}

const DISPLAY_NAME_CHARACTERS_MAX = 128

/** What is wrong with a name for people, as the end of a sentence. */
export function displayNameProblem(name: string): string | null {
  if (name.length > DISPLAY_NAME_CHARACTERS_MAX)
    return `is longer than ${DISPLAY_NAME_CHARACTERS_MAX} characters`
  return /[\u0000-\u001f\u007f]/.test(name) ? 'has control characters' : null
}

/** The domain named, or the default one. */
export async function pickDomain(
  provisioning: Provisioning,
  name: string | undefined,
): Promise<DomainRecord> {
  const domains = await provisioning.domains()
  const picked =
    name === undefined
      ? (domains.find((domain) => domain.isDefault) ?? domains[0])
      : domains.find((domain) => domain.name === name.toLowerCase())
  if (picked !== undefined) return picked
  if (name === undefined) {
    throw new CommandFailure(EXIT.unavailable, 'The database has no domain. `sipwitches start` makes one.')
  }
  const names = domains.map((domain) => domain.name).join(', ')
  throw new CommandFailure(EXIT.data, `There is no domain ${JSON.stringify(name)}; there are: ${names}.`)
}

/** The domain for new numbers. A database that was never started has none yet: it is made as the first start would. */
export async function domainToFill(provisioning: Provisioning, call: Call): Promise<DomainRecord> {
  const domains = await provisioning.domains()
  if (domains.length > 0) return pickDomain(provisioning, call.text('domain'))
  const { domain } = call.settings()
  return provisioning.addDomain(domain, domain)
}

export async function requireExtension(
  provisioning: Provisioning,
  domain: DomainRecord,
  number: string,
): Promise<ExtensionDetail> {
  const extension = await provisioning.findExtension(domain.id, number)
  if (extension === null) {
    throw new CommandFailure(EXIT.data, `There is no extension ${number} in ${domain.name}.`)
  }
  return extension
}

/** To be called in a transaction: a failure in the middle leaves parts behind. */
export async function addAccount(
  provisioning: Provisioning,
  domain: DomainRecord,
  account: NewAccount,
): Promise<void> {
  const { number, displayName, maxBindings } = account
  if ((await provisioning.findExtension(domain.id, number)) !== null) {
    throw new CommandFailure(EXIT.data, `Extension ${number} exists already in ${domain.name}.`)
  }
  const user = await provisioning.findUser(account.user)
  const userId = user?.id ?? (await provisioning.addUser(account.user, displayName))
  await provisioning.addExtension({ domainId: domain.id, number, userId, displayName, maxBindings })
  // Who had the user before keeps the user's own password: the new one is the new number's.
  const usernames = user === null ? [number, account.user] : [number]
  await setPassword(provisioning, domain, userId, usernames, account.password)
}

/** What a phone of that user name, with this password, may prove itself with. */
export function credentialsOf(username: string, realm: string, password: string): CredentialRecord[] {
  return ALGORITHMS.map((algorithm) => ({
    username,
    realm,
    algorithm,
    ha1: computeHa1(algorithm, username, realm, password),
  }))
}

export function loginTaken(username: string): string {
  return `Another user logs in as ${JSON.stringify(username)} already: choose another number or user.`
}

/** Makes the password that of these digest user names. To be called in a transaction. */
export async function setPassword(
  provisioning: Provisioning,
  domain: DomainRecord,
  userId: number,
  usernames: readonly string[],
  password: string,
): Promise<void> {
  for (const username of new Set(usernames)) {
    for (const credential of credentialsOf(username, domain.realm, password)) {
      if (!(await provisioning.setCredential(userId, credential))) {
        throw new CommandFailure(EXIT.data, loginTaken(username))
      }
    }
  }
}
