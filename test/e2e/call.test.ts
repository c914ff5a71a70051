// Calls between SIPp phones through the real server: the proxy of RFC 3261 section 16 as phones see it.

import { beforeAll, describe, expect, test } from 'bun:test'
import { requirePrograms } from '../support/programs.ts'
import { accounts, serving } from '../support/server-process.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'

const CALLS = 200
const TALK_MS = 100
const RING_MS = 50
const TEST_MS = 60_000

beforeAll(requirePrograms, TEST_MS)

const [caller, callee] = accounts(1000, 2)
if (caller === undefined || callee === undefined) throw new Error('two accounts')
const pair = { accounts: [caller, callee], settings: MD5_ONLY }
const oneCall = { from: [caller], to: [callee.number] }

describe(`${CALLS} calls with 180, 200, ACK and BYE`, () => {
  const ways = [
    ['udp', 'udp'],
    ['tcp', 'tcp'],
    ['udp', 'tcp'],
    ['tcp', 'udp'],
  ] as const
  for (const [from, to] of ways) {
    test(
      `from ${from} to ${to}`,
      async () => {
        const callers = accounts(1000, CALLS)
        const callees = accounts(2000, CALLS)
        await serving({ accounts: [...callers, ...callees], settings: MD5_ONLY }, async (server) => {
          const called = await SippPhones.of(server, to)
          await called.register(callees)
          const answering = await called.take('answer', CALLS, RING_MS)
          const calling = await SippPhones.of(server, from)
          const numbers = callees.map(({ number }) => number)
          await calling.call('call', { from: callers, to: numbers, pause_ms: TALK_MS, perSecond: 100 })
          const answered = await answering.succeeded()
          expect(answered.log.toSorted()).toEqual(numbers)
          expect(await server.metrics()).toMatch(/^sipwitches_sql_waits_on_call_path_total(\{.*\})? 0$/m)
        })
      },
      TEST_MS,
    )
  }
})

for (const transport of ['udp', 'tcp'] as const) {
  describe(`over ${transport}`, () => {
    test(
      'a busy phone: 486',
      async () => {
        await serving(pair, async (server) => {
          const called = await SippPhones.of(server, transport)
          await called.register([callee])
          const busy = await called.take('busy', 1)
          const calling = await SippPhones.of(server, transport)
          await calling.call('call-refused', { ...oneCall, status: '486' })
          await busy.succeeded()
        })
      },
      TEST_MS,
    )

    test(
      'nobody answers: 408 for the caller, CANCEL for the phone',
      async () => {
        const settings = { ...MD5_ONLY, timer_c_s: '2' }
        await serving({ ...pair, settings }, async (server) => {
          const called = await SippPhones.of(server, transport)
          await called.register([callee])
          const ringing = await called.take('ring', 1)
          const calling = await SippPhones.of(server, transport)
          await calling.call('call-refused', { ...oneCall, status: '408' })
          await ringing.succeeded()
        })
      },
      TEST_MS,
    )

    test(
      'the caller gives up: CANCEL for the phone, 487 for the caller',
      async () => {
        await serving(pair, async (server) => {
          const called = await SippPhones.of(server, transport)
          await called.register([callee])
          const ringing = await called.take('ring', 1)
          const calling = await SippPhones.of(server, transport)
          await calling.call('call-cancelled', oneCall)
          const { log } = await ringing.succeeded()
          // The phone must count this one as missed (RFC 3326).
          expect(log.join()).not.toContain('cause=200')
        })
      },
      TEST_MS,
    )

    test(
      'two phones ring, one answers, the other is told so',
      async () => {
        await serving(pair, async (server) => {
          const [desk, mobile] = [
            await SippPhones.of(server, transport),
            await SippPhones.of(server, transport),
          ]
          for (const phone of [desk, mobile]) await phone.register([callee])
          const answering = await desk.take('answer', 1, RING_MS)
          const ringing = await mobile.take('ring', 1)
          const calling = await SippPhones.of(server, transport)
          await calling.call('call', { ...oneCall, pause_ms: TALK_MS })
          await answering.succeeded()
          const { log } = await ringing.succeeded()
          expect(log.join()).toMatch(/^SIP\s*;\s*cause=200\s*;\s*text="Call completed elsewhere"$/)
        })
      },
      TEST_MS,
    )

    test(
      'an unknown number: 404; one without a phone: 480',
      async () => {
        await serving(pair, async (server) => {
          const calling = await SippPhones.of(server, transport)
          await calling.call('call-refused', { from: [caller], to: ['699'], status: '404' })
          await calling.call('call-refused', { ...oneCall, status: '480' })
        })
      },
      TEST_MS,
    )
  })
}
