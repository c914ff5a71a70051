import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  bootSettings,
  type MysqlLocation,
  parseDatabaseUrl,
  parseListen,
  SettingProblem,
} from '../src/config.ts'
import { makeFolder, removeFolder } from './support/folder.ts'

function problemOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof SettingProblem) return error.message
    throw error
  }
  return ''
}

describe('listening addresses', () => {
  test('are read in order, IPv6 in brackets, any port', () => {
    expect(parseListen('udp://0.0.0.0:5060, tcp://[::]:5060,udp://127.0.0.1:0')).toEqual([
      { transport: 'udp', host: '0.0.0.0', port: 5060 },
      { transport: 'tcp', host: '::', port: 5060 },
      { transport: 'udp', host: '127.0.0.1', port: 0 },
    ])
  })

  const refused: readonly (readonly [string, string])[] = [
    ['', 'write addresses as'],
    ['0.0.0.0:5060', 'write addresses as'],
    ['udp://0.0.0.0', 'numeric address and a port'],
    ['udp://localhost:5060', 'numeric address'],
    ['udp://::1:5060', 'numeric address'],
    ['udp://[127.0.0.1]:5060', 'numeric address'],
    ['udp://0.0.0.0:65536', 'numeric address and a port'],
    ['sctp://0.0.0.0:5060', 'write addresses as'],
    ['udp://0.0.0.0:5060,', 'write addresses as'],
    ['udp://0.0.0.0:5060,udp://0.0.0.0:5060', 'twice'],
    ['tls://0.0.0.0:5061', 'tls is not built yet'],
    ['ws://0.0.0.0:80', 'ws is not built yet'],
    ['wss://0.0.0.0:443', 'wss is not built yet'],
  ]
  for (const [text, why] of refused) {
    test(`refuse ${JSON.stringify(text)}`, () => {
      expect(problemOf(() => parseListen(text))).toContain(why)
    })
  }
})

describe('the database', () => {
  test('is a path to an SQLite file', () => {
    expect(parseDatabaseUrl('sqlite:./data/x.db')).toEqual({ kind: 'sqlite', path: './data/x.db' })
  })

  const MYSQL = {
    kind: 'mysql',
    host: 'db.example.com',
    port: 3306,
    socket: '',
    user: 'sip',
    password: 'geheim',
    database: 'phones',
    tls: 'off',
    ca: '',
  } as const
  const urls: readonly (readonly [string, Partial<MysqlLocation>])[] = [
    ['mysql://sip:geheim@db.example.com/phones', {}],
    ['mysql://sip:geheim@db.example.com:3307/phones', { port: 3307 }],
    ['mysql://sip@db.example.com/phones', { password: '' }],
    ['mysql://s%40p:%23%2F%3A%3F%25%C3%A4@db.example.com/phones', { user: 's@p', password: '#/:?%ä' }],
    ['mysql://sip:geheim@[2001:db8::1]:3306/phones', { host: '2001:db8::1' }],
    ['mysql://sip:geheim@db.example.com/phones?tls=required', { tls: 'required' }],
    [
      'mysql://sip:geheim@db.example.com/phones?tls=verify&ca=/etc/ca.pem',
      { tls: 'verify', ca: '/etc/ca.pem' },
    ],
    ['mysql://sip:geheim@db.example.com/phones?socket=%2Frun%2Fmysqld.sock', { socket: '/run/mysqld.sock' }],
  ]
  test.each(urls)('is a MySQL server: %s', (url, changed) => {
    expect(parseDatabaseUrl(url)).toEqual({ ...MYSQL, ...changed })
  })

  const refused: readonly (readonly [string, string])[] = [
    ['', 'write sqlite:PATH'],
    ['sqlite:', 'write sqlite:PATH'],
    ['sqlite::memory:', 'write sqlite:PATH'],
    ['data.db', 'write sqlite:PATH'],
    ['postgres://sip:geheim@db/phones', 'write sqlite:PATH'],
    ['mysql:phones', 'is no URL'],
    ['mysql://sip:geheim/1@db/phones', 'is no URL'],
    ['mysql://sip:geheim@db:70000/phones', 'is no URL'],
    ['mysql://sip:geheim@db:0/phones', 'port 0'],
    ['mysql://sip:geheim#1@db/phones', '%23'],
    ['mysql://sip:geheim 1@db/phones', '%20'],
    ['mysql://sip:geheim%1@db/phones', '%25'],
    ['mysql://db/phones', 'names no user'],
    ['mysql://sip:geheim@db', 'names no database'],
    ['mysql://sip:geheim@db/', 'names no database'],
    ['mysql://sip:geheim@db/a/b', 'names no database'],
    ['mysql://sip:geheim@db/a`b', 'names no database'],
    ['mysql://sip:geheim@d%20b/phones', 'names no host'],
    ['mysql://sip:geheim@db/phones?ssl=true', 'none of tls, ca, socket'],
    ['mysql://sip:geheim@db/phones?tls=on', 'none of off, required, verify'],
    ['mysql://sip:geheim@db/phones?tls=off&tls=verify', 'twice'],
    ['mysql://sip:geheim@db/phones?tls=', 'without a value'],
    ['mysql://sip:geheim@db/phones?tls=required&ca=a', 'tls=verify only'],
    ['mysql://sip:geheim@db/phones?tls=required&socket=/s', 'leave one of them out'],
  ]
  test.each(refused)('is refused without its password: %s', (url, why) => {
    const problem = problemOf(() => parseDatabaseUrl(url))
    expect(problem).toContain(why)
    expect(problem).not.toContain('geheim')
  })
})

describe('boot settings', () => {
  const withFile = <Result>(text: string, work: (path: string) => Result): Result => {
    const folder = makeFolder('config')
    try {
      const path = join(folder, 'own.toml')
      writeFileSync(path, text)
      return work(path)
    } finally {
      removeFolder(folder)
    }
  }

  test('have defaults', () => {
    const settings = bootSettings({ environment: {}, flags: {} })
    expect(settings).toMatchObject({
      database: 'sqlite:./data/sipwitches.db',
      http: { host: '127.0.0.1', port: 8080 },
      data: './data',
      log: 'info',
    })
    expect(settings.listen).toHaveLength(2)
    expect(settings.domain).not.toBe('')
  })

  test('of flags beat the environment, which beats the file', () => {
    const text =
      'domain = "file.example"\nlog = "debug"\ndata = "file"\nlisten = ["udp://127.0.0.1:0", "tcp://127.0.0.1:0"]\n'
    const settings = withFile(text, (file) =>
      bootSettings({
        file,
        environment: { SIPWITCHES_LOG: 'warn', SIPWITCHES_DATA: 'environment', SIPWITCHES_DOMAIN: '' },
        flags: { log: 'error', data: undefined },
      }),
    )
    expect(settings).toMatchObject({ domain: 'file.example', data: 'environment', log: 'error' })
    expect(settings.listen.map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
  })

  test('that are wrong are all named, each as its source calls it', () => {
    const problem = withFile('colour = "blue"\nhttp = 8080\n', (file) =>
      problemOf(() =>
        bootSettings({ file, environment: { SIPWITCHES_LOG: 'loud' }, flags: { domain: 'a b' } }),
      ),
    )
    expect(problem.split('\n').toSorted()).toEqual([
      '--domain is "a b"; write a host name or an address, as example.com.',
      'SIPWITCHES_LOG is none of trace, debug, info, warn, error, fatal, silent.',
      expect.stringMatching(/^colour in .*own\.toml is no setting; there are database, listen,/),
      expect.stringMatching(/^http in .*own\.toml is not a text\.$/),
    ])
  })

  test('from a file that is not there, or no TOML, are refused', () => {
    expect(problemOf(() => bootSettings({ file: 'nothing.toml', environment: {}, flags: {} }))).toContain(
      'nothing.toml',
    )
    const problem = withFile('= 1', (file) =>
      problemOf(() => bootSettings({ file, environment: {}, flags: {} })),
    )
    expect(problem).toContain('is not TOML')
  })
})
