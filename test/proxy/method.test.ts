// Every method end to end, in dialogs and out of them: a proxy need not know what it carries (RFC 3261 section 16.2).

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

const OUTSIDE = [
  'MESSAGE',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'INFO',
  'REFER',
  'OPTIONS',
  'DANCE',
  "x-!%*_+`'~.",
]
const INSIDE = [...OUTSIDE, 'PRACK', 'UPDATE', 'BYE']

describe('outside a dialog', () => {
  test.each(OUTSIDE)('%s reaches the phone, and its answer the sender', (method) =>
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.proves(method, 'sip:102@office.example', {
        headers: ['Event: x', 'X-Own: 1'],
        body: 'as it is',
      })
      const request = await bob.expects(method)
      expect([request.body, request.header('Event'), request.header('X-Own')]).toEqual(['as it is', 'x', '1'])
      bob.answers(request, '200 Fine', ['X-Back: 2'])
      expect((await alice.expects('200')).header('X-Back')).toBe('2')
    })(),
  )
})

describe('within a dialog', () => {
  test.each(INSIDE)('%s goes both ways, unchallenged', (method) =>
    inOffice(async (office) => {
      const { caller, callee } = await office.talk(office.phone('101'), await office.registered('102'))
      for (const [from, to] of [
        [caller, callee],
        [callee, caller],
      ] as const) {
        from.sends(method, { body: 'as it is' })
        const request = await to.phone.expects(method)
        expect(request.body).toBe('as it is')
        to.phone.answers(request, '299 Seen')
        await from.phone.expects('299')
      }
    })(),
  )

  test(
    'a re-INVITE, its 491 and its 200 pass',
    inOffice(async (office) => {
      const { caller, callee } = await office.talk(office.phone('101'), await office.registered('102'))
      const early = callee.sends('INVITE')
      caller.phone.answers(await caller.phone.expects('INVITE'), '491 Request Pending')
      callee.phone.acks(early, await callee.phone.expects('491'))
      await caller.phone.expects('ACK')
      callee.sends('INVITE')
      caller.phone.answers(await caller.phone.expects('INVITE'), '200 OK')
      await callee.phone.expects('200')
      callee.sends('ACK')
      await caller.phone.expects('ACK')
    }),
  )
})

describe('an early dialog', () => {
  test(
    'has its reliable 183, PRACK and UPDATE (RFC 3262, RFC 3311)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102', { headers: ['Supported: 100rel'] })
      const offered = await bob.expects('INVITE')
      expect(offered.header('Supported')).toBe('100rel')
      bob.answers(offered, '183 Session Progress', ['Require: 100rel', 'RSeq: 7'])
      const progress = await alice.expects('183')
      expect([progress.header('Require'), progress.header('RSeq')]).toEqual(['100rel', '7'])
      const routes = progress.headers('Record-Route').map((route) => `Route: ${route}`)
      for (const [method, headers] of [
        ['PRACK', [...routes, 'RAck: 7 2 INVITE']],
        ['UPDATE', routes],
      ] as const) {
        alice.sends(
          alice.request(method, bob.contactUri, {
            callId: invite.header('Call-ID'),
            to: progress.header('To'),
            headers,
          }),
        )
        bob.answers(await bob.expects(method), '200 OK')
        await alice.expects('200')
      }
      bob.answers(offered, '486 Busy Here')
      alice.acks(invite, await alice.expects('486'))
    }),
  )

  test(
    'that has ended says so: 199 passes (RFC 6228 section 6)',
    inOffice(async (office) => {
      const [desk, mobile] = [await office.registered('102'), await office.registered('102')]
      const alice = office.phone('101')
      const invite = await alice.calls('102', { headers: ['Supported: 199'] })
      const [deskInvite, mobileInvite] = [await desk.expects('INVITE'), await mobile.expects('INVITE')]
      expect(deskInvite.header('Supported')).toBe('199')
      desk.answers(deskInvite, '199 Early Dialog Terminated', ['Reason: SIP;cause=486'])
      expect((await alice.expects('199')).header('Reason')).toBe('SIP;cause=486')
      desk.answers(deskInvite, '486 Busy Here')
      mobile.answers(mobileInvite, '480 Temporarily Unavailable')
      alice.acks(invite, await alice.expects('486'))
    }),
  )
})

describe('a session timer (RFC 4028)', () => {
  test(
    'passes untouched, and its refresh too',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const timers = ['Session-Expires: 1800;refresher=uac', 'Min-SE: 90', 'Supported: timer']
      await alice.calls('102', { headers: timers })
      const invite = await bob.expects('INVITE')
      expect([invite.header('Session-Expires'), invite.header('Min-SE'), invite.header('Supported')]).toEqual(
        ['1800;refresher=uac', '90', 'timer'],
      )
      bob.answers(invite, '200 OK', ['Session-Expires: 1800;refresher=uac', 'Require: timer'])
      expect((await alice.expects('200')).header('Session-Expires')).toBe('1800;refresher=uac')
    }),
  )

  test(
    'that is too short for the phone is 422 with Min-SE, and the next try succeeds',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102', { headers: ['Session-Expires: 90'] })
      bob.answers(await bob.expects('INVITE'), '422 Session Interval Too Small', ['Min-SE: 600'])
      const refusal = await alice.expects('422')
      expect(refusal.header('Min-SE')).toBe('600')
      alice.acks(invite, refusal)
      await bob.expects('ACK')
      await alice.calls('102', { headers: ['Session-Expires: 600', 'Min-SE: 600'] })
      bob.answers(await bob.expects('INVITE'), '200 OK')
      await alice.expects('200')
    }),
  )
})
