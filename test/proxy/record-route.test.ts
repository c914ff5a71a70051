// Staying in the path of a call, and what follows it there: RFC 3261 sections 16.4, 16.6 and 16.12, RFC 5658.

import { describe, expect, test } from 'bun:test'
import { splitList } from '../../src/sip/header.ts'
import type { TransportName } from '../../src/transport/transport.ts'
import { Dialog, uriOf } from '../support/dialog.ts'
import { inOffice, type Office } from '../support/office.ts'

/** Both sides of a call between phones of these transports. */
async function talk(office: Office, from: TransportName, to: TransportName) {
  const alice = await office.registered('101', { transport: from })
  const bob = await office.registered('102', { transport: to })
  return { alice, bob, ...(await office.talk(alice, bob)) }
}

const WAYS = [
  ['udp', 'udp', 1],
  ['tcp', 'tcp', 1],
  ['udp', 'tcp', 2],
  ['tcp', 'udp', 2],
] as const

describe.each(WAYS)('a call from %s to %s', (from, to, values) => {
  test(
    'has us in its route set, twice where the transport changes (RFC 5658)',
    inOffice(async (office) => {
      const { caller, callee } = await talk(office, from, to)
      expect(callee.routes).toHaveLength(values)
      expect(caller.routes).toEqual(callee.routes.toReversed())
      const transports = callee.routes.map((route) => /transport=(\w+)/.exec(route)?.[1] ?? 'udp')
      // The callee finds us first where we reached it, the caller where it reached us.
      expect([transports[0]!, transports.at(-1)!]).toEqual([to, from])
    }),
  )

  test(
    'is hung up by the caller, and the BYE arrives with no Route of ours left (section 16.4)',
    inOffice(async (office) => {
      const { alice, bob, caller } = await talk(office, from, to)
      caller.sends('BYE')
      const bye = await bob.expects('BYE')
      expect(bye.startLine).toBe(`BYE ${bob.contactUri} SIP/2.0`)
      expect(bye.headers('Route')).toEqual([])
      bob.answers(bye, '200 OK')
      await alice.expects('200')
      expect(office.logged('ended')).toHaveLength(1)
    }),
  )

  test(
    'is hung up by the called phone',
    inOffice(async (office) => {
      const { alice, bob, callee } = await talk(office, from, to)
      callee.sends('BYE')
      alice.answers(await alice.expects('BYE'), '200 OK')
      await bob.expects('200')
      expect(alice.count('407')).toBe(1)
      expect(bob.count('407')).toBe(0)
    }),
  )

  test(
    'can be changed within: a re-INVITE passes unchallenged, with its ACK (section 14)',
    inOffice(async (office) => {
      const { alice, bob, callee } = await talk(office, from, to)
      callee.sends('INVITE', { headers: [`Contact: <${bob.contactUri}>`], body: 'v=0\r\n' })
      const invite = await alice.expects('INVITE')
      expect(invite.body).toBe('v=0\r\n')
      expect(invite.headers('P-Asserted-Identity')).toEqual([])
      // The route set stays as the first INVITE made it (section 12.2).
      expect(invite.headers('Record-Route')).toEqual([])
      alice.answers(invite, '200 OK')
      await bob.expects('200')
      callee.sends('ACK')
      await alice.expects('ACK')
    }),
  )

  test(
    'goes on after a restart of the server: the seal is the same',
    inOffice(async (office) => {
      const { bob, caller } = await talk(office, from, to)
      await office.restarts()
      caller.sends('BYE')
      await bob.expects('BYE')
    }),
  )
})

test.each(['udp', 'tcp'] as const)(
  'a call from IPv4 to IPv6 over %s has us in its route set once for each',
  (transport) =>
    inOffice(async (office) => {
      const alice = await office.registered('101', { transport })
      const bob = await office.registered('102', { transport, host: '2001:db8::7' })
      const { caller, callee } = await office.talk(alice, bob)
      expect(callee.routes.map((route) => /@?(10\.0\.0\.1|\[2001:db8::1\]):5060/.exec(route)?.[1])).toEqual([
        '[2001:db8::1]',
        '10.0.0.1',
      ])
      caller.sends('INFO')
      bob.answers(await bob.expects('INFO'), '200 OK')
      await alice.expects('200')
      callee.sends('BYE')
      alice.answers(await alice.expects('BYE'), '200 OK')
      await bob.expects('200')
    })(),
)

describe('a route set', () => {
  test(
    'with further hops is followed to the next one, which keeps its Route (section 16.6 step 6)',
    inOffice(async (office) => {
      const { caller, bob } = await talk(office, 'udp', 'udp')
      const edge = office.phone('edge')
      const further = [`<sip:${edge.sentBy};lr>`, '<sip:inner.example;lr>']
      caller.sends('BYE', { routes: [...caller.routes, ...further] })
      const bye = await edge.expects('BYE')
      expect(bye.startLine).toBe(`BYE ${caller.target} SIP/2.0`)
      expect(bye.headers('Route').flatMap(splitList)).toEqual(further)
      await bob.expectsNothing()
    }),
  )

  test(
    'with a strict router behind us: it finds itself in the Request-URI, the real one last (section 16.6 step 6)',
    inOffice(async (office) => {
      const { caller } = await talk(office, 'udp', 'udp')
      const strict = office.phone('strict')
      const routes = [...caller.routes, `<sip:${strict.sentBy}>`, '<sip:inner.example;lr>']
      caller.sends('BYE', { routes })
      const bye = await strict.expects('BYE')
      expect(bye.startLine).toBe(`BYE sip:${strict.sentBy} SIP/2.0`)
      expect(bye.headers('Route').flatMap(splitList)).toEqual([
        '<sip:inner.example;lr>',
        `<${caller.target}>`,
      ])
    }),
  )

  test(
    'that a strict router put into the Request-URI is put right again (section 16.4)',
    inOffice(async (office) => {
      const { alice, bob, caller } = await talk(office, 'udp', 'udp')
      const text = caller.request('BYE', { routes: [`<${caller.target}>`] })
      alice.sends(text.replace(`BYE ${caller.target}`, `BYE ${uriOf(caller.routes[0]!)}`))
      const bye = await bob.expects('BYE')
      expect(bye.startLine).toBe(`BYE ${bob.contactUri} SIP/2.0`)
      expect(bye.headers('Route')).toEqual([])
    }),
  )

  test(
    'that is only ourselves, as a preset outbound proxy, is no dialog (section 8.1.2)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102', { headers: ['Route: <sip:10.0.0.1:5060;lr>'] })
      expect((await bob.expects('INVITE')).headers('Route')).toEqual([])
    }),
  )

  test(
    'that breaks the grammar is 400',
    inOffice(async (office) => {
      const alice = office.phone('101')
      alice.sends(alice.request('OPTIONS', 'sip:102@office.example', { headers: ['Route: <sip:10.0.0.1'] }))
      await alice.expects('400')
    }),
  )

  test(
    'that is too long is 400',
    inOffice(async (office) => {
      const alice = office.phone('101')
      const headers = Array.from({ length: 21 }, () => 'Route: <sip:10.0.0.1;lr>')
      alice.sends(alice.request('OPTIONS', 'sip:102@office.example', { headers }))
      await alice.expects('400')
    }),
  )
})

test(
  'a Call-ID of any length is sealed (section 8.1.1.4)',
  inOffice(async (office) => {
    const [alice, bob] = [office.phone('101'), await office.registered('102')]
    await alice.calls('102', { callId: `${'x'.repeat(500)}@${'y'.repeat(500)}` })
    const invite = await bob.expects('INVITE')
    const dialog = Dialog.ofCallee(bob, invite, bob.answers(invite, '200 OK'))
    await alice.expects('200')
    dialog.sends('BYE')
    await alice.expects('BYE')
  }),
)

describe('nobody is relayed unasked', () => {
  test(
    'a BYE without our route is no part of a call, whatever its tags',
    inOffice(async (office) => {
      const { alice, bob, caller } = await talk(office, 'udp', 'udp')
      caller.sends('BYE', { routes: [] })
      await alice.expects('407')
      await bob.expectsNothing()
    }),
  )

  test(
    'and with a proof it is 403: its target is no number of ours',
    inOffice(async (office) => {
      const { alice, bob, caller } = await talk(office, 'udp', 'udp')
      caller.sends('BYE', { routes: [] })
      const proof = alice.proof(await alice.expects('407'), 'BYE', caller.target)
      caller.sends('BYE', { routes: [], headers: [proof] })
      await alice.expects('403')
      await bob.expectsNothing()
    }),
  )

  test(
    'a seal that was made up, or is of another call, is refused',
    inOffice(async (office) => {
      const { alice, caller } = await talk(office, 'udp', 'udp')
      const victim = office.phone('victim')
      const forged = caller.routes[0]!.replace(/;d=[^;>]+/, ';d=AAAAAAAAAAAA')
      const further = `<sip:${victim.sentBy};lr>`
      caller.sends('BYE', { routes: [forged, further] })
      await alice.expects('403')
      caller.sends('BYE', { routes: [...caller.routes, further], callId: 'another' })
      await alice.expects('403')
      caller.sends('ACK', { routes: [forged, further] })
      await victim.expectsNothing()
    }),
  )

  test(
    'an ACK without our route goes nowhere, and gets no answer (section 17)',
    inOffice(async (office) => {
      const { alice, bob, caller } = await talk(office, 'udp', 'udp')
      caller.sends('ACK', { routes: [] })
      caller.sends('ACK', { maxForwards: 0 })
      await alice.expectsNothing()
      expect(bob.count('ACK')).toBe(1)
    }),
  )
})

test(
  'a SUBSCRIBE and a REFER make dialogs too, a MESSAGE does not (section 16.6 step 4, RFC 6665, RFC 3515)',
  inOffice(async (office) => {
    const [alice, bob] = [office.phone('101'), await office.registered('102')]
    for (const [method, values] of [
      ['SUBSCRIBE', 1],
      ['REFER', 1],
      ['MESSAGE', 0],
    ] as const) {
      await alice.proves(method, 'sip:102@office.example')
      const received = await bob.expects(method)
      expect(received.headers('Record-Route')).toHaveLength(values)
      bob.answers(received, '200 OK')
      await alice.expects('200')
    }
  }),
)

test(
  'the Record-Route values of others stay below ours (section 16.6 step 4)',
  inOffice(async (office) => {
    const [alice, bob] = [office.phone('101'), await office.registered('102')]
    await alice.calls('102', { headers: ['Record-Route: <sip:other.example;lr>'] })
    const invite = await bob.expects('INVITE')
    expect(invite.headers('Record-Route').flatMap(splitList)).toEqual([
      expect.stringContaining('sip:10.0.0.1:5060'),
      '<sip:other.example;lr>',
    ])
    expect(Dialog.ofCallee(bob, invite, bob.answers(invite, '486 Busy Here')).routes).toHaveLength(2)
  }),
)
