// A suite of tests once for each kind of database that a server can use.

import { afterAll, beforeAll, describe } from 'bun:test'
import { MariaDb } from './mariadb.ts'
import { requirePrograms } from './programs.ts'

const START_MS = 180_000

export interface Dialect {
  readonly name: 'sqlite' | 'mysql'
  /** The URL of a new and empty database; undefined is a file in the server's own folder. */
  fresh(): Promise<string | undefined>
}

export function eachDialect(suite: (dialect: Dialect) => void): void {
  describe('on SQLite', () => {
    beforeAll(requirePrograms, START_MS)
    suite({ name: 'sqlite', fresh: async () => undefined })
  })
  describe('on MariaDB', () => {
    let mariadb: MariaDb | null = null
    let made = 0
    beforeAll(async () => {
      requirePrograms()
      mariadb = await MariaDb.start()
    }, START_MS)
    afterAll(async () => await mariadb?.close(), START_MS)
    suite({
      name: 'mysql',
      fresh: async () => {
        if (mariadb === null) throw new Error('MariaDB did not start')
        return await mariadb.create(`site_${++made}`)
      },
    })
  })
}
