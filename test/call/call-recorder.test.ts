// Call detail records: what the table `call` says of what phones did.

import { describe, expect, test } from 'bun:test'
import type { CallRecord } from '../../src/store/store.ts'
import { Dialog } from '../support/dialog.ts'
import { inOffice, type Office } from '../support/office.ts'
import type { RequestParts } from '../support/phone.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

async function recorded(office: Office): Promise<readonly CallRecord[]> {
  await office.clock.idle()
  return [...office.database.calls.values()]
}

/** The only record there is. */
async function onlyRecord(office: Office): Promise<CallRecord> {
  const [record, ...more] = await recorded(office)
  expect(more).toEqual([])
  if (record === undefined) throw new Error('nothing was recorded')
  return record
}

/** A call that the server or the phone refuses with this status. */
async function refused(office: Office, uri: string, status: string, parts: RequestParts = {}): Promise<void> {
  const alice = office.phone('101')
  const invite = await alice.proves('INVITE', uri, parts)
  alice.acks(invite, await alice.expects(status))
}

describe('a call that is answered', () => {
  test(
    'is recorded then, with its times and the phone, and ends with its BYE',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const startedAt = office.clock.now()
      await alice.calls('102')
      const invite = await bob.expects('INVITE')
      await office.passes(1000)
      bob.answers(invite, '180 Ringing')
      await alice.expects('180')
      await office.passes(3000)
      expect(await recorded(office)).toEqual([])
      bob.answers(invite, '200 OK')
      await alice.expects('200')
      expect(await onlyRecord(office)).toEqual({
        id: expect.stringMatching(UUID),
        callId: invite.header('Call-ID'),
        domain: 'office.example',
        caller: '101',
        callerName: 'Extension 101',
        dialled: '102',
        answeredBy: bob.contactUri,
        startedAt,
        ringingAt: startedAt + 1000,
        answeredAt: startedAt + 4000,
        endedAt: null,
        outcome: 'answered',
        status: 200,
        reason: '',
      })
    }),
  )

  test.each(['caller', 'callee'] as const)('ends when the %s hangs up, once', (side) =>
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const sides = await office.talk(alice, bob)
      await office.passes(5000)
      const endedAt = office.clock.now()
      const bye = sides[side].sends('BYE')
      const other = side === 'caller' ? bob : alice
      other.answers(await other.expects('BYE'), '200 OK')
      await sides[side].phone.expects('200')
      expect(await onlyRecord(office)).toMatchObject({ callId: bye.header('Call-ID'), endedAt })
      await office.passes(1000)
      sides[side].sends('BYE')
      expect((await onlyRecord(office)).endedAt).toBe(endedAt)
    })(),
  )

  test(
    'has ended with a BYE that the other phone never answers, and the log says so too',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const { caller } = await office.talk(alice, bob)
      await bob.unplugs()
      const endedAt = office.clock.now()
      caller.sends('BYE')
      expect((await onlyRecord(office)).endedAt).toBe(endedAt)
      await office.passes(40_000)
      expect(office.logged('ended')).toHaveLength(1)
    }),
  )

  test(
    'ends also when the server was restarted meanwhile',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const { caller } = await office.talk(alice, bob)
      await office.restarts()
      caller.sends('BYE')
      bob.answers(await bob.expects('BYE'), '200 OK')
      await alice.expects('200')
      expect((await onlyRecord(office)).endedAt).toBe(office.clock.now())
    }),
  )

  test(
    'is one record, whatever is said within it',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const { caller } = await office.talk(alice, bob)
      caller.sends('INVITE')
      bob.answers(await bob.expects('INVITE'), '200 OK')
      await alice.expects('200')
      // A phone that has lost its route set.
      await alice.proves('INVITE', bob.aor, { to: `<${bob.aor}>;tag=theirs`, callId: caller.callId })
      bob.answers(await bob.expects('INVITE'), '200 OK')
      await alice.expects('200')
      expect((await onlyRecord(office)).endedAt).toBeNull()
    }),
  )

  test(
    'by one of two phones is one record, with the one that answered first',
    inOffice(async (office) => {
      const [alice, desk, mobile] = [
        office.phone('101'),
        await office.registered('102'),
        await office.registered('102'),
      ]
      await alice.calls('102')
      const [deskInvite, mobileInvite] = [await desk.expects('INVITE'), await mobile.expects('INVITE')]
      mobile.answers(mobileInvite, '180 Ringing')
      await alice.expects('180')
      desk.answers(deskInvite, '200 OK')
      await alice.expects('200')
      mobile.answers(await mobile.expects('CANCEL'), '200 OK')
      mobile.answers(mobileInvite, '200 OK')
      await alice.expects('200')
      expect(await onlyRecord(office)).toMatchObject({ outcome: 'answered', answeredBy: desk.contactUri })
    }),
  )

  test(
    'though the caller had given up was answered',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      const received = await bob.expects('INVITE')
      alice.cancels(invite)
      await alice.expects('200')
      bob.answers(received, '200 OK')
      await alice.expects('200')
      expect(await onlyRecord(office)).toMatchObject({ outcome: 'answered', status: 200, endedAt: null })
    }),
  )
})

describe('a call that is not answered', () => {
  test(
    'because the phone is busy',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      bob.answers(await bob.expects('INVITE'), '486 Busy Here')
      alice.acks(invite, await alice.expects('486'))
      const now = office.clock.now()
      const ending = { outcome: 'failed', status: 486, reason: '', answeredBy: '' }
      const times = { startedAt: now, ringingAt: null, answeredAt: null, endedAt: now }
      expect(await onlyRecord(office)).toMatchObject({ ...ending, ...times })
    }),
  )

  test(
    'and whose phone says why, in words of its own',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      bob.answers(await bob.expects('INVITE'), '603 In einer Besprechung')
      alice.acks(invite, await alice.expects('603'))
      expect(await onlyRecord(office)).toMatchObject({ status: 603, reason: 'In einer Besprechung' })
    }),
  )

  test(
    'because the caller gave up while it rang',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      const received = await bob.expects('INVITE')
      bob.answers(received, '180 Ringing')
      await alice.expects('180')
      await office.passes(7000)
      alice.cancels(invite)
      await alice.expects('200')
      bob.answers(await bob.expects('CANCEL'), '200 OK')
      bob.answers(received, '487 Request Terminated')
      alice.acks(invite, await alice.expects('487'))
      const record = await onlyRecord(office)
      expect(record).toMatchObject({ outcome: 'cancelled', status: 487, answeredAt: null })
      expect([record.ringingAt, record.endedAt]).toEqual([record.startedAt, record.startedAt + 7000])
    }),
  )

  test.each(['nobody has the number', 'the look-up fails'])('because the caller gave up before %s', (end) =>
    inOffice(async (office) => {
      const alice = await office.registered('101')
      office.database.answer_ms = end === 'nobody has the number' ? 1000 : 5000
      const invite = await alice.calls('699')
      alice.cancels(invite)
      await alice.expects('200')
      alice.acks(invite, await alice.expects('487'))
      await office.passes(5000)
      expect(await onlyRecord(office)).toMatchObject({
        outcome: 'cancelled',
        status: 487,
        dialled: '699',
      })
    })(),
  )

  test(
    'because nobody does, until timer C ends it',
    inOffice(
      async (office) => {
        const [alice, bob] = [office.phone('101'), await office.registered('102')]
        const invite = await alice.calls('102')
        const received = await bob.expects('INVITE')
        bob.answers(received, '180 Ringing')
        await alice.expects('180')
        await office.passes(10_000)
        alice.acks(invite, await alice.expects('408'))
        const record = await onlyRecord(office)
        expect(record).toMatchObject({
          outcome: 'failed',
          status: 408,
          reason: 'no phone answered in time',
          endedAt: record.startedAt + 10_000,
        })
        bob.answers(await bob.expects('CANCEL'), '200 OK')
        bob.answers(received, '487 Request Terminated')
      },
      { settings: { timer_c_s: '10' } },
    ),
  )

  const refusals = [
    ['nobody has the number', '699', 404, 'nobody has this number'],
    ['no phone is registered', '103', 480, 'no phone is registered'],
    ['the user is suspended', '102', 480, 'the user is suspended'],
  ] as const
  test.each(refusals)('because %s', (_why, number, status, reason) =>
    inOffice(async (office) => {
      await office.registered('102')
      office.database.add('102', { suspended: true })
      await office.clock.idle()
      await refused(office, `sip:${number}@office.example`, String(status))
      const at = office.clock.now()
      expect(await onlyRecord(office)).toMatchObject({
        ...{ caller: '101', dialled: number, outcome: 'failed', status, reason },
        ...{ startedAt: at, endedAt: at, ringingAt: null, answeredAt: null, answeredBy: '' },
      })
    })(),
  )

  test(
    'because its domain is not ours: the URI without its password',
    inOffice(async (office) => {
      await refused(office, 'sip:ann:secret@elsewhere.example;user=phone', '403')
      const record = await onlyRecord(office)
      expect(record).toMatchObject({ dialled: 'sip:ann@elsewhere.example;user=phone', status: 403 })
      expect(JSON.stringify(record)).not.toContain('secret')
    }),
  )

  test(
    'is timed from its arrival, though its record had to be looked up',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      office.database.answer_ms = 2000
      const invite = await alice.calls('699')
      const startedAt = office.clock.now()
      await office.passes(2000)
      alice.acks(invite, await alice.expects('404'))
      expect(await onlyRecord(office)).toMatchObject({ startedAt, endedAt: startedAt + 2000 })
    }),
  )
})

describe('nothing is recorded', () => {
  test(
    'of who has not proved who he is',
    inOffice(async (office) => {
      const stranger = office.phone('101')
      const first = stranger.sends(stranger.request('INVITE', 'sip:102@office.example'))
      const challenge = await stranger.expects('407')
      stranger.acks(first, challenge)
      const uri = 'sip:102@office.example'
      const wrong = stranger.proof(challenge, 'INVITE', uri, { password: 'guessed' })
      const second = stranger.sends(stranger.request('INVITE', uri, { headers: [wrong] }))
      stranger.acks(second, await stranger.expects('403'))
      const from = '<sip:bob@elsewhere.example>;tag=1'
      const third = stranger.sends(stranger.request('INVITE', uri, { from }))
      stranger.acks(third, await stranger.expects('403'))
      expect(await recorded(office)).toEqual([])
    }),
  )

  test(
    'of a call that the called phone challenges, nor of other methods',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      const asks = ['Proxy-Authenticate: Digest realm="bob", nonce="1"']
      bob.answers(await bob.expects('INVITE'), '407 Proxy Authentication Required', asks)
      alice.acks(invite, await alice.expects('407'))
      await bob.expects('ACK')
      await alice.proves('MESSAGE', 'sip:102@office.example')
      bob.answers(await bob.expects('MESSAGE'), '200 OK')
      await alice.expects('200')
      expect(await recorded(office)).toEqual([])
    }),
  )
})

describe('a hostile caller', () => {
  test(
    'gets its texts cut to what fits, whole characters of one line',
    inOffice(async (office) => {
      const long = '%F0%9F%93%9E'.repeat(300)
      await refused(office, `sip:${long}@office.example`, '404', { callId: 'x'.repeat(4000) })
      await refused(office, `sip:%00%0A${'a'.repeat(3000)}@office.example`, '404')
      const [first, second] = await recorded(office)
      expect(first?.dialled).toBe('\u{1F4DE}'.repeat(255))
      expect(first?.callId).toBe('x'.repeat(255))
      expect(second?.dialled).toBe(`  ${'a'.repeat(253)}`)
    }),
  )

  test(
    'with a Call-ID that had to be cut can end its call',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await alice.calls('102', { callId: 'x'.repeat(4000) })
      const invite = await bob.expects('INVITE')
      bob.answers(invite, '200 OK')
      Dialog.ofCaller(alice, await alice.expects('200')).sends('BYE')
      expect((await onlyRecord(office)).endedAt).toBe(office.clock.now())
    }),
  )
})

describe('the database', () => {
  test(
    'that does not take a record loses it, counted, and no call notices',
    inOffice(async (office) => {
      for (const fault of ['fails', 'hangs', 'breaks'] as const) {
        office.database.order('commit', fault)
        await refused(office, 'sip:699@office.example', '404')
      }
      await office.passes(60_000)
      expect(await recorded(office)).toEqual([])
      expect(office.server.callRecorder.lost).toBe(3)
    }),
  )

  test(
    'that is slow has a bounded number of records waiting, and registrations still find room',
    inOffice(
      async (office) => {
        office.database.commit_ms = 500
        for (let n = 0; n < 4; n++) await refused(office, 'sip:699@office.example', '404')
        await office.phone('102').sendsProvedRegister()
        await office.passes(5000)
        expect(await recorded(office)).toHaveLength(2)
        expect(office.server.callRecorder.lost).toBe(2)
        expect(office.database.bindings).toHaveLength(1)
        await refused(office, 'sip:699@office.example', '404')
        await office.passes(500)
        expect(await recorded(office)).toHaveLength(3)
      },
      { limits: { callRecordsPending: 2 } },
    ),
  )
})
