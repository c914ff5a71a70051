// What a request and its answers become on their way through: RFC 3261 section 16.6 and 16.7.

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

const STRANGER = { from: '<sip:eve@elsewhere.example>;tag=e' }
const BOB = 'sip:102@office.example'

describe('a forwarded request', () => {
  test(
    'differs only in Request-URI, Via, Max-Forwards and Max-Breadth: byte for byte the rest is there (section 16.6)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      const headers = [
        'X-Strange:\t a  , b ',
        's: folded',
        '  line',
        'To-Do: \xc3\xa9\xff',
        'P-A: 1',
        'p-a: 2',
      ]
      const sent = eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, headers, body: '\x00\xff binary' }))
      const received = await bob.expects('OPTIONS')
      const [ours, ...vias] = received.headers('Via')
      expect(ours).toMatch(/^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bK[0-9a-f]{20}\.\w+$/)
      expect(vias).toHaveLength(1)
      const restored = received.text
        .replace(/^OPTIONS \S+/, `OPTIONS ${BOB}`)
        .replace(`Via: ${ours}\r\n`, '')
        .replace('Max-Breadth: 60\r\n', '')
        .replace(`Via: ${vias[0]}`, `Via: ${sent.header('Via')}`)
        .replace('Max-Forwards: 69', 'Max-Forwards: 70')
      expect(restored).toBe(sent.text)
      bob.answers(received, '200 OK')
    }),
  )

  test(
    'gets Max-Forwards: 70 when it has none (section 16.6 step 3)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, maxForwards: null }))
      const received = await bob.expects('OPTIONS')
      expect(received.headers('Max-Forwards')).toEqual(['70'])
      bob.answers(received, '200 OK')
    }),
  )

  test(
    'tells in its Via where it really came from (section 18.2.1, RFC 3581)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve', { port: 40_000 }), await office.registered('102')]
      const via = 'SIP/2.0/UDP 192.168.1.5;rport;branch=z9hG4bKx'
      eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, via }))
      const received = await bob.expects('OPTIONS')
      expect(received.headers('Via')[1]).toContain(`;received=${eve.address.host};rport=40000`)
      bob.answers(received, '200 OK')
      await eve.expects('200')
    }),
  )
})

describe('a forwarded answer', () => {
  test(
    'loses our Via and nothing else (section 16.7 step 3)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', BOB, STRANGER))
      const request = await bob.expects('OPTIONS')
      const answer = bob.answers(request, '200 Fine', ['X-Strange:\t \xff'], 'body\x00')
      const passed = await eve.expects('200')
      expect(passed.text).toBe(answer.text.replace(`Via: ${request.headers('Via')[0]}\r\n`, ''))
    }),
  )

  test(
    'that is a 302 goes up with its contacts, and nobody is called there (section 16.7 step 4)',
    inOffice(async (office) => {
      const [alice, bob, carol] = [office.phone('101'), await office.registered('102'), office.phone('103')]
      const invite = await alice.calls('102')
      const contacts = [
        `Contact: <${carol.contactUri}>;q=0.5, <sip:x@elsewhere.example>`,
        'Contact: <tel:+1>',
      ]
      bob.answers(await bob.expects('INVITE'), '302 Moved Temporarily', contacts)
      const moved = await alice.expects('302')
      expect(moved.headers('Contact').map((contact) => `Contact: ${contact}`)).toEqual(contacts)
      alice.acks(invite, moved)
      await carol.expectsNothing()
    }),
  )

  test(
    'that belongs to nothing is dropped (section 16.7 step 1)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', BOB, STRANGER))
      const request = await bob.expects('OPTIONS')
      bob.sends(bob.answers(request, '200 OK').text.replace(/branch=z9hG4bK\w+/, 'branch=z9hG4bKnone'))
      await eve.expects('200')
      await eve.expectsNothing()
      expect(office.server.transactions.counts.strayResponses).toBe(1)
    }),
  )
})

describe('a retransmitted INVITE (section 17.2.1)', () => {
  test(
    'gets the last answer again, byte for byte, and rings nobody twice',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102')
      const received = await bob.expects('INVITE')
      alice.sends(invite.text)
      await office.clock.idle()
      expect(alice.count('100')).toBe(2)
      bob.answers(received, '180 Ringing')
      await alice.expects('180')
      alice.sends(invite.text)
      await office.clock.idle()
      expect(alice.count('180')).toBe(2)
      // Repeated bytes are shown once: the second 180 is the first one.
      await alice.expectsNothing()
      expect(bob.count('INVITE')).toBe(1)
      bob.answers(received, '486 Busy Here')
      alice.acks(invite, await alice.expects('486'))
    }),
  )

  test(
    'whose answers are lost is answered until the ACK comes (timer G)',
    inOffice(async (office) => {
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      const refusal = await alice.expects('480')
      await office.passes(3500)
      expect(alice.count('480')).toBe(4)
      alice.acks(invite, refusal)
      await office.passes(60_000)
      expect(alice.count('480')).toBe(4)
    }),
  )
})

test(
  'an INVITE to a silent phone is repeated, and to a connection it is not (section 17.1.1.2)',
  inOffice(async (office) => {
    const [udp, tcp] = [await office.registered('102'), await office.registered('102', { transport: 'tcp' })]
    await office.phone('101').calls('102')
    await office.passes(3500)
    expect([udp.count('INVITE'), tcp.count('INVITE')]).toEqual([4, 1])
  }),
)
