import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { type Connection, createConnection } from 'mysql2/promise'
import { computeHa1 } from '../../src/auth/digest.ts'
import { SystemClock } from '../../src/clock.ts'
import { parseDatabaseUrl } from '../../src/config.ts'
import type { Driver } from '../../src/store/driver.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import { documentExample } from '../house/source.ts'
import { MariaDb } from '../support/mariadb.ts'
import { Shell } from './shell.ts'

const SERVER_MS = 120_000

let server: MariaDb
let shell: Shell

beforeAll(async () => {
  server = await MariaDb.start()
}, SERVER_MS)
afterAll(() => server.close(), SERVER_MS)
beforeEach(() => {
  shell = new Shell()
})
afterEach(() => shell.remove())

async function newDatabase(name: string): Promise<string> {
  await server.admin(`CREATE DATABASE ${name}; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1'`)
  return server.urlOf(name)
}

/** As a server does that starts on it. */
async function migrates(url: string): Promise<void> {
  await withDriver(url, async () => {})
}

async function withDriver(url: string, work: (driver: Driver) => Promise<void>): Promise<void> {
  const clock = new SystemClock((error) => {
    throw error
  })
  const driver = await openDriver(parseDatabaseUrl(url), { node: 'main', clock })
  await work(driver).finally(() => driver.close())
  clock.close()
}

/** How the server shows each table, view and trigger, but for who made it. */
async function objects(url: string): Promise<unknown> {
  const connection: Connection = await createConnection({ uri: url, rowsAsArray: true })
  const rows = async (sql: string): Promise<unknown[][]> => {
    const [found] = await connection.query(sql)
    return Array.isArray(found) ? found.map((row) => (Array.isArray(row) ? row : [row])) : []
  }
  const shown: unknown[] = []
  for (const [name] of await rows('SHOW TABLES')) shown.push(await rows(`SHOW CREATE TABLE \`${name}\``))
  shown.push(
    await rows(`SELECT trigger_name, event_manipulation, event_object_table, action_timing, action_statement, sql_mode
      FROM information_schema.triggers WHERE trigger_schema = database() ORDER BY trigger_name`),
    await rows('SELECT name, value, comment FROM setting ORDER BY name'),
    await rows('SELECT version, name FROM schema_migration ORDER BY version'),
  )
  await connection.end()
  return JSON.parse(JSON.stringify(shown).replaceAll(/DEFINER=`\w+`@`[\w.]+`/g, ''))
}

test('the mariadb program makes of it the same database that the server makes', async () => {
  const [hand, own] = [await newDatabase('hand'), await newDatabase('own')]
  const { stdout, stderr, code } = await shell.run(['schema', '--database', hand])
  expect([code, stderr]).toEqual([0, expect.stringContaining('the database is empty')])
  expect(stdout).toStartWith(`-- The schema of SipWitchEs, version ${SCHEMA_VERSION}, for mysql.\n`)
  await server.admin(stdout, 'hand')
  expect((await shell.run(['schema', '--database', hand])).stderr).toContain('has this version')
  await migrates(own)
  expect(await objects(hand)).toEqual(await objects(own))
})

test('prints it also where there is no database yet, and says what to type', async () => {
  const url = server.urlOf('nowhere')
  const { stdout, stderr, code } = await shell.run(['schema', '--database', url])
  expect(code).toBe(0)
  expect(stdout).toContain('CREATE TABLE IF NOT EXISTS extension (')
  expect(stderr).toContain('CREATE DATABASE')
  const answer = await shell.ask(['schema', '--database', url])
  expect(answer).toMatchObject({ dialect: 'mysql', database: { problem: expect.any(String) } })
})

test('the example of docs/schema.md adds an extension with both of its credentials', async () => {
  const url = await newDatabase('example')
  await migrates(url)
  const domain = { name: 'office.example', realm: 'The office' }
  await server.admin(
    `INSERT INTO domain (name, realm, is_default) VALUES ('${domain.name}', '${domain.realm}', 1)`,
    'example',
  )
  await server.admin(documentExample('docs/schema.md', 'sql'), 'example')
  await withDriver(url, async (driver) => {
    const ha1s = (['MD5', 'SHA-256'] as const).map((algorithm) => ({
      username: '103',
      realm: domain.realm,
      algorithm,
      ha1: computeHa1(algorithm, '103', domain.realm, 'open sesame'),
    }))
    expect(await driver.findExtension(domain.name, '103')).toMatchObject({
      displayName: 'Ann Smith',
      userName: '103',
      credentials: ha1s,
    })
  })
})
