// The compiled program, one file in an empty folder: everything it needs is inside.

import { beforeAll, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { run } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, serving } from '../support/server-process.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'

const CHECKOUT = resolve(import.meta.dir, '../..')
const BUILD_MS = 60_000
const TEST_MS = 60_000
const CALLS = 20
let binary = ''

beforeAll(async () => {
  await requirePrograms()
  const build = [process.execPath, resolve(CHECKOUT, 'scripts/build.ts')]
  const { code, output } = await run(build, { folder: CHECKOUT, within_ms: BUILD_MS })
  expect({ code, output }).toMatchObject({ code: 0 })
  binary = resolve(CHECKOUT, output.trim().split(/\s/u)[0] ?? '')
}, BUILD_MS)

test(
  'registers phones, connects their calls, and knows them again after kill -9',
  async () => {
    const callers = accounts(1000, CALLS)
    const callees = accounts(2000, CALLS)
    const numbers = callees.map(({ number }) => number)
    await serving({ binary, accounts: [...callers, ...callees], settings: MD5_ONLY }, async (server) => {
      const called = await SippPhones.of(server, 'udp')
      await called.register(callees)
      await server.kill()
      await server.restart()
      const answering = await called.take('answer', CALLS)
      const calling = await SippPhones.of(server, 'udp')
      await calling.call('call', { from: callers, to: numbers })
      const answered = await answering.succeeded()
      expect(answered.log.toSorted()).toEqual(numbers)
    })
  },
  TEST_MS,
)

test(
  'has the SQL of its schema inside',
  async () => {
    const folder = makeFolder('binary')
    const printed = [binary, 'schema', '--dialect', 'sqlite']
    const { code, output } = await run(printed, { folder, within_ms: TEST_MS })
    removeFolder(folder)
    expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('CREATE TABLE extension (') })
  },
  TEST_MS,
)
