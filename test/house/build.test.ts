import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { ROOT } from './source.ts'

let empty: string

beforeAll(() => {
  empty = mkdtempSync(join(tmpdir(), 'sipwitches-built-'))
})
afterAll(() => rmSync(empty, { recursive: true, force: true }))

test('the build is one program, which knows what it is in an empty folder and leaves nothing there', () => {
  const build = Bun.spawnSync([process.execPath, 'scripts/build.ts'], {
    cwd: ROOT,
    env: { ...process.env, SIPWITCHES_COMMIT: 'abc123' },
  })
  expect(build.stderr.toString()).toBe('')
  expect(build.exitCode).toBe(0)
  const [program = ''] = build.stdout.toString().split('  ')
  expect(program).toStartWith(join(ROOT, 'dist', 'sipwitches-'))
  const run = Bun.spawnSync([program, 'version', '--json'], { cwd: empty, env: {} })
  expect(JSON.parse(run.stdout.toString())).toMatchObject({ version, commit: 'abc123', bun: Bun.version })
  expect(readdirSync(empty)).toEqual([])
}, 60_000)
