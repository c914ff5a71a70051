import { Database } from 'bun:sqlite'
import { afterAll, beforeAll } from 'bun:test'
import { join } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { MariaDb } from '../support/mariadb.ts'
import { provisioningContract } from './provisioning-contract.ts'

let server: MariaDb
let databases = 0

beforeAll(async () => {
  server = await MariaDb.start()
}, 120_000)
afterAll(() => server.close(), 120_000)

provisioningContract('sqlite', async () => {
  const folder = makeFolder('provisioning')
  const path = join(folder, 'sipwitches.db')
  return {
    url: `sqlite:${path}`,
    // As sqlite3 leaves them.
    withoutForeignKeys: '',
    async execute(sql) {
      const database = new Database(path, { create: false, readwrite: true })
      database.run('PRAGMA busy_timeout = 5000')
      try {
        if (sql.startsWith('SELECT')) {
          return database
            .query(sql)
            .values()
            .map((values) => values.join('\t'))
        }
        database.run(sql)
        return []
      } finally {
        database.close()
      }
    },
    async remove() {
      removeFolder(folder)
    },
  }
})

provisioningContract('mysql', async () => {
  const name = `provisioning${databases++}`
  await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
  return {
    url: server.urlOf(name),
    withoutForeignKeys: 'SET foreign_key_checks = 0;',
    execute: (sql) => server.admin(`SET sql_mode = concat(@@sql_mode, ',ANSI_QUOTES'); ${sql}`, name),
    async remove() {
      await server.admin(`DROP DATABASE ${name}`)
    },
  }
})
