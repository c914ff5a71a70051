import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { storeContract } from './contract.ts'

storeContract('sqlite', async () => {
  const folder = makeFolder('store')
  const path = join(folder, 'sipwitches.db')
  /** Opened when it is first used: the store is to make the file. Foreign keys stay off, as sqlite3 leaves them. */
  let foreign: Database | null = null
  const connection = () => {
    foreign ??= new Database(path, { create: false, readwrite: true })
    foreign.run('PRAGMA busy_timeout = 5000')
    return foreign
  }
  return {
    url: `sqlite:${path}`,
    async execute(sql) {
      if (sql.startsWith('SELECT')) return connection().query(sql).values()
      connection().run(`BEGIN; ${sql}; COMMIT`)
      return []
    },
    async rows(sql) {
      return connection().query<Record<string, unknown>, []>(sql).all()
    },
    async lock() {
      connection().run('BEGIN IMMEDIATE')
      return async () => {
        connection().run('ROLLBACK')
      }
    },
    async remove() {
      foreign?.close()
      removeFolder(folder)
    },
  }
})
