import { afterAll, beforeAll } from 'bun:test'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { MariaDb } from '../support/mariadb.ts'
import { storeContract } from './contract.ts'

let server: MariaDb
let databases = 0

beforeAll(async () => {
  server = await MariaDb.start()
}, 120_000)
afterAll(() => server.close(), 120_000)

storeContract('mysql', async () => {
  const name = `store${databases++}`
  await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
  const url = server.urlOf(name)
  /** Another program: in another time zone, with the server's own modes and quotes. */
  const connect = async (): Promise<Connection> => {
    const connection = await createConnection({
      uri: url,
      multipleStatements: true,
      rowsAsArray: true,
      dateStrings: true,
    })
    await connection.query(`SET time_zone = '-03:00'`)
    return connection
  }
  let foreign: Connection | null = null
  return {
    url,
    async execute(sql, client = {}) {
      foreign ??= await connect()
      await foreign.query('SET foreign_key_checks = ?', [client.orphans ? 0 : 1])
      const [rows] = await foreign.query(
        sql.startsWith('SELECT') ? sql : `BEGIN; ${sql.trim().replace(/;$/, '')}; COMMIT`,
      )
      return Array.isArray(rows) ? rows.filter((row) => Array.isArray(row)) : []
    },
    async rows(sql) {
      foreign ??= await connect()
      const [rows] = await foreign.query<RowDataPacket[]>({ sql, rowsAsArray: false })
      return rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([column, value]) => [column, isoTime(value)])),
      )
    },
    async lock() {
      const locking = await connect()
      await locking.query('BEGIN; SELECT id FROM extension FOR UPDATE; SELECT id FROM `call` FOR UPDATE')
      return async () => {
        await locking.query('ROLLBACK')
        await locking.end()
      }
    },
    async remove() {
      // The database goes with its server.
      await foreign?.end()
    },
  }
})

function isoTime(value: unknown): unknown {
  const time = typeof value === 'string' && /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/.test(value)
  return time ? `${value.replace(' ', 'T')}Z` : value
}
