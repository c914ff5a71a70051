// The rules of the house, held by a test. Each rule is first shown something that breaks it, so that it can fail.

import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../src/config.ts'
import {
  bans,
  CASTING_FILES,
  casts,
  FILE_LINES,
  FUNCTION_LINES,
  fileName,
  functionLength,
  importOrder,
  LINE_LENGTH,
  size,
  WAITING_TESTS,
} from './house/rule.ts'
import { codeOf, readSource, readSources, type Source } from './house/source.ts'
import { changelogForm, deadExports, deadFiles, deadLimits, importRings, limitNames } from './house/whole.ts'

const CODE = readSources('{src,test,scripts,wasm}/**/*.ts')
const SCRIPTS = readSources(
  'sipwitches',
  'test/run',
  'test/install-programs',
  '.ci/run',
  'scripts/*.sh',
  'docker/*',
)
const SQL = readSources('src/**/*.sql')
const DOCUMENTS = readSources('*.md', 'docs/*.md')

const source = (path: string, text: string): Source => ({ path, text })

describe('the checkout', () => {
  test.each([
    ['imports leftwards', CODE, importOrder],
    ['uses nothing that is banned', [...CODE, ...SCRIPTS, ...SQL, ...DOCUMENTS], bans],
    ['casts only at its edges', CODE, casts],
    ['has lines and files of a size to read', [...CODE, ...SCRIPTS, ...SQL], size],
    ['has functions that fit a screen', CODE, functionLength],
    ['has file names that say something', [...CODE, ...SQL], fileName],
  ] as const)('%s', (_title, sources, rule) => {
    expect(sources.length).toBeGreaterThan(0)
    expect(sources.flatMap((one) => rule(one))).toEqual([])
  })

  test('has no dead file', () => expect(deadFiles(CODE)).toEqual([]))
  test('exports nothing to nobody', () => expect(deadExports(CODE)).toEqual([]))
  test('has no ring of imports', () => expect(importRings(CODE)).toEqual([]))
  test('uses every limit', () => expect(deadLimits(Object.keys(LIMITS), CODE)).toEqual([]))
  test('names every limit with its unit', () => expect(limitNames(Object.keys(LIMITS))).toEqual([]))
  test('has its changelog in form', () => expect(changelogForm(readSource('CHANGELOG.md').text)).toEqual([]))
  test('lists no exception that is not there any more', () => {
    const paths = new Set(CODE.map(({ path }) => path))
    expect(
      [...Object.keys(WAITING_TESTS), ...Object.keys(CASTING_FILES)].filter((path) => !paths.has(path)),
    ).toEqual([])
  })
})

describe('the rule against', () => {
  const upward = "import { a } from '../proxy/fork.ts'"

  test.each([
    ['an upward import', 'src/sip/uri.ts', upward],
    ['an upward import of a type', 'src/sip/uri.ts', "import type { A } from '../proxy/fork.ts'"],
    ['an upward import over lines', 'src/sip/uri.ts', "import {\n  a,\n  b,\n} from '../proxy/fork.ts'"],
    ['an upward export', 'src/sip/uri.ts', "export { a } from '../proxy/fork.ts'"],
    ['an upward import while running', 'src/sip/uri.ts', "const a = await import('../proxy/fork.ts')"],
    ['an import from no layer', 'src/sip/uri.ts', "import { a } from '../extra/a.ts'"],
    ['an import into no layer', 'src/extra/a.ts', "import { a } from '../sip/uri.ts'"],
    ['an import of the server', 'src/api/app.ts', "import { Server } from '../server.ts'"],
    ['an import of main', 'src/cli/start.ts', "import '../main.ts'"],
    ['an import of main by the server', 'src/server.ts', "import './main.ts'"],
    ['what joins the layers', 'src/api/app.ts', "import { a } from '../server-parts.ts'"],
    ['a layer in a root file', 'src/log.ts', "import { a } from './sip/uri.ts'"],
    ["the core's memory", 'src/proxy/fork.ts', "import { memory } from '../sip/core.ts'"],
    ["the core's insides", 'src/sip/uri.ts', "import { isToken } from '../../wasm/char.ts'"],
    ['the host within the core', 'wasm/scan.ts', "import { LIMITS } from '../src/config'"],
  ])('%s', (_what, path, text) => expect(importOrder(source(path, text))).toHaveLength(1))

  test.each([
    ['the own folder', 'src/proxy/proxy.ts', "import { a } from './fork.ts'"],
    ['a layer to the left', 'src/proxy/fork.ts', "import { a } from '../sip/uri.ts'"],
    ['a root file', 'src/sip/uri.ts', "import { LIMITS } from '../config.ts'"],
    [
      'the layout',
      'src/sip/scanner.ts',
      "import { Field } from '../../wasm/layout.ts'\nimport { core } from './core.ts'",
    ],
    ['a package', 'src/sip/uri.ts', "import { Hono } from 'hono'"],
    ['a type in a setting', 'src/config.ts', "import type { Address } from './transport/transport.ts'"],
    ['the place of a worker', 'src/config.ts', "new URL('./store/worker.ts', import.meta.url)"],
    ['everything, by the server', 'src/server.ts', "import { a } from './api/app.ts'"],
    ['the server, by its command', 'src/cli/start.ts', "import { Server } from '../server.ts'"],
    ['anything, by a test', 'test/sip/uri.test.ts', upward.replace('..', '../../src')],
    ['the core, by the core', 'wasm/scan.ts', "import { Field } from './layout'"],
    ['an import in a comment', 'src/sip/uri.ts', `// ${upward}`],
  ])('does not mind %s', (_what, path, text) => expect(importOrder(source(path, text))).toEqual([]))

  test.each([
    ['a timer', 'src/sip/a.ts', 'setTimeout(f, 1)'],
    ['the time', 'src/sip/a.ts', 'const t = Date.now()'],
    ['the time as a Date', 'src/sip/a.ts', 'const t = new Date()'],
    ['the time since the start', 'src/sip/a.ts', 'const t = performance.now()'],
    ['chance', 'src/sip/a.ts', 'Math.random()'],
    ['chance in a test', 'test/a.test.ts', 'Math.random()'],
    ['sleep in a test', 'test/a.test.ts', 'await Bun.sleep(10)'],
    ['the console', 'src/sip/a.ts', "console.log('x')"],
    ['an end of the process', 'src/sip/a.ts', 'process.exit(1)'],
    ['any as a type', 'src/sip/a.ts', 'function f(a: any): void {}'],
    ['any as an argument of a type', 'test/a.test.ts', 'const a: Map<string, any> = b'],
    ['a cast to any', 'scripts/a.ts', 'b as any'],
    ['a silenced type error', 'src/sip/a.ts', `// @ts-${'ignore'}`],
    ['what is left for later', 'docs/a.md', `TO${'DO'}: write`],
    ['a path of one machine', 'src/sip/a.ts', `const a = '/ho${'me'}/me/a'`],
  ])('%s', (_what, path, text) => expect(bans(source(path, text))).toHaveLength(1))

  test.each([
    ['a Date of a given time', 'src/sip/a.ts', 'new Date(at)'],
    ['a banned word in a comment', 'src/sip/a.ts', '// not Date.now() and not any of: any'],
    ['a banned word in a string', 'src/sip/a.ts', "const a = 'Date.now(): any'"],
    ['a timer in the clock', 'src/clock.ts', 'setTimeout(f, 1)'],
    ['the console in a command', 'src/cli/a.ts', "console.log('x')"],
    ['a word with any in it', 'src/sip/a.ts', 'const many: Company = anything'],
    ['a path of the program', 'src/api/a.ts', "routes.get('/v1/home/')"],
  ])('does not mind %s', (_what, path, text) => expect(bans(source(path, text))).toEqual([]))

  test('a cast', () => {
    expect(casts(source('src/sip/a.ts', 'const a = b as unknown as C'))).toHaveLength(2)
    expect(
      casts(
        source('src/sip/a.ts', "import * as v from 'v'\nimport { a as b } from 'v'\nconst c = [] as const"),
      ),
    ).toEqual([])
  })

  test('a long line', () => {
    expect(size(source('a.ts', 'x'.repeat(LINE_LENGTH)))).toEqual([])
    expect(size(source('a.ts', 'x'.repeat(LINE_LENGTH + 1)))).toHaveLength(1)
    expect(size(source('a.ts', `const a = /${'x'.repeat(LINE_LENGTH)}/`))).toEqual([])
  })

  test('a long file', () => {
    expect(size(source('a.ts', 'x\n'.repeat(FILE_LINES)))).toEqual([])
    expect(size(source('a.ts', 'x\n'.repeat(FILE_LINES + 1)))).toHaveLength(1)
  })

  test.each([
    'function f(): void {',
    'export async function f(a: number): Promise<{ b: 1 }> {',
    'const f = (a: number) => {',
    '  async #method<T>(a: T): Promise<void> {',
    '  constructor(a: number) {',
    '  get size(): number {',
    '): void {',
    "test('name', () => {",
  ])('a long function: %s', (first) => {
    const lines = (count: number) => source('a.ts', `${first}\n${'  a()\n'.repeat(count - 2)}}`)
    expect(functionLength(lines(FUNCTION_LINES))).toEqual([])
    expect(functionLength(lines(FUNCTION_LINES + 1))).toHaveLength(1)
  })

  test('a long function does not mind a chapter of tests', () => {
    const chapter = `describe('a', () => {\n${"  test('b', c)\n".repeat(FUNCTION_LINES)}})`
    expect(functionLength(source('a.ts', chapter))).toEqual([])
    expect(
      functionLength(source('a.ts', `test('a', () => {\n${'  b()\n'.repeat(FUNCTION_LINES)}})`)),
    ).toHaveLength(1)
  })

  test.each(['class A {', 'if (a(b)) {', '  } else if (a(b)) {', 'const A = {', 'switch (a(b)) {'])(
    'a long function does not mind: %s',
    (first) =>
      expect(functionLength(source('a.ts', `${first}\n${'  a()\n'.repeat(FUNCTION_LINES)}}`))).toEqual([]),
  )

  test.each([
    'src/sip/utils.ts',
    'src/sip/helper.ts',
    'src/sip/index.ts',
    'src/sip/inviteClient.ts',
    'src/sip/Via.ts',
  ])('the file name %s', (path) => expect(fileName(source(path, ''))).toHaveLength(1))

  test('a dead file', () => {
    const main = source('src/main.ts', "import './a.ts'\nnew URL('./worker.ts', import.meta.url)")
    const others = ['src/a.ts', 'src/worker.ts', 'src/dead.ts'].map((path) => source(path, ''))
    expect(deadFiles([main, ...others, source('test/dead.test.ts', "import '../src/dead.ts'")])).toEqual([
      expect.stringMatching(/^src\/dead\.ts: /),
    ])
  })

  test('a dead export', () => {
    const one = source(
      'src/a.ts',
      'export const used = 1\nexport class Unused {}\nexport interface Shape {}\nconst own = 2',
    )
    expect(deadExports([one, source('src/b.ts', 'used // Unused')])).toEqual([
      expect.stringContaining('Unused'),
    ])
  })

  test('a ring of imports', () => {
    const ring = (kind: string) => [
      source('src/a.ts', "import './b.ts'"),
      source('src/b.ts', `import ${kind}'./a.ts'`),
    ]
    expect(importRings(ring('{ a } from '))).toHaveLength(1)
    expect(importRings(ring('type { A } from '))).toEqual([])
  })

  test('a dead limit', () => {
    const user = source('src/sip/a.ts', 'limits.used_ms + LIMITS.alsoUsed_ms // LIMITS.dead_ms')
    expect(deadLimits(['used_ms', 'alsoUsed_ms', 'dead_ms'], [user])).toEqual([
      expect.stringContaining('dead_ms'),
    ])
  })

  test('a limit without a unit', () => {
    expect(
      limitNames(['streamIdle_ms', 'udpQueue_datagrams', 'branchesPerFork', 'storeWritesPending']),
    ).toEqual([])
    expect(limitNames(['streamIdle', 'idle_minutes'])).toHaveLength(2)
  })

  test('a changelog out of form', () => {
    expect(changelogForm('# Changelog\n\n## Unreleased\n\n- Add a.\n\n## 1.0.0 (2026-01-31)\n')).toEqual([])
    expect(changelogForm('# Changelog\n\n## 1.0.0 (2026-01-31)\n')).toHaveLength(1)
    expect(changelogForm('# Changes\n\n## Unreleased\n\n- add a\n\n## 1.0\n')).toHaveLength(3)
  })
})

test('what is not code is blanked, and the lines keep their numbers', () => {
  const text = "a('b') // c\n/* d\n*/ e(`f\ng`, /[/]'h/)\ni / j / k"
  const code = codeOf(text)
  expect(code.split('\n').map((line) => line.trimEnd().replace(/ +/g, ' '))).toEqual([
    'a( )',
    '',
    ' e(',
    ' , )',
    'i / j / k',
  ])
  expect(code).toHaveLength(text.length)
})
