// What the commands do with the database: people and numbers. Plain steps; a command makes one transaction of them.

import type { RowProblem } from './problems.ts'
import type { Algorithm, CredentialRecord, DomainRecord } from './store.ts'

export type UserStatus = 'active' | 'suspended'

export interface UserDetail {
  readonly id: number
  readonly name: string
  readonly displayName: string
  readonly status: UserStatus
  /** How many extensions it owns, in all domains. */
  readonly extensionCount: number
}

export interface ExtensionDetail {
  readonly id: number
  readonly number: string
  readonly domain: string
  readonly displayName: string
  readonly maxBindings: number | null
  readonly userId: number
  readonly user: string
  readonly status: UserStatus
  /** Contacts registered and not expired. */
  readonly contacts: number
  readonly createdAt: string
  readonly updatedAt: string
}

/** What a phone may prove itself with, without the secret. */
export interface CredentialName {
  readonly username: string
  readonly realm: string
  readonly algorithm: Algorithm
}

export interface ListedBinding {
  readonly number: string
  readonly domain: string
  readonly contact: string
  readonly source: string
  readonly userAgent: string
  readonly registeredAt: string
  readonly expiresAt: string
  readonly expiresIn_s: number
}

export interface NewExtension {
  readonly domainId: number
  readonly number: string
  readonly userId: number
  readonly displayName: string
  readonly maxBindings: number | null
}

/** A number with a user of the same name, and how its phones log in. */
export interface FreshAccount {
  readonly number: string
  readonly displayName: string
  readonly credentials: readonly CredentialRecord[]
}

/** Who has a number. */
export interface Owner {
  readonly extensionId: number
  readonly userId: number
  readonly user: string
}

export interface OwnedCredential extends CredentialRecord {
  readonly userId: number
}

export interface ExtensionChange {
  readonly displayName?: string | undefined
  readonly maxBindings?: number | null | undefined
}

/** Fails with DatabaseProblem only. */
export interface Provisioning {
  /** All or nothing. Others wait meanwhile, so no question to a person belongs in it. */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>
  domains(): Promise<readonly DomainRecord[]>
  /** Very many rows, within a transaction: whoever follows the journal takes all records for changed. */
  bulk<Result>(work: () => Promise<Result>): Promise<Result>
  /** The first one becomes the default. */
  addDomain(name: string, realm: string): Promise<DomainRecord>
  findUser(name: string): Promise<UserDetail | null>
  addUser(name: string, displayName: string): Promise<number>
  setUserStatus(userId: number, status: UserStatus): Promise<void>
  setUserDisplayName(userId: number, displayName: string): Promise<void>
  /** With its credentials. */
  removeUser(userId: number): Promise<void>
  findExtension(domainId: number, number: string): Promise<ExtensionDetail | null>
  listExtensions(): Promise<readonly ExtensionDetail[]>
  addExtension(extension: NewExtension): Promise<number>
  /** Those of the names that are there: as a number of the domain, or else as a user's or a digest user name. */
  takenNames(domain: DomainRecord, names: readonly string[]): Promise<ReadonlyMap<string, 'number' | 'login'>>
  /** Many at once, none of whose names is taken. */
  addFreshAccounts(domain: DomainRecord, accounts: readonly FreshAccount[]): Promise<void>
  /** By number, of those that are there. */
  owners(domain: DomainRecord, numbers: readonly string[]): Promise<ReadonlyMap<string, Owner>>
  /** Display names by the extension's id. */
  renameExtensions(names: ReadonlyMap<number, string>): Promise<void>
  /** All of one realm. Answers with the digest user names that are another user's: those are left as they are. */
  setCredentials(realm: string, credentials: readonly OwnedCredential[]): Promise<ReadonlySet<string>>
  changeExtension(extensionId: number, change: ExtensionChange): Promise<void>
  /** With its bindings and devices. */
  removeExtension(extensionId: number): Promise<void>
  listCredentials(userId: number): Promise<readonly CredentialName[]>
  /** False when another user has this digest user name in this realm; then nothing is changed. */
  setCredential(userId: number, credential: CredentialRecord): Promise<boolean>
  removeCredentials(userId: number, username: string, realm: string): Promise<void>
  /** Those not expired; of one number, or of all. */
  listBindings(number: string | null): Promise<readonly ListedBinding[]>
  settings(): Promise<ReadonlyMap<string, string>>
  /** Rows that make no sense, as the running server writes them down in `config_problem`. */
  findProblems(): Promise<readonly RowProblem[]>
  condition(): Promise<DatabaseCondition>
  close(): Promise<void>
}

export interface DatabaseCondition {
  /** The program that serves it, with its version. */
  readonly server: string
  /** What is not as it should be and yet works, and how to mend it. */
  readonly warnings: readonly string[]
  readonly schemaVersion: number
  readonly extensionCount: number
}
