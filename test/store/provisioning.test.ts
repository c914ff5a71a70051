import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { provisioningContract } from './provisioning-contract.ts'

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
