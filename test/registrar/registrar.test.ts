// Registration as phones meet it: RFC 3261 section 10, RFC 3327.

import { describe, expect, test } from 'bun:test'
import { splitList } from '../../src/sip/header.ts'
import { inOffice } from '../support/office.ts'
import type { Phone } from '../support/phone.ts'
import type { WireMessage } from '../support/wire.ts'

const CONTACT = 'sip:101@10.9.9.9:5062'
/** More than a sweep of expired bindings takes to come by. */
const SWEEP_MS = 1100

function contactsOf(answer: WireMessage): string[] {
  return answer.headers('Contact').flatMap(splitList)
}

/** What is registered, as a phone asks for it (section 10.2.3). */
async function query(phone: Phone): Promise<string[]> {
  return contactsOf(await phone.registers({ contacts: [], expires: null, callId: 'query' }))
}

describe('a binding', () => {
  test(
    'is added, and the 200 names it with the time it was given (RFC 3261 section 10.3 step 8)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const answer = await phone.registers({ expires: 600 })
      expect(contactsOf(answer)).toEqual([`<${phone.contactUri}>;expires=600`])
      expect(answer.header('Date')).toBe('Tue, 01 Jan 2030 00:00:00 GMT')
      expect(office.logged('registered')).toHaveLength(1)
    }),
  )

  test(
    'is refreshed by the same contact (section 10.2.4)',
    inOffice(async (office) => {
      const phone = await office.registered('101', { expires: 600 })
      await office.passes(100_000)
      expect(await query(phone)).toEqual([`<${phone.contactUri}>;expires=500`])
      expect(contactsOf(await phone.registers({ expires: 600 }))).toEqual([
        `<${phone.contactUri}>;expires=600`,
      ])
      const [binding] = office.database.bindings
      expect(binding!.registeredAt).toBe(office.clock.now())
      expect(office.database.bindings).toHaveLength(1)
      expect(office.logged('refreshed')).toHaveLength(1)
    }),
  )

  test(
    'is removed by Expires: 0, or by expires=0 of its own (section 10.2.2)',
    inOffice(async (office) => {
      const phone = await office.registered('101')
      expect(contactsOf(await phone.registers({ expires: 0 }))).toEqual([])
      await phone.registers()
      expect(contactsOf(await phone.registers({ contacts: [`<${phone.contactUri}>;expires=0`] }))).toEqual([])
      expect(office.database.bindings).toEqual([])
      expect(office.logged('unregistered')).toHaveLength(2)
    }),
  )

  test(
    'that is not there is removed without complaint',
    inOffice(async (office) => {
      expect(contactsOf(await office.phone('101').registers({ expires: 0 }))).toEqual([])
    }),
  )

  test(
    'ends with its time, in memory and in the database (section 10.3)',
    inOffice(async (office) => {
      const phone = await office.registered('101', { expires: 60 })
      await office.passes(59_000)
      expect(await query(phone)).toHaveLength(1)
      await office.passes(2000)
      expect(await query(phone)).toEqual([])
      expect(office.server.location.count).toBe(0)
      expect(office.database.bindings).toEqual([])
      expect(office.logged('expired')).toHaveLength(1)
    }),
  )

  test(
    'rings no more from the moment that it ends, whenever it is cleared away',
    inOffice(async (office) => {
      await office.registered('102', { expires: 60 })
      const alice = await office.registered('101')
      await office.passes(60_000)
      const invite = await alice.calls('102')
      alice.acks(invite, await alice.expects('480'))
    }),
  )

  test(
    'of a removed extension ends at once',
    inOffice(async (office) => {
      await office.registered('101')
      office.database.remove('101')
      await office.clock.idle()
      expect(office.server.location.count).toBe(0)
      expect(office.logged('unregistered')).toHaveLength(1)
    }),
  )

  test(
    'of a suspended user ends at once, and stays out of the database',
    inOffice(async (office) => {
      await office.registered('101')
      office.database.add('101', { suspended: true })
      await office.clock.idle()
      expect(office.server.location.count).toBe(0)
      expect(office.database.bindings).toEqual([])
    }),
  )

  test(
    'is still there after a restart, with what is left of its time',
    inOffice(async (office) => {
      const phone = await office.registered('101', { expires: 600 })
      await office.passes(100_000)
      await office.restarts()
      expect(await query(phone)).toEqual([`<${phone.contactUri}>;expires=500`])
    }),
  )

  test(
    'that expired while the server was down is gone from the database too',
    inOffice(async (office) => {
      await office.registered('101', { expires: 60 })
      await office.server.stop()
      await office.passes(61_000)
      await office.opens()
      await office.passes(SWEEP_MS)
      expect(office.server.location.count).toBe(0)
      expect(office.database.bindings).toEqual([])
    }),
  )
})

describe('"*"', () => {
  test(
    'with Expires: 0 removes all bindings (section 10.2.2)',
    inOffice(async (office) => {
      const phone = await office.registered('101', { contacts: [`<${CONTACT}>`, '<sip:101@10.9.9.8>'] })
      expect(contactsOf(await phone.registers({ contacts: ['*'], expires: 0 }))).toEqual([])
      expect(office.database.bindings).toEqual([])
    }),
  )

  test(
    'with another expiry, or beside another contact, is 400 and removes nothing (section 10.3 step 6)',
    inOffice(async (office) => {
      const phone = await office.registered('101')
      await phone.registers({ contacts: ['*'], expires: 60 }, '400')
      await phone.registers({ contacts: ['*'], expires: null }, '400')
      await phone.registers({ contacts: ['*', `<${CONTACT}>`], expires: 0 }, '400')
      expect(await query(phone)).toHaveLength(1)
    }),
  )

  test(
    'that comes late in its Call-ID removes nothing (section 10.3 step 6)',
    inOffice(async (office) => {
      const phone = await office.registered('101', { cseq: 10 })
      await phone.registers({ contacts: ['*'], expires: 0, cseq: 9 }, '500')
      expect(await query(phone)).toHaveLength(1)
    }),
  )
})

describe('the order of requests (section 10.3 step 7)', () => {
  test(
    'is that of CSeq within one Call-ID: an equal or lower one is 500',
    inOffice(async (office) => {
      const phone = await office.registered('101', { cseq: 10, expires: 600 })
      await phone.registers({ cseq: 10, expires: 0 }, '500')
      await phone.registers({ cseq: 9, expires: 0 }, '500')
      expect(await query(phone)).toEqual([`<${phone.contactUri}>;expires=600`])
      await phone.registers({ cseq: 11 })
    }),
  )

  test(
    'does not bind a phone that was restarted: another Call-ID may begin anew',
    inOffice(async (office) => {
      const phone = await office.registered('101', { cseq: 1000 })
      await phone.registers({ cseq: 1, callId: 'after-restart' })
    }),
  )
})

describe('the limit of bindings', () => {
  test(
    'is that of the live setting: one more is 403, a refresh is not',
    inOffice(
      async (office) => {
        const phone = await office.registered('101', {
          contacts: ['<sip:101@10.9.9.1>', '<sip:101@10.9.9.2>'],
        })
        await phone.registers({ contacts: ['<sip:101@10.9.9.3>'] }, '403')
        await phone.registers({ contacts: ['<sip:101@10.9.9.2>'] })
        office.database.set('max_bindings', '3')
        await office.clock.idle()
        await phone.registers({ contacts: ['<sip:101@10.9.9.3>'] })
        // Those that are there already may stay.
        office.database.set('max_bindings', '1')
        await office.clock.idle()
        await phone.registers({ contacts: ['<sip:101@10.9.9.2>'] })
      },
      { settings: { max_bindings: '2' } },
    ),
  )

  test(
    'is the extension’s own where its row has one',
    inOffice(async (office) => {
      office.database.add('101', { maxBindings: 1 })
      const phone = await office.registered('101')
      await phone.registers({ contacts: ['<sip:101@10.9.9.3>'] }, '403')
      expect(await query(phone)).toHaveLength(1)
    }),
  )

  test(
    'counts what is left: one contact may take the place of another in one request',
    inOffice(async (office) => {
      office.database.add('101', { maxBindings: 1 })
      const phone = await office.registered('101', { contacts: ['<sip:101@10.9.9.1>'] })
      await phone.registers({ contacts: ['<sip:101@10.9.9.1>;expires=0', '<sip:101@10.9.9.2>'] })
      expect(await query(phone)).toEqual(['<sip:101@10.9.9.2>;expires=600'])
    }),
  )
})

describe('several contacts in one request', () => {
  test(
    'are all taken, and a query names the preferred first (section 20.10)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const answer = await phone.registers({
        contacts: ['<sip:101@10.9.9.1>;q=0.5, <sip:101@10.9.9.2>;q=0.75', '<sip:101@10.9.9.3>'],
        expires: 600,
      })
      expect(contactsOf(answer).sort()).toEqual([
        '<sip:101@10.9.9.1>;expires=600;q=0.5',
        '<sip:101@10.9.9.2>;expires=600;q=0.75',
        '<sip:101@10.9.9.3>;expires=600',
      ])
      expect(await query(phone)).toEqual([
        '<sip:101@10.9.9.3>;expires=600',
        '<sip:101@10.9.9.2>;expires=600;q=0.75',
        '<sip:101@10.9.9.1>;expires=600;q=0.5',
      ])
    }),
  )

  test(
    'that are the same one leave the last of them (section 10.3 step 7)',
    inOffice(async (office) => {
      const phone = await office.registered('101', { contacts: [`<${CONTACT}>;q=1`, `<${CONTACT}>;q=0.5`] })
      expect(await query(phone)).toEqual([`<${CONTACT}>;expires=600;q=0.5`])
    }),
  )

  test.each([
    ['one that is no URI', 'not a uri', '400'],
    ['one with a q above 1', '<sip:101@10.9.9.2>;q=1.5', '400'],
    ['one that is too brief', '<sip:101@10.9.9.2>;expires=5', '423'],
  ])('are none taken when there is %s (section 10.3 step 7)', (_what, contact, status) =>
    inOffice(async (office) => {
      const phone = office.phone('101')
      await phone.registers({ contacts: ['<sip:101@10.9.9.1>', contact] }, status)
      expect(await query(phone)).toEqual([])
      expect(office.database.bindings).toEqual([])
    })(),
  )
})

describe('on behalf of somebody else', () => {
  test(
    'To says whose contact it is, and it is To that must be proved (section 10.2)',
    inOffice(async (office) => {
      const assistant = office.phone('101')
      const from = `<${assistant.aor}>;tag=a`
      await assistant.registers({ from, to: '<sip:102@office.example>' }, '403')
      const owner = office.phone('102')
      await owner.registers({ from, contacts: ['<sip:102@10.9.9.9>'] })
      expect(office.database.bindings.map(({ contact }) => contact)).toEqual(['sip:102@10.9.9.9'])
    }),
  )

  test(
    'an address of record in another domain is 404 (section 10.3 step 5)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      phone.sendsRegister({ to: '<sip:101@elsewhere.example>' })
      await phone.expects('404')
    }),
  )

  test(
    'a REGISTER for another domain is 404, whatever its To says (section 10.3 step 1)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      phone.sends(phone.request('REGISTER', 'sip:elsewhere.example', { to: `<${phone.aor}>` }))
      await phone.expects('404')
    }),
  )

  test(
    'has arrived with Max-Forwards: 0: only who would forward it has to count (section 16.3 item 3)',
    inOffice(async (office) => {
      await office.phone('101').registers({ maxForwards: 0 })
    }),
  )

  test(
    'an address of record at our own address is one of the default domain',
    inOffice(async (office) => {
      const phone = office.phone('101')
      await phone.registers({ to: '<sip:101@10.0.0.1>' })
      expect(office.database.bindings).toHaveLength(1)
    }),
  )
})

describe('Path (RFC 3327)', () => {
  test(
    'is echoed in the 200, and is the Route towards the phone',
    inOffice(async (office) => {
      const edge = office.phone('edge')
      const path = [`<sip:${edge.sentBy};lr>`, '<sip:inner.example;lr>']
      const bob = office.phone('102')
      const answer = await bob.registers({ headers: path.map((value) => `Path: ${value}`) })
      expect(answer.headers('Path')).toEqual(path)
      const alice = await office.registered('101')
      await alice.calls('102')
      const invite = await edge.expects('INVITE')
      expect(invite.startLine).toBe(`INVITE ${bob.contactUri} SIP/2.0`)
      expect(invite.headers('Route').flatMap(splitList)).toEqual(path)
      await bob.expectsNothing()
    }),
  )
})

describe('the 200 is durable (promise P2)', () => {
  test(
    'it leaves only after the commit',
    inOffice(async (office) => {
      office.database.commit_ms = 40
      const phone = office.phone('101')
      await phone.sendsProvedRegister()
      await office.passes(39)
      await phone.expectsNothing()
      await office.passes(1)
      await phone.expects('200')
      expect(office.database.bindings).toHaveLength(1)
    }),
  )

  test(
    'a retransmission meanwhile is absorbed, and writes nothing twice (RFC 3261 section 17.2.2)',
    inOffice(async (office) => {
      office.database.commit_ms = 1000
      const phone = office.phone('101')
      const sent = await phone.sendsProvedRegister()
      await office.passes(500)
      phone.sends(sent.text)
      await office.passes(1000)
      await phone.expects('200')
      expect(phone.count('200')).toBe(1)
      expect(office.server.store.counts().commits).toBe(1)
    }),
  )

  test(
    'without a commit it is 503 with Retry-After (section 21.5.4)',
    inOffice(async (office) => {
      office.database.order('commit', 'fails')
      const phone = office.phone('101')
      const refused = await phone.registers({}, '503')
      expect(refused.header('Retry-After')).toBe('10')
      await phone.registers()
    }),
  )

  test(
    'a commit that is never answered is 503 too, after the limit of the store',
    inOffice(async (office) => {
      office.database.order('commit', 'hangs')
      const phone = office.phone('101')
      await phone.sendsProvedRegister()
      await office.passes(10_000)
      await phone.expects('503')
    }),
  )
})
