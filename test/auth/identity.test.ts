// Who is asserted, and who is let in: RFC 3261 section 22.3, RFC 3325.

import { describe, expect, test } from 'bun:test'
import type { ExtensionRecord } from '../../src/store/store.ts'
import { Dialog } from '../support/dialog.ts'
import { inOffice } from '../support/office.ts'

describe('a caller that was proved', () => {
  test(
    'is asserted to the called phone, whatever it says of itself (RFC 3325 section 9.1)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102', {
        headers: [
          'P-Asserted-Identity: <sip:999@office.example>',
          'P-Preferred-Identity: <sip:998@office.example>',
        ],
      })
      const invite = await bob.expects('INVITE')
      expect(invite.headers('P-Asserted-Identity')).toEqual(['"Extension 101" <sip:101@office.example>'])
      expect(invite.headers('P-Preferred-Identity')).toEqual([])
      expect(invite.header('From')).toStartWith('<sip:101@office.example>')
    }),
  )

  test(
    'is asserted by its number when it names itself by its user (DESIGN section 5)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102', { from: '<sip:user101@office.example>;tag=a' })
      const invite = await bob.expects('INVITE')
      expect(invite.header('P-Asserted-Identity')).toEndWith('<sip:101@office.example>')
    }),
  )

  test(
    'is asserted with its real name, escaped and in UTF-8 (RFC 3261 section 25.1)',
    inOffice(async (office) => {
      office.database.add('101', { displayName: 'Zoë "Z" \\' })
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102')
      const [name] = (await bob.expects('INVITE')).headers('P-Asserted-Identity')
      expect(Buffer.from(name!, 'latin1').toString()).toBe('"Zoë \\"Z\\" \\\\" <sip:101@office.example>')
    }),
  )

  test(
    'breaks no header, whatever its row holds',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const asserted = async (changed: Partial<ExtensionRecord>) => {
        office.database.add('101', changed)
        await office.clock.idle()
        const invite = await alice.calls('102')
        const received = await bob.expects('INVITE')
        bob.answers(received, '486 Busy Here')
        alice.acks(invite, await alice.expects('486'))
        await bob.expects('ACK')
        expect(received.headers('X-Evil')).toEqual([])
        return received.headers('P-Asserted-Identity')
      }
      expect(await asserted({ number: '1\0\r\nX-Evil: <"@b>#é', displayName: '' })).toEqual([
        '<sip:1%00%0D%0AX-Evil%3A%20%3C%22%40b%3E%23%C3%A9@office.example>',
      ])
      expect(await asserted({ displayName: 'a"\r\nX-Evil: \\\0\x7f' })).toEqual([
        '"a\\"  X-Evil: \\\\  " <sip:101@office.example>',
      ])
      for (const domain of ['office.example>\r\nX-Evil: y', 'a b', '', '[::1', 'office.example\r\n'])
        expect(await asserted({ domain })).toEqual([])
      expect(await asserted({ domain: '::1', displayName: '' })).toEqual(['<sip:101@[::1]>'])
    }),
  )

  test.each(['id', 'user; id', 'ID'])('is not asserted with Privacy: %s (RFC 3325 section 9.3)', (privacy) =>
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const headers = [`Privacy: ${privacy}`, 'P-Asserted-Identity: <sip:999@office.example>']
      await alice.calls('102', { headers })
      expect((await bob.expects('INVITE')).headers('P-Asserted-Identity')).toEqual([])
    })(),
  )

  test(
    'is not told what the called phone asserts of itself (RFC 3325 section 5)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102')
      const invite = await bob.expects('INVITE')
      const asserted = ['P-Asserted-Identity: <sip:1@office.example>', 'X-Kept: yes']
      bob.answers(invite, '180 Ringing', asserted)
      bob.answers(invite, '200 OK', asserted)
      for (const status of ['180', '200']) {
        const answer = await alice.expects(status)
        expect(answer.headers('P-Asserted-Identity')).toEqual([])
        expect(answer.header('X-Kept')).toBe('yes')
      }
    }),
  )

  test(
    'keeps its proof to us; what is for another realm goes on (RFC 3261 section 22.3)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const foreign = 'Digest username="x", realm="elsewhere", nonce="n", uri="sip:a", response="00"'
      await alice.calls('102', { headers: [`Proxy-Authorization: ${foreign}`] })
      expect((await bob.expects('INVITE')).headers('Proxy-Authorization')).toEqual([foreign])
    }),
  )

  test(
    'keeps its proof to us in ACK and within the dialog too (sections 22.1 and 22.3)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const proof = (await alice.calls('102')).header('Proxy-Authorization')
      bob.answers(await bob.expects('INVITE'), '200 OK')
      const dialog = Dialog.ofCaller(alice, await alice.expects('200'))
      for (const method of ['ACK', 'BYE']) {
        dialog.sends(method, { headers: [`Proxy-Authorization: ${proof}`] })
        expect((await bob.expects(method)).headers('Proxy-Authorization')).toEqual([])
      }
    }),
  )

  test(
    'shows its proof for another realm within the dialog and in ACK too (section 22.3)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const proof = (await alice.calls('102')).header('Proxy-Authorization')
      bob.answers(await bob.expects('INVITE'), '200 OK')
      const dialog = Dialog.ofCaller(alice, await alice.expects('200'))
      const others = [
        'Digest username="x", realm="elsewhere", nonce="n", uri="sip:a", response="00"',
        'Own x',
      ]
      const headers = [proof, ...others].map((value) => `Proxy-Authorization: ${value}`)
      for (const method of ['ACK', 'BYE']) {
        dialog.sends(method, { headers })
        expect((await bob.expects(method)).headers('Proxy-Authorization')).toEqual(others)
      }
    }),
  )
})

describe('an extension', () => {
  test(
    'is never believed without proof, wherever the request comes from (section 22.3)',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      for (const method of ['OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'BYE']) {
        alice.sends(alice.request(method, 'sip:102@office.example'))
        await alice.expects('407')
      }
      await bob.expectsNothing()
    }),
  )

  test(
    'that is suspended may not call',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      office.database.add('101', { suspended: true })
      const invite = await alice.calls('102')
      alice.acks(invite, await alice.expects('403'))
      await bob.expectsNothing()
    }),
  )

  test(
    'that claims another’s number must prove that one',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      const invite = await alice.calls('102', { from: '<sip:103@office.example>;tag=a' })
      alice.acks(invite, await alice.expects('403'))
      await bob.expectsNothing()
    }),
  )
})

describe('a stranger', () => {
  const from = '<sip:eve@elsewhere.example>;tag=e'
  const bobUri = 'sip:102@office.example'

  test(
    'may ask a phone for its options, but may not call it',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', bobUri, { from }))
      bob.answers(await bob.expects('OPTIONS'), '200 OK')
      await eve.expects('200')
      const invite = eve.sends(eve.request('INVITE', bobUri, { from }))
      eve.acks(invite, await eve.expects('403'))
      await bob.expectsNothing()
    }),
  )

  test(
    'may do what the live setting stranger_methods lists, and is asserted to nobody',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      office.database.set('stranger_methods', 'INVITE')
      await office.clock.idle()
      const headers = ['P-Asserted-Identity: <sip:101@office.example>']
      const invite = eve.sends(eve.request('INVITE', bobUri, { from, headers }))
      const received = await bob.expects('INVITE')
      expect(received.headers('P-Asserted-Identity')).toEqual([])
      bob.answers(received, '486 Busy Here')
      eve.acks(invite, await eve.expects('486'))
      eve.sends(eve.request('OPTIONS', bobUri, { from }))
      await eve.expects('403')
    }),
  )
})

describe('a record that must be looked up', () => {
  test(
    'holds up nobody else, and is asked for once',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.answer_ms = 1000
      const unknown = office.phone('103')
      unknown.sendsRegister()
      unknown.sends(unknown.request('OPTIONS', 'sip:102@office.example'))
      await alice.calls('102')
      bob.answers(await bob.expects('INVITE'), '486 Busy Here')
      await unknown.expectsNothing()
      const asked = office.server.directory.counts().lookups
      await office.passes(1000)
      await unknown.expects('401')
      await unknown.expects('407')
      expect(office.server.directory.counts().lookups).toBe(asked)
    }),
  )

  test(
    'and cannot be, is 503 with Retry-After (RFC 3261 section 21.5.4)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      for (const fault of ['fails', 'hangs'] as const) {
        office.database.order('find', fault)
        phone.sendsRegister()
        await office.passes(3000)
        expect((await phone.expects('503')).header('Retry-After')).toBe('10')
      }
    }),
  )

  test(
    'is known as soon as its phone has registered (promise P4)',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.fault = 'hangs'
      const { caller } = await office.talk(alice, bob)
      caller.sends('BYE')
      bob.answers(await bob.expects('BYE'), '200 OK')
      await alice.expects('200')
      expect(office.server.waitsOnCallPath).toBe(0)
    }),
  )

  test(
    'is known of each registered phone from the first moment after a restart (promise P4)',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await office.restarts()
      office.database.fault = 'hangs'
      await office.talk(alice, bob)
      expect(office.server.waitsOnCallPath).toBe(0)
    }),
  )

  test(
    'of a registered phone is counted as a wait on the call path',
    inOffice(async (office) => {
      // Known under its number, not under the name of its user, which could not be learned just then.
      office.database.order('find', 'fails', 2)
      const alice = await office.registered('101')
      alice.sends(
        alice.request('OPTIONS', 'sip:102@office.example', { from: '<sip:user101@office.example>;tag=a' }),
      )
      await alice.expects('407')
      expect(office.server.waitsOnCallPath).toBe(1)
    }),
  )
})
