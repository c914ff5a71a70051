// What can be wrong with a MySQL server and the way to it: each is said in one sentence that tells how to mend it, and
// none holds anybody for longer than its limit.

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, parseDatabaseUrl } from '../../src/config.ts'
import { DatabaseProblem, type Driver } from '../../src/store/driver.ts'
import { openDriver } from '../../src/store/open-driver.ts'
import { MariaDb } from '../support/mariadb.ts'
import { freePort } from '../support/port.ts'
import { run } from '../support/program.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, ROWS, save } from './binding.ts'

const START_MS = 120_000
const WAIT_MS = 2000
const RIGHTS =
  'SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, REFERENCES, DROP, CREATE VIEW, SHOW VIEW'

let server: MariaDb
let clock: SystemClock
let accounts = 0

beforeAll(async () => {
  server = await MariaDb.start()
  clock = new SystemClock((error) => {
    throw error
  })
}, START_MS)
afterAll(async () => {
  clock.close()
  await server.close()
}, START_MS)

function open(url: string): Promise<Driver> {
  return openDriver(parseDatabaseUrl(url), { node: 'main', clock })
}

async function problemOf(url: string): Promise<DatabaseProblem> {
  try {
    await (await open(url)).close()
  } catch (error) {
    if (!(error instanceof DatabaseProblem)) throw error
    expect(error.message).not.toContain('geheim')
    return error
  }
  throw new Error('it was opened')
}

/** A new account on a new database; the URL. */
async function account(rights: string): Promise<{ readonly name: string; readonly url: string }> {
  const name = `limited${accounts++}`
  await server.admin(`CREATE DATABASE ${name}; CREATE USER ${name}@'127.0.0.1' IDENTIFIED BY 'geheim'`)
  if (rights !== '') await server.admin(`GRANT ${rights} ON ${name}.* TO ${name}@'127.0.0.1'`)
  return { name, url: server.urlOf(name).replace('sipwitches', name) }
}

describe('it is said how to mend', () => {
  test('a wrong password', async () => {
    const { kind, message } = await problemOf(server.url.replace('geheim', 'falsch'))
    expect(kind).toBe('denied')
    expect(message).toContain(`does not let sipwitches in`)
    expect(message).toContain(`ALTER USER 'sipwitches'@'%' IDENTIFIED BY`)
    expect(message).not.toContain('falsch')
  })

  test('a database that is not there', async () => {
    await server.admin(
      `CREATE USER every@'127.0.0.1' IDENTIFIED BY 'geheim'; GRANT ALL ON *.* TO every@'127.0.0.1'`,
    )
    const { kind, message } = await problemOf(server.urlOf('nowhere').replace('sipwitches', 'every'))
    expect(kind).toBe('missing')
    expect(message).toContain('CREATE DATABASE `nowhere` CHARACTER SET utf8mb4; GRANT SELECT, ')
  })

  test('a database that the account may not use', async () => {
    const { url, name } = await account('')
    const { kind, message } = await problemOf(url)
    expect(kind).toBe('denied')
    expect(message).toContain(`ON \`${name}\`.* TO '${name}'@'%'`)
  })

  const missing = ['SELECT', 'INSERT', 'CREATE', 'CREATE VIEW']
  test.each(missing)('an account without the right to %s', async (right) => {
    const { url, name } = await account(
      RIGHTS.split(', ')
        .filter((one) => one !== right)
        .join(', '),
    )
    const { kind, message } = await problemOf(url)
    expect(kind).toBe('denied')
    expect(message).toContain(
      `GRANT ${RIGHTS.replace('DROP', 'DROP, TRIGGER')} ON \`${name}\`.* TO '${name}'@'%'`,
    )
  })

  test('nobody at that port, at that socket, of that name', async () => {
    const free = await freePort()
    const nobody = await problemOf(server.url.replace(`:${server.port}`, `:${free}`))
    expect(nobody).toMatchObject({
      kind: 'away',
      message: expect.stringContaining(`Nothing listens at 127.0.0.1:${free}`),
    })
    const noSocket = await problemOf(`${server.url}?socket=${server.folder}/none`)
    expect(noSocket).toMatchObject({
      kind: 'away',
      message: expect.stringContaining(`${server.folder}/none`),
    })
    const unknown = await problemOf(server.url.replace('127.0.0.1', 'database.invalid'))
    expect(unknown).toMatchObject({ kind: 'away', message: expect.stringContaining('database.invalid') })
  })

  test('a server without TLS, and a file of an authority that is not there', async () => {
    const plain = await problemOf(`${server.url}?tls=required`)
    expect(plain).toMatchObject({ kind: 'denied', message: expect.stringContaining('offers no TLS') })
    const lost = await problemOf(`${server.url}?tls=verify&ca=${server.folder}/none`)
    expect(lost).toMatchObject({ kind: 'denied', message: expect.stringContaining('Mend its option ca') })
  })
})

test('a unix socket is as good as a port', async () => {
  await server.admin(
    `CREATE USER near@localhost IDENTIFIED BY 'geheim'; GRANT ALL ON sipwitches.* TO near@localhost`,
  )
  const url = server.url.replace('sipwitches', 'near').replace(`127.0.0.1:${server.port}`, 'localhost')
  const driver = await open(`${url}?socket=${server.socket}`)
  expect((await driver.boot()).extensionCount).toBe(0)
  await driver.close()
})

test('a server that does not write each commit to its disk is warned of', async () => {
  await server.admin('SET GLOBAL innodb_flush_log_at_trx_commit = 2')
  const driver = await open(server.url)
  await driver.close()
  await server.admin('SET GLOBAL innodb_flush_log_at_trx_commit = 1')
  expect(driver.warnings).toEqual([expect.stringContaining('innodb_flush_log_at_trx_commit = 1')])
})

test('a server that may only be read is read, and what it does not take is said', async () => {
  const before = await open(server.url)
  await server.admin('SET GLOBAL read_only = 1')
  try {
    const driver = await open(server.url)
    expect((await driver.settings()).size).toBeGreaterThan(5)
    const refusal: unknown = await before.probe().catch((reason: unknown) => reason)
    expect(refusal).toMatchObject({ kind: 'unusable', message: expect.stringContaining('may only be read') })
    await driver.close()
  } finally {
    await server.admin('SET GLOBAL read_only = 0')
  }
  await before.probe()
  await before.close()
})

test('a server without a free connection says so', async () => {
  await server.admin('SET GLOBAL max_connections = 10')
  const others = await Promise.all(Array.from({ length: 10 }, () => createConnection({ uri: server.url })))
  const { kind, message } = await problemOf(server.url)
  for (const other of others) await other.end()
  await server.admin('SET GLOBAL max_connections = 151')
  expect(kind).toBe('away')
  expect(message).toContain('has no connection left')
})

describe('without the right to make triggers', () => {
  test('all works, a warning says so, and changes are heard now and then; the right mends it', async () => {
    const { url, name } = await account(RIGHTS)
    const time = new VirtualClock()
    const driver = await openDriver(parseDatabaseUrl(url), { node: 'main', clock: time })
    expect(driver.warnings).toEqual([
      expect.stringMatching(/act within 10 s .* has no triggers.*GRANT .*TRIGGER/),
    ])
    await driver.startJournal()
    await server.admin(ROWS, name)
    await driver.commit([save(binding(1, 'ann'))])
    expect(await driver.readJournal()).toEqual({ rows: [], whole: true })
    time.advance(LIMITS.storeFingerprint_ms)
    expect(await driver.readJournal()).toEqual({ rows: [], whole: false })
    time.advance(LIMITS.storeFingerprint_ms)
    await driver.commit([{ kind: 'sighting', extensionId: 1, instance: 'x', userAgent: '', seenAt: 0 }])
    await server.admin('DELETE FROM device', name)
    expect(await driver.readJournal()).toEqual({ rows: [], whole: true })
    await server.admin(`UPDATE credential SET ha1 = replace(ha1, 'f', '0') WHERE id = 2`, name)
    time.advance(LIMITS.storeFingerprint_ms)
    expect(await driver.readJournal()).toEqual({ rows: [], whole: false })
    await driver.close()

    await server.admin(`GRANT TRIGGER ON ${name}.* TO ${name}@'127.0.0.1'`)
    const again = await openDriver(parseDatabaseUrl(url), { node: 'main', clock: time })
    expect(again.warnings).toEqual([])
    await again.startJournal()
    await server.admin(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`, name)
    expect((await again.readJournal()).rows).toMatchObject([{ table: 'setting', key: 'max_bindings' }])
    await again.close()
  })
})

describe('a server that was frozen', () => {
  test('fails each call in its time, and an old transaction never comes after a newer one', async () => {
    await server.admin(`CREATE DATABASE frozen;
      GRANT ALL ON frozen.* TO sipwitches@'127.0.0.1'`)
    const driver = await open(server.urlOf('frozen'))
    await server.admin(ROWS, 'frozen')
    const contact = (cseq: number) => save(binding(1, 'ann', { cseq }))
    await driver.commit([contact(1)])
    server.freeze()
    const failures = await Promise.allSettled([
      driver.commit([contact(2)]),
      driver.findExtension('example.com', '103'),
      open(server.urlOf('frozen')),
    ])
    server.thaw()
    expect(failures.map((one) => one.status === 'rejected' && String(one.reason))).toEqual(
      failures.map(() => expect.stringContaining('does not answer in time')),
    )
    // The server now does what it found in its sockets, and we go on at the same time.
    await driver.commit([contact(3)])
    await driver.commit([contact(4)])
    expect((await driver.boot()).bindings.map(({ cseq }) => cseq)).toEqual([4])
    await driver.close()
  }, 30_000)

  test('keeps newer transactions waiting until the old one of the same server has ended', async () => {
    await server.admin(`CREATE DATABASE fenced; GRANT ALL ON fenced.* TO sipwitches@'127.0.0.1'`)
    const driver = await open(server.urlOf('fenced'))
    await server.admin(ROWS, 'fenced')
    await driver.commit([save(binding(1, 'ann', { cseq: 1 }))])
    // As the server would go on with it: the old transaction has its lock and is not at its statement yet.
    const old = await createConnection({ uri: server.urlOf('fenced') })
    await old.query('START TRANSACTION')
    await old.query("SELECT name FROM node WHERE name = 'main' FOR UPDATE")
    const committed = driver.commit([save(binding(1, 'ann', { cseq: 3 }))])
    const late = AbortSignal.timeout(WAIT_MS)
    const waiting = `SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'`
    while ((await server.admin(waiting)).length === 0) late.throwIfAborted()
    await old.query('UPDATE binding SET cseq = 2')
    await old.query('COMMIT')
    await old.end()
    await committed
    expect((await driver.boot()).bindings.map(({ cseq }) => cseq)).toEqual([3])
    await driver.close()
  })

  test('that was killed is used again once it is back, and has what was committed', async () => {
    await server.admin(`CREATE DATABASE killed; GRANT ALL ON killed.* TO sipwitches@'127.0.0.1'`)
    const driver = await open(server.urlOf('killed'))
    await server.admin(ROWS, 'killed')
    await driver.commit([save(binding(1, 'ann'))])
    await driver.startJournal()
    await server.kill()
    const failures = await Promise.allSettled([
      driver.commit([save(binding(3, 'bob'))]),
      driver.readJournal(),
    ])
    expect(failures.map((one) => one.status === 'rejected' && one.reason)).toEqual(
      failures.map(() => expect.objectContaining({ kind: 'away' })),
    )
    await server.restart()
    await server.admin(`UPDATE setting SET value = '7' WHERE name = 'max_bindings'`, 'killed')
    expect((await driver.readJournal()).rows).toMatchObject([{ table: 'setting', key: 'max_bindings' }])
    await driver.commit([save(binding(3, 'bob'))])
    expect((await driver.boot()).bindings.map(({ extensionId }) => extensionId)).toEqual([1, 3])
    await driver.close()
  }, 60_000)
})

describe('a server with TLS', () => {
  /** An authority, and a certificate of its making for 127.0.0.1. */
  async function certificates(): Promise<void> {
    const folder = server.folder
    const commands = [
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -keyout ca.key -out ca.pem',
      'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=db -keyout db.key -out db.csr',
      'x509 -req -in db.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile db.ext -out db.pem',
    ]
    writeFileSync(join(folder, 'db.ext'), 'subjectAltName = IP:127.0.0.1')
    for (const command of commands) {
      const { code, output } = await run(['openssl', ...command.split(' ')], { folder, within_ms: WAIT_MS })
      if (code !== 0) throw new Error(output)
    }
    // Made by us, read by the server's own account.
    chmodSync(join(folder, 'db.key'), 0o644)
  }

  test('is used encrypted, its certificate being checked where that is wanted', async () => {
    await certificates()
    await server.stop()
    await server.restart(`--ssl-cert=${server.folder}/db.pem`, `--ssl-key=${server.folder}/db.key`)
    await server.admin(`CREATE USER secret@'127.0.0.1' IDENTIFIED BY 'geheim' REQUIRE SSL;
      GRANT ALL ON sipwitches.* TO secret@'127.0.0.1'`)
    const url = server.url.replace('sipwitches', 'secret')
    expect(await problemOf(url)).toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('?tls=required'),
    })
    for (const tls of ['tls=required', `tls=verify&ca=${server.folder}/ca.pem`]) {
      const driver = await open(`${url}?${tls}`)
      expect((await driver.settings()).size).toBeGreaterThan(5)
      await driver.close()
    }
    for (const wrong of [
      `${url}?tls=verify`,
      `${url.replace('127.0.0.1', 'localhost')}?tls=verify&ca=${server.folder}/ca.pem`,
    ]) {
      expect(await problemOf(wrong)).toMatchObject({
        kind: 'denied',
        message: expect.stringMatching(/certificate of the database server .* is not accepted/),
      })
    }
  }, 60_000)
})
