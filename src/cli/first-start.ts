// What the first start finds missing in an empty database: a domain, and two extensions to try a call with.

import { openProvisioning } from '../store/open-provisioning.ts'
import type { DomainRecord } from '../store/store.ts'
import { addAccount } from './account.ts'
import { generatePassword } from './password.ts'

export interface CreatedExtension {
  readonly number: string
  readonly password: string
}

export interface PreparedDatabase {
  readonly domain: DomainRecord
  /** With their passwords, which are not known again later; empty unless this was the first start. */
  readonly created: readonly CreatedExtension[]
}

const FIRST_NUMBERS = ['101', '102']

/**
 * Makes the database fit to serve: there, whole, of this schema, with a domain. `domainName` names the domain and realm
 * of an empty one; from then on the database keeps its own. Throws DatabaseProblem.
 */
export async function prepareDatabase(url: string, domainName: string): Promise<PreparedDatabase> {
  const provisioning = await openProvisioning(url, { create: true })
  try {
    return await provisioning.transaction(async () => {
      const domains = await provisioning.domains()
      const domain = domains.find(({ isDefault }) => isDefault) ?? domains[0]
      if (domain !== undefined) return { domain, created: [] }
      const first = await provisioning.addDomain(domainName, domainName)
      const created = FIRST_NUMBERS.map((number) => ({ number, password: generatePassword() }))
      for (const { number, password } of created) {
        await addAccount(provisioning, first, {
          number,
          user: number,
          displayName: '',
          password,
          maxBindings: null,
        })
      }
      return { domain: first, created }
    })
  } finally {
    await provisioning.close()
  }
}
