// From a dialled name to the phones that ring.

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

describe('a call', () => {
  test(
    'rings, is answered, acknowledged and hung up (RFC 3261 section 4)',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await alice.calls('102', { body: 'v=0' })
      await alice.expects('100')
      const invite = await bob.expects('INVITE')
      expect(invite.body).toBe('v=0')
      bob.answers(invite, '180 Ringing')
      await alice.expects('180')
      bob.answers(invite, '200 OK', [], 'v=1')
      const answer = await alice.expects('200')
      expect(answer.body).toBe('v=1')
      expect(office.log.map(({ event }) => event).filter((event) => event !== 'answer')).toEqual([
        'registered',
        'registered',
        'calling',
        'ringing',
        'answered',
      ])
    }),
  )

  test.each([
    ['its number', 'sip:102@office.example'],
    ['its number in another case of the domain', 'sip:102@OFFICE.example'],
    ['its number on another port of the domain', 'sip:102@office.example:5080'],
    ['the name of its user', 'sip:user102@office.example'],
    ['its number with escapes', 'sip:%31%30%32@office.example'],
    ['its number at our address', 'sip:102@10.0.0.1'],
    ['its number at our address and port', 'sip:102@10.0.0.1:5060;user=phone'],
  ])('reaches an extension by %s', (_what, uri) =>
    inOffice(async (office) => {
      const bob = await office.registered('102')
      await office.phone('101').proves('INVITE', uri)
      await bob.expects('INVITE')
    })(),
  )

  test.each([
    ['a number that nobody has', 'sip:699@office.example', '404'],
    ['the server itself', 'sip:office.example', '405'],
    ['a name longer than any', `sip:${'9'.repeat(65)}@office.example`, '404'],
    ['an extension without a phone', 'sip:103@office.example', '480'],
    ['another domain', 'sip:102@elsewhere.example', '403'],
    ['another port of our address', 'sip:102@10.0.0.1:9', '403'],
    ['an address of nobody', 'sip:102@[::1', '400'],
  ])('to %s is refused', (_what, uri, status) =>
    inOffice(async (office) => {
      const alice = office.phone('101')
      const invite = await alice.proves('INVITE', uri).catch(() => null)
      if (invite !== null) alice.acks(invite, await alice.expects(status))
      else expect(alice.count(status)).toBe(1)
    })(),
  )

  test(
    'to a suspended user is 480, whatever was registered',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      office.database.add('102', { suspended: true })
      await office.clock.idle()
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      alice.acks(invite, await alice.expects('480'))
      await bob.expectsNothing()
    }),
  )

  test(
    'to a user who was suspended while the server was down is 480, whatever was registered before',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      await office.server.stop()
      office.database.add('102', { suspended: true })
      await office.opens()
      const alice = office.phone('101')
      const invite = await alice.calls('102')
      alice.acks(invite, await alice.expects('480'))
      await bob.expectsNothing()
    }),
  )

  test(
    'to oneself rings one’s own phones',
    inOffice(async (office) => {
      const [desk, mobile] = [await office.registered('101'), await office.registered('101')]
      await desk.calls('101')
      await desk.expects('INVITE')
      await mobile.expects('INVITE')
    }),
  )
})

describe('a called record that must be looked up', () => {
  test.each(['fails', 'hangs'] as const)('and %s is 503 with Retry-After', (fault) =>
    inOffice(async (office) => {
      const alice = await office.registered('101')
      office.database.order('find', fault)
      const invite = await alice.calls('102')
      await office.passes(3000)
      const refusal = await alice.expects('503')
      expect(refusal.header('Retry-After')).toBe('10')
      alice.acks(invite, refusal)
    })(),
  )

  test(
    'has its caller told 100 at once, and no second time when it is found (RFC 3261 section 17.2.1)',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      // The user's name could not be learned when the phone registered.
      office.database.order('find', 'fails', 2)
      const bob = await office.registered('102')
      office.database.answer_ms = 1000
      await alice.proves('INVITE', 'sip:user102@office.example')
      await alice.expects('100')
      await bob.expectsNothing()
      await office.passes(1000)
      await bob.expects('INVITE')
      expect(alice.count('100')).toBe(1)
    }),
  )

  test(
    'and does not exist is remembered: the next caller does not wait',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      for (let call = 0; call < 2; call++) {
        const invite = await alice.calls('699')
        alice.acks(invite, await alice.expects('404'))
        office.database.fault = 'hangs'
      }
    }),
  )
})

describe('a number', () => {
  test.each([
    'tel:1-02',
    'tel:102;phone-context=office.example',
    'sip:1.0.2@office.example;user=phone',
    'sip:102@10.0.0.1;maddr=10.0.0.1',
  ])('written as %s rings its phone (RFC 3966, RFC 3261 section 19.1.6)', (uri) =>
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.proves('MESSAGE', uri)
      const message = await bob.expects('MESSAGE')
      expect(message.startLine).toBe(`MESSAGE ${bob.contactUri} SIP/2.0`)
      bob.answers(message, '200 OK')
      await alice.expects('200')
    })(),
  )

  test(
    'of the whole world keeps its plus',
    inOffice(
      async (office) => {
        const alice = office.phone('101')
        const bob = await office.registered('+493012')
        await alice.proves('MESSAGE', 'tel:+49-30-12')
        bob.answers(await bob.expects('MESSAGE'), '200 OK')
        await alice.expects('200')
      },
      { numbers: ['101', '+493012'] },
    ),
  )

  test(
    'in From and in the To of a REGISTER is an extension, and has to prove it',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), office.phone('102')]
      await bob.registers({ to: '<tel:1-02>' })
      await alice.proves('MESSAGE', 'tel:102', { from: '<tel:1-01>;tag=1' })
      const message = await bob.expects('MESSAGE')
      expect(message.header('P-Asserted-Identity')).toContain('<sip:101@office.example>')
      bob.answers(message, '200 OK')
      await alice.expects('200')
    }),
  )

  test(
    'behind an maddr that is not ours is not for us to relay (section 16.5)',
    inOffice(async (office) => {
      await office.registered('102')
      const alice = office.phone('101')
      await alice.proves('MESSAGE', 'sip:102@office.example;maddr=192.0.2.1')
      await alice.expects('403')
    }),
  )
})
