import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { Shell } from './shell.ts'

let shell: Shell
beforeEach(() => {
  shell = new Shell()
})
afterEach(() => shell.remove())

describe('the command line', () => {
  test('without a command lists all commands', async () => {
    const help = await shell.run(['--help'])
    expect(help.code).toBe(0)
    for (const { name, summary } of COMMANDS) expect(help.stdout).toMatch(new RegExp(`${name} +${summary}`))
    const bare = await shell.run([])
    expect([bare.code, bare.stdout]).toEqual([64, help.stdout])
  })

  test('of a family lists its commands', async () => {
    const { code, stdout } = await shell.run(['extension', '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('extension remove')
    expect(stdout).not.toContain('registrations')
  })

  test('names the commands when there is none of that name', async () => {
    const unknown = await shell.run(['strat'])
    expect([unknown.code, unknown.stdout]).toEqual([64, ''])
    expect(unknown.stderr).toContain('no command "strat"; there are: start, check,')
    expect((await shell.run(['extension', 'delete'])).stderr).toContain('no command "extension delete"')
  })

  for (const { name, load } of COMMANDS) {
    test(`${name} has help, and is called what the list calls it`, async () => {
      expect((await load()).name).toBe(name)
      const { code, stdout } = await shell.run([...name.split(' '), '--help'])
      expect(code).toBe(0)
      expect(stdout).toContain(`usage: sipwitches ${name}`)
      for (const option of ['--help', '--json', '--database URL']) expect(stdout).toContain(option)
    })
  }

  test('takes settings from a file, then the environment, then flags', async () => {
    await Bun.write(shell.path('own.toml'), 'database = "sqlite:file.db"\n')
    const add = ['extension', 'add', '103', '--config', 'own.toml']
    await shell.ask(add)
    await shell.ask(add, { environment: { SIPWITCHES_DATABASE: 'sqlite:environment.db' } })
    await shell.ask([...add, '--database', 'sqlite:flag.db'], {
      environment: { SIPWITCHES_DATABASE: 'sqlite:environment.db' },
    })
    for (const file of ['file.db', 'environment.db', 'flag.db']) {
      expect(await Bun.file(shell.path(file)).exists()).toBe(true)
    }
  })

  test('ends with 78 when a setting is wrong', async () => {
    const { code, stderr } = await shell.run(['extension', 'list', '--database', 'postgres:x'])
    expect(code).toBe(78)
    expect(stderr).toContain('--database names no database; write sqlite:PATH')
  })
})

describe('registrations', () => {
  test('lists contacts that are not expired, of one number or all', async () => {
    await shell.ask(['extension', 'add', '103'])
    await shell.ask(['extension', 'add', '104'])
    const database = new Database(shell.path('data/sipwitches.db'), { create: false, readwrite: true })
    database.run(`INSERT INTO binding SELECT e.id, value, '<sip:' || number || '@192.0.2.7>', 'id', 1, 1, value, value,
      'Phone 1.0', '', '', 'udp:192.0.2.7:5060', 'udp:192.0.2.1:5060', 0
      FROM extension e, json_each('["2001-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"]')`)
    database.close()
    const all = await shell.run(['registrations'])
    expect(all.code).toBe(0)
    expect(all.stdout.split('\n')).toHaveLength(4)
    expect(all.stdout).toMatch(/103 +<sip:103@192\.0\.2\.7> +udp:192\.0\.2\.7:5060 +Phone 1\.0 +\d+ s/)
    expect(await shell.ask(['registrations', '--number', '104'])).toEqual([
      expect.objectContaining({ number: '104', contact: '<sip:104@192.0.2.7>', userAgent: 'Phone 1.0' }),
    ])
    expect(await shell.ask(['registrations', '--number', '999'])).toEqual([])
  })
})
