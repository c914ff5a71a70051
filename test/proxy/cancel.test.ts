// CANCEL: RFC 3261 sections 9 and 16.10, RFC 3326.

import { describe, expect, test } from 'bun:test'
import { inOffice, type Office } from '../support/office.ts'

async function ringing(office: Office) {
  const alice = office.phone('101')
  const [desk, mobile] = [await office.registered('102'), await office.registered('102')]
  const invite = await alice.calls('102')
  const [deskInvite, mobileInvite] = [await desk.expects('INVITE'), await mobile.expects('INVITE')]
  return { alice, invite, desk, mobile, deskInvite, mobileInvite }
}

describe('a caller that gives up', () => {
  test(
    'hears 200, every ringing phone hears CANCEL with the caller’s reason, and then 487 goes up',
    inOffice(async (office) => {
      const { alice, invite, desk, mobile, deskInvite, mobileInvite } = await ringing(office)
      desk.answers(deskInvite, '180 Ringing')
      mobile.answers(mobileInvite, '183 Session Progress')
      await alice.expects('180')
      await alice.expects('183')
      alice.cancels(invite, 'Reason: SIP;cause=487', 'Reason: Q.850;cause=16')
      await alice.expects('200')
      for (const [phone, received] of [
        [desk, deskInvite],
        [mobile, mobileInvite],
      ] as const) {
        const cancel = await phone.expects('CANCEL')
        expect(cancel.headers('Reason')).toEqual(['SIP;cause=487', 'Q.850;cause=16'])
        phone.answers(cancel, '200 OK')
        phone.answers(received, '487 Request Terminated')
        await phone.expects('ACK')
      }
      alice.acks(invite, await alice.expects('487'))
      expect(office.logged('cancelled')).toHaveLength(1)
      expect(office.logged('failed')).toEqual([])
    }),
  )

  test(
    'before a phone has shown life: its CANCEL waits for that (section 9.1)',
    inOffice(async (office) => {
      const { alice, invite, desk, mobile, deskInvite, mobileInvite } = await ringing(office)
      alice.cancels(invite)
      await alice.expects('200')
      await desk.expectsNothing()
      desk.answers(deskInvite, '180 Ringing')
      await desk.expects('CANCEL')
      desk.answers(deskInvite, '487 Request Terminated')
      mobile.answers(mobileInvite, '486 Busy Here')
      // It was ringing when the caller hung up, so this went up as it came.
      await alice.expects('180')
      alice.acks(invite, await alice.expects('486'))
    }),
  )

  test(
    'twice is answered twice and cancels once',
    inOffice(async (office) => {
      const { alice, invite, desk, deskInvite, mobile, mobileInvite } = await ringing(office)
      desk.answers(deskInvite, '180 Ringing')
      mobile.answers(mobileInvite, '180 Ringing')
      await alice.expects('180')
      alice.cancels(invite)
      alice.cancels(invite)
      await office.clock.idle()
      expect(alice.count('200')).toBe(2)
      expect(desk.count('CANCEL')).toBe(1)
      desk.answers(deskInvite, '487 Request Terminated')
      mobile.answers(mobileInvite, '487 Request Terminated')
      await office.clock.idle()
      expect(alice.count('487')).toBe(1)
    }),
  )

  test(
    'too late has its call all the same (section 9.2)',
    inOffice(async (office) => {
      const { alice, invite, desk, deskInvite } = await ringing(office)
      desk.answers(deskInvite, '200 OK')
      await alice.expects('200')
      alice.cancels(invite)
      await alice.expects('200')
      await desk.expectsNothing()
    }),
  )

  test(
    'at the moment of the answer has a call: the 200 that crosses goes up (section 9.1)',
    inOffice(async (office) => {
      const { alice, invite, desk, deskInvite } = await ringing(office)
      desk.answers(deskInvite, '180 Ringing')
      await alice.expects('180')
      alice.cancels(invite)
      await alice.expects('200')
      desk.answers(deskInvite, '200 OK')
      expect((await alice.expects('200')).header('CSeq')).toEndWith('INVITE')
    }),
  )

  test(
    'while the called record is looked up hears 200 and 487, and nobody is rung',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      // Known under its number, not under the name of its user, which could not be learned just then.
      office.database.order('find', 'fails', 2)
      const bob = await office.registered('102')
      office.database.answer_ms = 1000
      const invite = await alice.proves('INVITE', 'sip:user102@office.example')
      await alice.expectsNothing()
      alice.cancels(invite)
      await alice.expects('200')
      alice.acks(invite, await alice.expects('487'))
      await office.passes(1000)
      await alice.expectsNothing()
      await bob.expectsNothing()
      expect(office.logged('calling')).toEqual([])
    }),
  )

  test(
    'while the name of a phone’s host is resolved hears 200 and 487, and the phone is not rung',
    inOffice(
      async (office) => {
        const phone = office.phone('102', { host: '10.7.7.7' })
        await phone.registers({ contacts: ['<sip:102@desk.example>'] })
        const alice = office.phone('101')
        const invite = await alice.calls('102')
        alice.cancels(invite)
        await alice.expects('200')
        alice.acks(invite, await alice.expects('487'))
        await phone.expectsNothing()
      },
      { names: new Map() },
    ),
  )
})

describe('a CANCEL', () => {
  test(
    'that means no INVITE is 481 (section 9.2)',
    inOffice(async (office) => {
      const alice = office.phone('101')
      const invite = await alice.calls('103')
      const refusal = await alice.expects('480')
      alice.acks(invite, refusal)
      alice.sends(alice.request('CANCEL', 'sip:103@office.example'))
      await alice.expects('481')
    }),
  )

  test(
    'is asked for nothing but its INVITE: what it requires is passed over (section 8.2.2.3)',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      const ringing = await bob.expects('INVITE')
      bob.answers(ringing, '180 Ringing')
      await alice.expects('180')
      alice.cancels(invite, 'Require: nothingSupportsThis', 'Proxy-Require: norThis')
      await alice.expects('200')
      bob.answers(await bob.expects('CANCEL'), '200 OK')
      bob.answers(ringing, '487 Request Terminated')
      alice.acks(invite, await alice.expects('487'))
    }),
  )

  test(
    'is not challenged: it is hop by hop, and its branch proves enough (section 22.1)',
    inOffice(async (office) => {
      const { alice, invite } = await ringing(office)
      alice.cancels(invite)
      await alice.expects('200')
      expect(alice.count('407')).toBe(1)
    }),
  )
})

describe("the To tag of a CANCEL's 200 is the one of the INVITE's answers (section 9.2)", () => {
  test(
    'of ours, where no phone has spoken yet',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      await bob.expects('INVITE')
      alice.cancels(invite)
      const cancelled = await alice.expects('200')
      await office.passes(32_000)
      const refusal = await alice.expects('487')
      expect(refusal.header('To')).toBe(cancelled.header('To'))
      alice.acks(invite, refusal)
    }),
  )

  test(
    'of the phone that rings',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      const ringing = await bob.expects('INVITE')
      bob.answers(ringing, '180 Ringing')
      const heard = await alice.expects('180')
      alice.cancels(invite)
      expect((await alice.expects('200')).header('To')).toBe(heard.header('To'))
      bob.answers(await bob.expects('CANCEL'), '200 OK')
      bob.answers(ringing, '487 Request Terminated')
      const refusal = await alice.expects('487')
      expect(refusal.header('To')).toBe(heard.header('To'))
      alice.acks(invite, refusal)
    }),
  )

  test(
    'of ours, while the called record is looked up',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      office.database.answer_ms = 1000
      const invite = await alice.calls('102')
      alice.cancels(invite)
      const cancelled = await alice.expects('200')
      const refusal = await alice.expects('487')
      expect(refusal.header('To')).toBe(cancelled.header('To'))
      alice.acks(invite, refusal)
    }),
  )
})
