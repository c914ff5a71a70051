import { expect, test } from 'bun:test'
import { version as released } from '../../package.json'
import { readCall } from '../../src/cli/command.ts'
import { version } from '../../src/cli/version.ts'
import { SCHEMA_VERSION } from '../../src/store/migration.ts'

async function run(...words: string[]): Promise<string[]> {
  const lines: string[] = []
  const output = {
    line: (text: string) => lines.push(text),
    note: (text: string) => lines.push(`note: ${text}`),
    progress: (text: string) => lines.push(`progress: ${text}`),
  }
  expect(await version.run(readCall(version, words, output))).toBe(0)
  return lines
}

test('says the version, the commit, Bun and the schema', async () => {
  const [first, second, ...more] = await run()
  expect(first).toStartWith(`sipwitches ${released} (`)
  expect(first).toMatch(/\((?:[0-9a-f]{12}|unknown)\)$/)
  expect(second).toBe(`Bun ${Bun.version}, schema version ${SCHEMA_VERSION}`)
  expect(more).toEqual([])
})

test('says the same in JSON', async () => {
  expect(JSON.parse((await run('--json')).join(''))).toEqual({
    program: 'sipwitches',
    version: released,
    commit: expect.stringMatching(/^(?:[0-9a-f]{12}|unknown)$/),
    bun: Bun.version,
    schema: SCHEMA_VERSION,
  })
})

test('takes no arguments', () => {
  expect(() => readCall(version, ['more'], { line: () => {}, note: () => {}, progress: () => {} })).toThrow(
    'usage: sipwitches version',
  )
})
