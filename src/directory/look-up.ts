// A request that has to wait for a record: it goes on when that is here, and hears 503 when it can't be had.

import { type ExtensionRecord, StoreUnavailable } from '../store/store.ts'
import type { Exchange, Verdict } from '../ua/uas.ts'
import type { Account } from './account.ts'
import type { Directory } from './directory.ts'

export interface LookUpParts {
  readonly directory: Directory
  /** A request had to wait until this record was looked up. */
  onWaited(extension: ExtensionRecord | null): void
}

/** Seconds that a sender is told to wait when a record can't be looked up now. */
const LOOKUP_RETRY_s = 10

/** `then` is asked for the verdict, unless the request has been answered meanwhile (it was cancelled). */
export async function lookUp(
  exchange: Exchange,
  { domain, name }: Account,
  parts: LookUpParts,
  then: (extension: ExtensionRecord | null) => Verdict,
): Promise<Verdict> {
  let found: ExtensionRecord | null
  try {
    found = await parts.directory.find(domain.name, name)
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error
    exchange.answer(503, `the record can't be looked up: ${error.message}`, {
      headers: `Retry-After: ${LOOKUP_RETRY_s}\r\n`,
    })
    return 'done'
  }
  parts.onWaited(found)
  return exchange.transaction.answered ? 'done' : then(found)
}
