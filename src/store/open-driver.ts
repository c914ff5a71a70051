// Which driver serves which database: the one place of the running server that knows them all.

import { type DatabaseLocation, LIMITS } from '../config.ts'
import { DatabaseProblem, type Driver } from './driver.ts'
import { connectMysql } from './mysql-open.ts'
import { SqliteDriver } from './sqlite.ts'

/** Connects, checks and migrates. Rejects with DatabaseProblem only. */
export async function openDriver(location: DatabaseLocation): Promise<Driver> {
  switch (location.kind) {
    case 'sqlite':
      return new SqliteDriver(location.path, LIMITS.storeBusy_ms)
    case 'mysql':
      await (await connectMysql(location)).end()
      throw new DatabaseProblem('unusable', 'MySQL is not built yet.')
  }
}
