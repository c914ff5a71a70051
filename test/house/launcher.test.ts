// ./sipwitches in a checkout of its own, on machines that have only this or that.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './source.ts'

const SHELL_TOOLS = ['sh', 'dirname', 'readlink', 'cmp', 'cp', 'head', 'cat', 'mkdir', 'ln']

let folder: string
let checkout: string
let programs: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'sipwitches-launcher-')))
  checkout = join(folder, 'checkout')
  programs = join(folder, 'bin')
  mkdirSync(join(checkout, 'scripts'), { recursive: true })
  mkdirSync(join(checkout, 'src'))
  mkdirSync(programs)
  for (const file of ['sipwitches', 'package-lock.json', 'scripts/prepare.sh']) {
    cpSync(join(ROOT, file), join(checkout, file))
  }
  writeFileSync(join(checkout, 'scripts/wasm.ts'), '')
  writeFileSync(
    join(checkout, 'src/main.ts'),
    'console.log(JSON.stringify({ folder: process.cwd(), words: process.argv.slice(2) }))',
  )
  for (const tool of SHELL_TOOLS) symlinkSync(Bun.which(tool) ?? tool, join(programs, tool))
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function program(path: string, script: string): void {
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** An npm that notes what it was asked, and installs a Bun that is really this one. */
function giveNpm(
  install = `mkdir -p node_modules/.bin && ln -s '${process.execPath}' node_modules/.bin/bun`,
): void {
  program(join(programs, 'npm'), `echo "npm $*" >>"${folder}/asked"\n${install}`)
}

function asked(): string[] {
  const path = join(folder, 'asked')
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : []
}

function launch(...words: string[]) {
  const run = Bun.spawnSync([join(checkout, 'sipwitches'), ...words], {
    cwd: folder,
    env: { PATH: programs },
  })
  return { code: run.exitCode, out: run.stdout.toString(), err: run.stderr.toString() }
}

describe('with npm alone', () => {
  test('installs once, with one line about it, and runs in the folder of the caller', () => {
    giveNpm()
    const first = launch('extension', 'add', '103', '--name', 'Ann Lee')
    expect(first.err).toBe('sipwitches: installing packages\n')
    expect(JSON.parse(first.out)).toEqual({ folder, words: ['extension', 'add', '103', '--name', 'Ann Lee'] })
    expect(launch()).toEqual({ code: 0, out: `${JSON.stringify({ folder, words: [] })}\n`, err: '' })
    expect(asked()).toHaveLength(1)
    expect(asked()[0]).toContain('--include=dev')
  })

  test('installs again when the lock file is another', () => {
    giveNpm(`mkdir -p node_modules/.bin && ln -sf '${process.execPath}' node_modules/.bin/bun`)
    launch()
    writeFileSync(join(checkout, 'package-lock.json'), '{}')
    expect(launch().code).toBe(0)
    expect(asked()).toHaveLength(2)
  })

  test("runs Bun's install script where npm has held it back", () => {
    giveNpm("mkdir -p node_modules/.bin node_modules/bun; printf '#!/bin/sh\\nexit 1' >node_modules/.bin/bun")
    program(
      join(programs, 'node'),
      `echo "node $*" >>"${folder}/asked"; ln -sf '${process.execPath}' node_modules/.bin/bun`,
    )
    expect(launch().code).toBe(0)
    expect(asked()[1]).toBe('node node_modules/bun/install.js')
  })

  test('says what npm said when it fails, and tries again the next time', () => {
    giveNpm('echo "no network here"; exit 1')
    const { code, out, err } = launch()
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('no network here\nsipwitches: npm ci failed.\n')
    launch()
    expect(asked()).toHaveLength(2)
  })

  test('says so when the core cannot be built', () => {
    giveNpm()
    writeFileSync(join(checkout, 'scripts/wasm.ts'), "console.error('line 7'); process.exit(1)")
    const { code, err } = launch()
    expect(code).toBe(1)
    expect(err).toContain('line 7\nsipwitches: the WASM core could not be built.')
  })
})

test('with Bun alone, installs with it and runs on it', () => {
  program(
    join(programs, 'bun'),
    `case $1 in
      install) echo "bun $*" >>"${folder}/asked"; mkdir -p node_modules ;;
      *) exec '${process.execPath}' "$@" ;;
    esac`,
  )
  expect(launch('version').code).toBe(0)
  expect(asked()).toEqual(['bun install --no-save'])
})

test('with a Bun of another version and no other, says which one to install', () => {
  program(join(programs, 'bun'), 'mkdir -p node_modules; echo 1.3.9')
  const { code, err } = launch()
  expect(code).toBe(1)
  expect(err).toContain('sipwitches: no Bun 1.4 was found')
})

test('with neither, says what to install', () => {
  const { code, out, err } = launch()
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('neither npm nor bun was found.\n  Install Node.js (nodejs.org) or Bun 1.4 (bun.com)')
})

test('is found through a link from elsewhere', () => {
  giveNpm()
  const link = join(folder, 'link')
  symlinkSync(join(checkout, 'sipwitches'), link)
  const run = Bun.spawnSync([link, 'version'], { cwd: folder, env: { PATH: programs } })
  expect(JSON.parse(run.stdout.toString()).words).toEqual(['version'])
})
