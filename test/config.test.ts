import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootSettings, parseDatabaseUrl, parseListen, SettingProblem } from '../src/config.ts'
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

  test('is nothing else yet', () => {
    expect(problemOf(() => parseDatabaseUrl('mysql://u:p@db/x'))).toContain('not built yet')
    for (const url of ['', 'sqlite:', 'sqlite::memory:', 'data.db']) {
      expect(problemOf(() => parseDatabaseUrl(url))).toContain('write sqlite:PATH')
    }
  })

  test('is named without its password when it is refused', () => {
    expect(problemOf(() => parseDatabaseUrl('mysql://user:geheim@db/x'))).not.toContain('geheim')
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
