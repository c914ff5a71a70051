// Which driver serves which database: the one place of the running server that knows them all.

import type { DatabaseLocation } from '../config.ts'
import type { Driver, DriverOptions } from './driver.ts'
import { MysqlDriver } from './mysql.ts'
import { SqliteDriver } from './sqlite.ts'

/** Connects, checks and migrates. Rejects with DatabaseProblem only. */
export async function openDriver(location: DatabaseLocation, options: DriverOptions): Promise<Driver> {
  switch (location.kind) {
    case 'sqlite':
      return new SqliteDriver(location.path, options)
    case 'mysql':
      return MysqlDriver.open(location, options)
  }
}
