import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { freePort } from '../support/port.ts'
import { Shell } from './shell.ts'

let shell: Shell
let sip: number
let http: number
beforeEach(async () => {
  shell = new Shell()
  sip = await freePort()
  http = await freePort()
})
afterEach(() => shell.remove())

function check(environment: Readonly<Record<string, string>> = {}, ...words: string[]) {
  return shell.run(['check', ...words], {
    environment: {
      SIPWITCHES_LISTEN: `udp://127.0.0.1:${sip},tcp://127.0.0.1:${sip}`,
      SIPWITCHES_HTTP: `127.0.0.1:${http}`,
      ...environment,
    },
  })
}

function execute(sql: string): void {
  const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
  database.run(sql)
  database.close()
}

describe('check', () => {
  test('finds nothing wrong before the first start', async () => {
    const { code, stdout } = await check()
    expect(stdout).toContain('All is well.')
    expect(stdout).toContain('none at ./data/sipwitches.db yet')
    expect(stdout).toContain(`udp://127.0.0.1:${sip}: free`)
    expect(code).toBe(0)
  })

  test('tells what the database holds', async () => {
    await shell.ask(['extension', 'add', '103'])
    const { code, stdout } = await check()
    expect(stdout).toMatch(/whole and writable, schema version \d+/)
    expect(stdout).toContain('domain: example.com, realm example.com')
    expect(stdout).toContain('extensions: 1')
    expect(code).toBe(0)
  })

  test('names a setting that is wrong and how to write it', async () => {
    const { code, stdout } = await check({ SIPWITCHES_LISTEN: 'udp://sip.example.com:5060' })
    expect(code).toBe(78)
    expect(stdout).toContain('SIPWITCHES_LISTEN')
    expect(stdout).toContain('udp://0.0.0.0:5060,tcp://[::]:5060')
  })

  test('names a live setting that is wrong, and rows whose owner is gone', async () => {
    await shell.ask(['extension', 'add', '103'])
    execute(`UPDATE setting SET value = 'many' WHERE name = 'max_bindings'; DELETE FROM user`)
    const { code, stdout } = await check()
    expect(code).toBe(78)
    expect(stdout).toContain('BAD  setting: max_bindings is "many"')
    expect(stdout).toContain('BAD  extension 103, id 1: Its user 1 is gone')
    expect(stdout.match(/ is gone/g)).toHaveLength(1)
  })

  test('names the rows that make no sense, as they are now, in letters that move no cursor', async () => {
    await shell.ask(['extension', 'add', '103'])
    execute(`DROP TRIGGER credential_update_refused; UPDATE credential SET realm = 'x' || char(27) || '[2J';
      INSERT INTO config_problem (table_name, key, problem) VALUES ('extension', '103', 'mended since')`)
    const { code, stdout } = await check()
    expect(code).toBe(78)
    expect(stdout).toContain(
      'BAD  extension 103@example.com: Its user 103 has no credential in the realm example.com',
    )
    expect(stdout).toContain('BAD  credential 1: No domain has the realm x\\x1b[2J')
    expect(stdout).not.toContain('\x1b')
    expect(stdout).not.toContain('mended since')
  })

  test('names a trigger that is gone', async () => {
    await shell.ask(['extension', 'add', '103'])
    execute('DROP TRIGGER credential_updated')
    const { code, stdout } = await check()
    expect(code).toBe(78)
    expect(stdout).toContain('BAD  database: the trigger credential_updated is missing')
  })

  test('names a damaged database', async () => {
    await Bun.write(shell.path('data/sipwitches.db'), 'no database\n'.repeat(1000))
    const { code, stdout } = await check()
    expect(code).toBe(78)
    expect(stdout).toContain('BAD  database: The database ./data/sipwitches.db is damaged')
  })

  test('names a port that another program holds', async () => {
    const other = await Bun.udpSocket({ hostname: '127.0.0.1', port: sip, socket: { data() {} } })
    const { code, stdout } = await check()
    other.close()
    expect(code).toBe(78)
    expect(stdout).toContain(`BAD  udp://127.0.0.1:${sip}: another program`)
    expect(stdout).toContain(`ss -lnup 'sport = :${sip}'`)
    expect(stdout).toContain(`ok   tcp://127.0.0.1:${sip}: free`)
  })

  test('does not take the running server for another program', async () => {
    const own = await Bun.udpSocket({ hostname: '127.0.0.1', port: sip, socket: { data() {} } })
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: http,
      fetch: () => Response.json({ program: 'sipwitches' }),
    })
    const { code, stdout } = await check()
    own.close()
    await server.stop(true)
    expect(stdout).toContain(`ok   udp://127.0.0.1:${sip}: held by the running server`)
    expect(stdout).toContain(`ok   http://127.0.0.1:${http}: held by the running server`)
    expect(code).toBe(0)
  })

  test('names an address that this machine does not have', async () => {
    const { code, stdout } = await check({ SIPWITCHES_LISTEN: `udp://192.0.2.1:${sip}` })
    expect(code).toBe(78)
    expect(stdout).toContain('no such address')
  })

  test('answers in JSON', async () => {
    const { stdout } = await check({}, '--json', '--listen', 'tcp://127.0.0.1:0')
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      findings: expect.arrayContaining([{ subject: 'tcp://127.0.0.1:0', ok: true, text: 'free' }]),
    })
  })
})
