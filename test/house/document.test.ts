// What the documents say, beside what the program does.

import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { metricsRoutes } from '../../src/api/metrics.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { bootSettings } from '../../src/config.ts'
import { readSettings, SETTING_DEFAULTS } from '../../src/directory/settings.ts'
import { FakeMeter, FakeMetrics } from '../api/source.ts'
import { ROOT, readSource, readSources } from './source.ts'

/** The cells of each row of the table whose header begins with this cell, without their back quotes. */
function table(path: string, firstHeading: string): string[][] {
  const { text } = readSource(path)
  const [, body = ''] = text.split(`| ${firstHeading} |`)
  return body
    .split(/\n(?!\|)/)[0]!
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    )
}

describe('README.md', () => {
  const { text } = readSource('README.md')

  test('has exactly the two commands', () => {
    const commands = [...text.matchAll(/```\w*\n([\s\S]*?)```/g)].map(([, command]) => command)
    expect(commands).toEqual(['./sipwitches start\n', './test/run\n'])
  })

  test('maps the folders that there are', () => {
    const mapped = table('README.md', 'folder').map(([folder = '']) => folder.replace(/\/$/, ''))
    expect(mapped.filter((folder) => !existsSync(join(ROOT, folder)))).toEqual([])
    const layers = readdirSync(join(ROOT, 'src'))
      .map((name) => `src/${name}`)
      .filter((path) => statSync(join(ROOT, path)).isDirectory())
    expect(layers.filter((folder) => !mapped.includes(folder))).toEqual([])
  })

  test('lists every command', () => {
    const families = new Set(COMMANDS.map(({ name }) => name.split(' ')[0]))
    const listed = table('README.md', 'command').map(([cell = '']) => /\w+/.exec(cell)?.[0])
    expect(new Set(listed)).toEqual(families)
  })
})

test('no link leads to a file that is not there', () => {
  const broken = readSources('*.md', 'docs/*.md').flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)]
      .map(([, target = '']) => join(dirname(path), target))
      .filter((target) => !existsSync(join(ROOT, target))),
  )
  expect(broken).toEqual([])
})

test('docs/operations.md lists exactly the metrics that are served, with their types', async () => {
  const answer = await metricsRoutes(new FakeMetrics(), new FakeMeter()).request('/metrics')
  const served = [...(await answer.text()).matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [
    name,
    type,
  ])
  const listed = table('docs/operations.md', 'name').map(([name, type]) => [name, type])
  expect(listed.toSorted()).toEqual(served.toSorted())
})

describe('docs/configuration.md', () => {
  test('lists exactly the boot settings, with their defaults', () => {
    const defaults = bootSettings({ environment: {}, flags: {} })
    const rows = table('docs/configuration.md', 'environment')
    expect(rows.map(([name]) => name).toSorted()).toEqual(
      Object.keys(defaults)
        .map((name) => `SIPWITCHES_${name.toUpperCase()}`)
        .toSorted(),
    )
    // The domain's default is this machine's name, so it is told in words.
    const listed = rows.filter(([name]) => name !== 'SIPWITCHES_DOMAIN').map(([name, value]) => [name, value])
    expect(bootSettings({ environment: Object.fromEntries(listed), flags: {} })).toEqual(defaults)
  })

  test('lists exactly the live settings, with their defaults', () => {
    const rows = new Map(
      table('docs/configuration.md', 'name').map(([name = '', value = '']) => [name, value]),
    )
    const { values, problems } = readSettings(rows, SETTING_DEFAULTS)
    expect({ values, problems }).toEqual({ values: SETTING_DEFAULTS, problems: [] })
    const [unknown] = readSettings(new Map([['no_such_setting', '1']]), SETTING_DEFAULTS).problems
    const known = unknown?.problem.match(/There are: (.*)\./)?.[1]?.split(', ')
    expect([...rows.keys()].toSorted()).toEqual(known?.toSorted() ?? [])
  })
})
