// Which database the commands work on: the one place of the command line that knows them all.

import { parseDatabaseUrl } from '../config.ts'
import { DatabaseProblem } from './driver.ts'
import type { Provisioning } from './provisioning.ts'
import { SqlProvisioning } from './sql-provisioning.ts'
import { SqliteSession } from './sqlite-session.ts'

/** Connects, checks and migrates. Rejects with DatabaseProblem only. */
export async function openProvisioning(
  url: string,
  options: { readonly create: boolean },
): Promise<Provisioning> {
  const location = parseDatabaseUrl(url)
  switch (location.kind) {
    case 'sqlite':
      return new SqlProvisioning(new SqliteSession(location.path, options))
    case 'mysql':
      throw new DatabaseProblem('unusable', 'MySQL is not built yet.')
  }
}
