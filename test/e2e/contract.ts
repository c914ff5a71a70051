// What phones may expect of any registrar and proxy: SIPp's cases, for our server (registration.test.ts, call.test.ts)
// and for another that shows whether the cases are right (test/peer).

import { describe, expect, test } from 'bun:test'
import { accounts } from '../support/server-process.ts'
import { SippPhones } from '../support/sipp-phones.ts'
import type { Serve } from '../support/subject.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const PHONES = 1000
const PHONES_PER_SECOND = 400
const CALLS = 200
const CALLS_PER_SECOND = 100
const TALK_MS = 100
const RING_MS = 50
const TEST_MS = 60_000

export function registers(serve: Serve): void {
  for (const transport of ['udp', 'tcp'] as const) {
    test(
      `${PHONES} extensions register over ${transport}, and unregister`,
      async () => {
        const phones = accounts(1000, PHONES)
        const all = phones.map(({ number }) => number)
        await serve(phones, async (subject) => {
          const bank = await SippPhones.of(subject, transport)
          await bank.register(phones, { perSecond: PHONES_PER_SECOND })
          const numbers = await subject.registeredNumbers()
          expect(numbers.toSorted()).toEqual(all)

          await bank.register(phones, { perSecond: PHONES_PER_SECOND, expires: '0' })
          expect(await subject.registeredNumbers()).toEqual([])
        })
      },
      TEST_MS,
    )
  }

  test(
    'a wrong password and an unknown number are refused alike',
    async () => {
      const intruders = ['1000', '9999'].map((number) => ({ number, password: 'not-it' }))
      await serve(accounts(1000, 1), async (subject) => {
        await (await SippPhones.of(subject)).register(intruders, { scenario: 'register-refused' })

        const refusals = []
        for (const intruder of intruders) {
          const phone = await WirePhone.udp(subject.udp)
          const account = new WireAccount(phone, intruder)
          account.sendsRegister({ cseq: 1 })
          const authorization = account.authorization(await account.challenged())
          account.sendsRegister({ cseq: 2, authorization })
          const refusal = await phone.expects('403')
          phone.close()
          // Who may see which numbers exist may try passwords on those alone.
          refusals.push([refusal.startLine, refusal.headers('Warning'), refusal.headers('Content-Length')])
        }
        expect(refusals[0]).toEqual(refusals[1]!)
        expect(await subject.registeredNumbers()).toEqual([])
      })
    },
    TEST_MS,
  )
}

export function carriesCalls(serve: Serve): void {
  const ways = [
    ['udp', 'udp'],
    ['tcp', 'tcp'],
    ['udp', 'tcp'],
    ['tcp', 'udp'],
  ] as const
  test.each(ways)(
    `${CALLS} calls with 180, 200, ACK and BYE from %s to %s`,
    async (from, to) => {
      const callers = accounts(1000, CALLS)
      const callees = accounts(2000, CALLS)
      await serve([...callers, ...callees], async (subject) => {
        const called = await SippPhones.of(subject, to)
        await called.register(callees)
        const answering = await called.take('answer', CALLS, RING_MS)
        const calling = await SippPhones.of(subject, from)
        const numbers = callees.map(({ number }) => number)
        const calls = { from: callers, to: numbers, pause_ms: TALK_MS, perSecond: CALLS_PER_SECOND }
        await calling.call('call', calls)
        const answered = await answering.succeeded()
        expect(answered.log.toSorted()).toEqual(numbers)
      })
    },
    TEST_MS,
  )
  for (const transport of ['udp', 'tcp'] as const) endsCalls(serve, transport)
}

/** All the ways in which a call may end other than by a BYE. */
function endsCalls(serve: Serve, transport: 'udp' | 'tcp'): void {
  const [caller, callee] = accounts(1000, 2)
  if (caller === undefined || callee === undefined) throw new Error('two accounts')
  const oneCall = { from: [caller], to: [callee.number] }
  const between = (scene: Parameters<Serve>[1]) => () => serve([caller, callee], scene)

  describe(`over ${transport}`, () => {
    const busyPhone = between(async (subject) => {
      const called = await SippPhones.of(subject, transport)
      await called.register([callee])
      const busy = await called.take('busy', 1)
      const calling = await SippPhones.of(subject, transport)
      await calling.call('call-refused', { ...oneCall, status: '486' })
      await busy.succeeded()
    })
    test('a busy phone: 486', busyPhone, TEST_MS)

    const callerGivesUp = between(async (subject) => {
      const called = await SippPhones.of(subject, transport)
      await called.register([callee])
      const ringing = await called.take('ring', 1)
      const calling = await SippPhones.of(subject, transport)
      await calling.call('call-cancelled', oneCall)
      const { log } = await ringing.succeeded()
      // The phone must count this one as missed (RFC 3326).
      expect(log.join()).not.toContain('cause=200')
    })
    test('the caller gives up: CANCEL for the phone, 487 for the caller', callerGivesUp, TEST_MS)

    const twoPhones = between(async (subject) => {
      const [desk, mobile] = [
        await SippPhones.of(subject, transport),
        await SippPhones.of(subject, transport),
      ]
      for (const phone of [desk, mobile]) await phone.register([callee])
      const answering = await desk.take('answer', 1, RING_MS)
      const ringing = await mobile.take('ring', 1)
      const calling = await SippPhones.of(subject, transport)
      await calling.call('call', { ...oneCall, pause_ms: TALK_MS })
      await answering.succeeded()
      const { log } = await ringing.succeeded()
      expect(log.join()).toMatch(/^SIP\s*;\s*cause=200\s*;\s*text="Call completed elsewhere"$/)
    })
    test('two phones ring, one answers, the other is told so', twoPhones, TEST_MS)

    const nobodyThere = between(async (subject) => {
      const calling = await SippPhones.of(subject, transport)
      await calling.call('call-refused', { from: [caller], to: ['699'], status: '404' })
      await calling.call('call-refused', { ...oneCall, status: '480' })
    })
    test('an unknown number: 404; one without a phone: 480', nobodyThere, TEST_MS)
  })
}
