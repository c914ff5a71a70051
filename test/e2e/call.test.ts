// Calls between SIPp phones through the real server: the proxy of RFC 3261 section 16 as phones see it.

import { beforeAll, expect, test } from 'bun:test'
import { requirePrograms } from '../support/programs.ts'
import { accounts, serving } from '../support/server-process.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'
import { carriesCalls } from './contract.ts'

const TEST_MS = 60_000

beforeAll(requirePrograms, TEST_MS)

carriesCalls((accounts, scene) =>
  serving({ accounts, settings: MD5_ONLY }, async (server) => {
    await scene(server)
    expect(await server.metrics()).toMatch(/^sipwitches_sql_waits_on_call_path_total(\{.*\})? 0$/m)
  }),
)

test.each(['udp', 'tcp'] as const)(
  'nobody answers over %s: 408 for the caller, CANCEL for the phone',
  async (transport) => {
    const [caller, callee] = accounts(1000, 2)
    if (caller === undefined || callee === undefined) throw new Error('two accounts')
    const settings = { ...MD5_ONLY, timer_c_s: '2' }
    await serving({ accounts: [caller, callee], settings }, async (server) => {
      const called = await SippPhones.of(server, transport)
      await called.register([callee])
      const ringing = await called.take('ring', 1)
      const calling = await SippPhones.of(server, transport)
      await calling.call('call-refused', { from: [caller], to: [callee.number], status: '408' })
      await ringing.succeeded()
    })
  },
  TEST_MS,
)
