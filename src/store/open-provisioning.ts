// Which database the commands work on: the one place of the command line that knows them all.

import { parseDatabaseUrl } from '../config.ts'
import { MysqlCommandSession } from './mysql-command-session.ts'
import type { Provisioning } from './provisioning.ts'
import { SqlProvisioning } from './sql-provisioning.ts'
import { SqliteCommandSession } from './sqlite-command-session.ts'

/** Connects, checks and migrates. Rejects with DatabaseProblem only. */
export async function openProvisioning(
  url: string,
  options: { readonly create: boolean },
): Promise<Provisioning> {
  const location = parseDatabaseUrl(url)
  switch (location.kind) {
    case 'sqlite':
      return new SqlProvisioning(new SqliteCommandSession(location.path, options))
    case 'mysql':
      return new SqlProvisioning(await MysqlCommandSession.open(location))
  }
}
