// The way to a phone: RFC 3261 sections 16.6 step 7 and 18.2.2, RFC 3581, RFC 3263.

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

describe('a phone behind a NAT', () => {
  const inside = '192.168.1.5:5060'

  test(
    'is called where its REGISTER came from, with its own contact in the Request-URI',
    inOffice(async (office) => {
      const bob = office.phone('102', { port: 40_000, inside })
      expect((await bob.registers()).header('Via')).toContain(`received=${bob.address.host};rport=40000`)
      const alice = await office.registered('101', { port: 40_000, inside: '192.168.2.6:5060' })
      const { caller, callee } = await office.talk(alice, bob)
      expect(caller.target).toBe(`sip:102@${inside}`)
      callee.sends('BYE')
      alice.answers(await alice.expects('BYE'), '200 OK')
      await bob.expects('200')
    }),
  )

  test.each([';ob', ';line=7'])('is the same phone with %s in its contact, or without', (parameter) =>
    inOffice(async (office) => {
      const alice = await office.registered('101')
      const bob = await office.registered('102', { inside })
      await bob.registers({ contacts: [`<${bob.contactUri}${parameter}>`] })
      const { caller } = await office.talk(alice, bob)
      alice.sends(caller.request('BYE').replace(caller.target, `${caller.target}${parameter}`))
      bob.answers(await bob.expects('BYE'), '200 OK')
    })(),
  )

  test(
    'cannot draw the calls of another to itself with the same contact',
    inOffice(async (office) => {
      const contacts = [`<sip:desk@${inside}>`]
      const bob = await office.registered('102', { inside, contacts })
      await office.registered('103', { inside, contacts })
      expect(office.server.location.byContact(`sip:desk@${inside}`)?.source).toBe(
        `udp:${bob.address.host}:${bob.address.port}`,
      )
    }),
  )
})

describe('a phone on a connection', () => {
  test(
    'is called over the connection it registered on (RFC 5626 in spirit)',
    inOffice(async (office) => {
      const bob = await office.registered('102', { transport: 'tcp' })
      await office.phone('101').calls('102')
      await bob.expects('INVITE')
      expect(office.transport('tcp').counts.connectionsOpen).toBe(1)
    }),
  )

  test(
    'is called at its contact after a restart has cut that connection',
    inOffice(async (office) => {
      const bob = await office.registered('102', { transport: 'tcp' })
      await office.restarts()
      await office.phone('101').calls('102')
      await bob.expects('INVITE')
    }),
  )

  test(
    'whose contact is elsewhere is called there, not over the connection',
    inOffice(async (office) => {
      const [desk, agent] = [office.phone('102'), office.phone('102', { transport: 'tcp' })]
      await agent.registers({ contacts: [`<${desk.contactUri}>`] })
      await office.phone('101').calls('102')
      await desk.expects('INVITE')
      await agent.expectsNothing()
    }),
  )
})

describe('a contact', () => {
  test(
    'with a host name is resolved (RFC 3263 section 4.2)',
    inOffice(
      async (office) => {
        const desk = office.phone('102', { host: '10.7.7.7' })
        await desk.registers({ contacts: ['<sip:102@desk.example>'] })
        await office.phone('101').calls('102')
        expect((await desk.expects('INVITE')).startLine).toBe('INVITE sip:102@desk.example SIP/2.0')
      },
      { names: new Map([['desk.example', '10.7.7.7']]) },
    ),
  )

  test.each([
    ['whose name does not exist', 'sip:102@nowhere.example'],
    ['that needs TLS, which is not there', 'sips:102@10.9.9.9'],
    ['over a transport that is not there', 'sip:102@10.9.9.9;transport=sctp'],
    ['that leads back to us, whatever its spelling', 'sip:102@10.0.0.1:5060;x=1'],
    ['whose name leads back to us', 'sip:102@server.example'],
    ['that leads back to us over IPv6', 'sip:102@[2001:DB8:0::1]'],
  ])('%s is 480', (_what, contact) =>
    inOffice(
      async (office) => {
        await office.registered('102', { contacts: [`<${contact}>`] })
        const alice = office.phone('101')
        const invite = await alice.calls('102')
        alice.acks(invite, await alice.expects('480'))
      },
      { names: new Map([['server.example', '10.0.0.1']]) },
    )(),
  )

  test(
    'with maddr is called there (RFC 3261 section 19.1.1)',
    inOffice(async (office) => {
      const desk = office.phone('102', { host: '10.7.7.7' })
      await desk.registers({ contacts: ['<sip:102@10.9.9.9;maddr=10.7.7.7>'] })
      await office.phone('101').calls('102')
      await desk.expects('INVITE')
    }),
  )
})

describe('an answer', () => {
  const OPTIONS_URI = 'sip:office.example'

  test(
    'goes to the port it came from when rport asks so (RFC 3581 section 4)',
    inOffice(async (office) => {
      const phone = office.phone('101', { port: 40_000 })
      phone.sends(
        phone.request('OPTIONS', OPTIONS_URI, { via: 'SIP/2.0/UDP 192.168.1.5;rport;branch=z9hG4bKa' }),
      )
      expect((await phone.expects('200')).header('Via')).toBe(
        `SIP/2.0/UDP 192.168.1.5;received=${phone.address.host};rport=40000;branch=z9hG4bKa`,
      )
    }),
  )

  test(
    'goes to the port in Via without it, at the address it came from (RFC 3261 section 18.2.2)',
    inOffice(async (office) => {
      const [sending, listening] = [
        office.phone('101', { host: '10.5.5.5', port: 40_000 }),
        office.phone('101', { host: '10.5.5.5', port: 5070 }),
      ]
      sending.sends(
        sending.request('OPTIONS', OPTIONS_URI, { via: 'SIP/2.0/UDP 192.168.1.5:5070;branch=z9hG4bKb' }),
      )
      expect((await listening.expects('200')).header('Via')).toBe(
        'SIP/2.0/UDP 192.168.1.5:5070;branch=z9hG4bKb;received=10.5.5.5',
      )
      await sending.expectsNothing()
    }),
  )

  test(
    'to a phone that named its address rightly has its Via as it came',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const via = `SIP/2.0/UDP ${phone.sentBy};branch=z9hG4bKc`
      phone.sends(phone.request('OPTIONS', OPTIONS_URI, { via }))
      expect((await phone.expects('200')).header('Via')).toBe(via)
    }),
  )
})

test(
  'what no Request-URI may hold is taken out of a contact that has it (section 16.6 step 2, table 1)',
  inOffice(async (office) => {
    const bob = office.phone('102')
    await bob.registers({
      contacts: [`<sip:10;method=2@${bob.sentBy};method=INVITE;line=1?Subject=x&Route=%3Csip:y%3E>`],
    })
    await office.phone('101').calls('102')
    const invite = await bob.expects('INVITE')
    expect(invite.startLine).toBe(`INVITE sip:10;method=2@${bob.sentBy};line=1 SIP/2.0`)
    bob.answers(invite, '486 Busy Here')
  }),
)
