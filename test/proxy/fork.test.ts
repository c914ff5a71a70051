// One request, many phones, one answer: RFC 3261 section 16.7, RFC 3326.

import { describe, expect, test } from 'bun:test'
import { Dialog } from '../support/dialog.ts'
import { inOffice, type Office } from '../support/office.ts'
import type { Phone } from '../support/phone.ts'
import type { WireMessage } from '../support/wire.ts'

const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

/** 101 calls 102, whose phones all ring. */
async function ring(office: Office, count: number) {
  const alice = office.phone('101')
  const phones: Phone[] = []
  for (let phone = 0; phone < count; phone++) phones.push(await office.registered('102'))
  const invite = await alice.calls('102')
  const invites: WireMessage[] = []
  for (const phone of phones) invites.push(await phone.expects('INVITE'))
  return { alice, invite, phones, invites }
}

/** As above with two phones, by name. */
async function ringTwo(office: Office) {
  const { alice, invite, phones, invites } = await ring(office, 2)
  return {
    alice,
    invite,
    desk: phones[0]!,
    mobile: phones[1]!,
    deskInvite: invites[0]!,
    mobileInvite: invites[1]!,
  }
}

describe('a fork', () => {
  test(
    'rings all phones at once, each by its own contact and with a branch of its own (section 16.6)',
    inOffice(async (office) => {
      const { phones, invites } = await ring(office, 3)
      expect(invites.map(({ startLine }) => startLine)).toEqual(
        phones.map(({ contactUri }) => `INVITE ${contactUri} SIP/2.0`),
      )
      expect(new Set(invites.map((invite) => invite.header('Via'))).size).toBe(3)
    }),
  )

  test(
    'passes every provisional answer up but 100 (section 16.7 step 5)',
    inOffice(async (office) => {
      const { alice, desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      desk.answers(deskInvite, '100 Trying')
      desk.answers(deskInvite, '180 Ringing')
      mobile.answers(mobileInvite, '183 Session Progress')
      await alice.expects('180')
      await alice.expects('183')
      // The one 100 is our own (section 16.2).
      expect(alice.count('100')).toBe(1)
    }),
  )

  test(
    'ends with the first 200: the others get CANCEL and its reason (section 16.7 step 10, RFC 3326)',
    inOffice(async (office) => {
      const { alice, desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      mobile.answers(mobileInvite, '180 Ringing')
      desk.answers(deskInvite, '200 OK')
      await alice.expects('180')
      await alice.expects('200')
      const cancel = await mobile.expects('CANCEL')
      expect(cancel.header('Reason')).toBe(ELSEWHERE)
      expect(cancel.header('Via')).toBe(mobileInvite.header('Via'))
      mobile.answers(cancel, '200 OK')
      mobile.answers(mobileInvite, '487 Request Terminated')
      await mobile.expects('ACK')
      await alice.expectsNothing()
    }),
  )

  test(
    'cancels a silent phone only once it gives a sign of life (section 9.1)',
    inOffice(async (office) => {
      const { desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      desk.answers(deskInvite, '200 OK')
      await mobile.expectsNothing()
      mobile.answers(mobileInvite, '180 Ringing')
      expect((await mobile.expects('CANCEL')).header('Reason')).toBe(ELSEWHERE)
    }),
  )

  test(
    'passes a second 200 up too, and its phone can be hung up (section 16.7 step 5)',
    inOffice(async (office) => {
      const { alice, desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      desk.answers(deskInvite, '200 OK')
      mobile.answers(mobileInvite, '200 OK')
      const [first, second] = [await alice.expects('200'), await alice.expects('200')]
      expect(first.header('To')).not.toBe(second.header('To'))
      const unwanted = Dialog.ofCaller(alice, second)
      unwanted.sends('ACK')
      unwanted.sends('BYE')
      await mobile.expects('ACK')
      await mobile.expects('BYE')
      await desk.expectsNothing()
    }),
  )

  test(
    'passes each repetition of a 200 up, until the ACK has come through (RFC 6026 section 7.1)',
    inOffice(async (office) => {
      const { alice, phones, invites } = await ring(office, 1)
      for (let sent = 0; sent < 3; sent++) phones[0]!.answers(invites[0]!, '200 OK')
      const answer = await alice.expects('200')
      expect(alice.count('200')).toBe(3)
      const dialog = Dialog.ofCaller(alice, answer)
      const ack = dialog.sends('ACK')
      alice.sends(ack.text)
      await phones[0]!.expects('ACK')
      expect(phones[0]!.count('ACK')).toBe(2)
    }),
  )

  test(
    'goes on while one phone is left: a busy one is no answer yet (section 16.7 step 6)',
    inOffice(async (office) => {
      const { alice, desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      desk.answers(deskInvite, '486 Busy Here')
      await desk.expects('ACK')
      await alice.expectsNothing()
      mobile.answers(mobileInvite, '200 OK')
      await alice.expects('200')
    }),
  )

  test(
    'is declined for all phones by a 6xx of one (section 16.7 step 5)',
    inOffice(async (office) => {
      const { alice, invite, desk, mobile, deskInvite, mobileInvite } = await ringTwo(office)
      mobile.answers(mobileInvite, '180 Ringing')
      desk.answers(deskInvite, '603 Decline')
      const cancel = await mobile.expects('CANCEL')
      expect(cancel.header('Reason')).toBe('SIP;cause=603;text="Decline"')
      await alice.expects('180')
      await alice.expectsNothing()
      mobile.answers(mobileInvite, '487 Request Terminated')
      alice.acks(invite, await alice.expects('603'))
    }),
  )

  test(
    'rings no more phones than the limit says',
    inOffice(
      async (office) => {
        const alice = office.phone('101')
        const phones = [
          await office.registered('102'),
          await office.registered('102'),
          await office.registered('102'),
        ]
        await alice.calls('102')
        await office.clock.idle()
        expect(phones.map((phone) => phone.count('INVITE')).toSorted()).toEqual([0, 1, 1])
        expect(office.server.proxy.branchesRefused).toBe(1)
      },
      { limits: { branchesPerFork: 2 } },
    ),
  )
})

describe('the best answer (section 16.7 step 6)', () => {
  test.each([
    ['a 6xx before all others', '603', ['302', '603']],
    ['a lower class before a higher one', '302', ['486', '302']],
    ['a 4xx before a 5xx', '480', ['500', '480']],
    ['one that tells how to do better', '484', ['486', '484']],
    ['busy before not there', '486', ['480', '486']],
    ['busy before not found', '486', ['404', '486']],
    ['a 5xx before a 503', '500', ['503', '500']],
    ['busy before silence', '486', ['silence', '486']],
  ])('is %s', (_what, expected, statuses) =>
    inOffice(async (office) => {
      const { alice, invite, phones, invites } = await ring(office, statuses.length)
      statuses.forEach((status, n) => {
        if (status !== 'silence') phones[n]!.answers(invites[n]!, `${status} Some Reason`)
      })
      if (statuses.includes('silence')) await office.passes(32_000)
      const refusal = await alice.expects(expected)
      expect(refusal.startLine).toBe(`SIP/2.0 ${expected} Some Reason`)
      alice.acks(invite, refusal)
    })(),
  )

  test(
    'is 503 with Retry-After when it is we who have no room: that is true of the next request too',
    inOffice(
      async (office) => {
        const [alice] = [office.phone('101'), await office.registered('102')]
        const invite = await alice.calls('102')
        const refusal = await alice.expects('503')
        expect(refusal.header('Retry-After')).toBe('5')
        alice.acks(invite, refusal)
      },
      { limits: { clientTransactions: 0 } },
    ),
  )

  test(
    'is never a 503 of a phone: it would keep the caller from us altogether',
    inOffice(async (office) => {
      const { alice, invite, phones, invites } = await ring(office, 1)
      phones[0]!.answers(invites[0]!, '503 Service Unavailable', ['Retry-After: 3600'])
      const refusal = await alice.expects('500')
      expect(refusal.headers('Retry-After')).toEqual([])
      alice.acks(invite, refusal)
    }),
  )
})

describe('a phone that does not answer', () => {
  test(
    'and is not even there is 408 after timer B (section 16.7 step 6)',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      await bob.unplugs()
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      await office.passes(31_999)
      await alice.expectsNothing()
      await office.passes(1)
      alice.acks(invite, await alice.expects('408'))
    }),
  )

  test(
    'and whose connection is refused is 480',
    inOffice(async (office) => {
      const bob = await office.registered('102', { transport: 'tcp' })
      await bob.unplugs()
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      alice.acks(invite, await alice.expects('480'))
    }),
  )

  test(
    'is cancelled by timer C, and the caller hears 408 (section 16.8)',
    inOffice(async (office) => {
      const { alice, invite, phones, invites } = await ring(office, 1)
      phones[0]!.answers(invites[0]!, '180 Ringing')
      await alice.expects('180')
      await office.passes(184_999)
      await phones[0]!.expectsNothing()
      await office.passes(1)
      const cancel = await phones[0]!.expects('CANCEL')
      expect(cancel.header('Reason')).toBe('SIP;cause=408;text="Request Timeout"')
      alice.acks(invite, await alice.expects('408'))
      phones[0]!.answers(cancel, '200 OK')
      phones[0]!.answers(invites[0]!, '487 Request Terminated')
      await phones[0]!.expects('ACK')
      await alice.expectsNothing()
    }),
  )

  test(
    'has all of timer C again after each provisional answer (section 16.7 step 2)',
    inOffice(async (office) => {
      const { alice, invite, phones, invites } = await ring(office, 1)
      for (const status of ['180 Ringing', '183 Session Progress']) {
        phones[0]!.answers(invites[0]!, status)
        await office.passes(180_000)
        await phones[0]!.expectsNothing()
      }
      await office.passes(5000)
      await phones[0]!.expects('CANCEL')
      await alice.expects('180')
      await alice.expects('183')
      alice.acks(invite, await alice.expects('408'))
    }),
  )

  test(
    'and was silent when a short timer C ran out is cancelled when it rings at last (section 9.1)',
    inOffice(
      async (office) => {
        const { alice, invite, phones, invites } = await ring(office, 1)
        await office.passes(2000)
        alice.acks(invite, await alice.expects('408'))
        phones[0]!.answers(invites[0]!, '180 Ringing')
        await phones[0]!.expects('CANCEL')
        await alice.expectsNothing()
      },
      { settings: { timer_c_s: '2' } },
    ),
  )

  test(
    'to a CANCEL either is given up after 64*T1 (section 9.1)',
    inOffice(async (office) => {
      const { alice, invite, phones, invites } = await ring(office, 1)
      phones[0]!.answers(invites[0]!, '180 Ringing')
      await alice.expects('180')
      alice.cancels(invite)
      await alice.expects('200')
      await office.passes(31_999)
      await alice.expectsNothing()
      await office.passes(1)
      alice.acks(invite, await alice.expects('487'))
    }),
  )
})

describe('a request that is no INVITE', () => {
  test(
    'is relayed and answered, with nothing on the way (section 16.2)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.proves('MESSAGE', 'sip:102@office.example', { body: 'hello' })
      const message = await bob.expects('MESSAGE')
      expect(message.body).toBe('hello')
      expect(message.headers('Record-Route')).toEqual([])
      bob.answers(message, '202 Accepted')
      await alice.expects('202')
      expect(alice.count('100')).toBe(0)
    }),
  )

  test(
    'that nobody answers stays silent (RFC 4320 section 4.2)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await bob.unplugs()
      await alice.proves('MESSAGE', 'sip:102@office.example')
      await office.passes(120_000)
      await alice.expectsNothing()
    }),
  )

  test(
    'gets neither 1xx nor 408 from us, even when a phone sends them (RFC 4320 section 4)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.proves('MESSAGE', 'sip:102@office.example')
      const message = await bob.expects('MESSAGE')
      bob.answers(message, '180 Ringing')
      bob.answers(message, '408 Request Timeout')
      await alice.expectsNothing()
    }),
  )
})
