// Promise P4: whose phone is registered is in memory, under every name that calls it.

import { describe, expect, test } from 'bun:test'
import { inOffice, type Office } from '../support/office.ts'
import type { Phone } from '../support/phone.ts'

const TINY = { limits: { directory_entries: 2 } }
const STRANGERS = Array.from({ length: 50 }, (_, n) => String(200 + n))

/** Others look for extensions whose phones are not registered, and for numbers that nobody has. */
async function churn(office: Office): Promise<void> {
  for (const number of STRANGERS) office.database.add(number)
  const stranger = office.phone('9')
  for (const number of [...STRANGERS, ...STRANGERS.map((one) => `${one}0`)]) {
    stranger.sends(
      stranger.request('OPTIONS', `sip:${number}@office.example`, { from: '<sip:9@far.example>;tag=1' }),
    )
    await stranger.expects(STRANGERS.includes(number) ? '480' : '404')
  }
  expect(office.server.directory.counts().evictions).toBeGreaterThanOrEqual(STRANGERS.length - 2)
}

/** Every way in which one can call the other, with the database away. */
async function callWithoutDatabase(office: Office, alice: Phone, bob: Phone): Promise<void> {
  office.database.fault = 'fails'
  const { lookups } = office.server.directory.counts()
  await office.talk(alice, bob)
  await alice.calls('user102')
  bob.answers(await bob.expects('INVITE'), '200 OK')
  await alice.expects('200')
  expect(office.server.directory.counts().lookups).toBe(lookups)
  expect(office.server.waitsOnCallPath).toBe(0)
}

describe('a registered phone', () => {
  test(
    'calls and is called without a look-up, however many others were looked for',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await office.clock.idle()
      await churn(office)
      await callWithoutDatabase(office, alice, bob)
    }, TINY),
  )

  test(
    'does so after a restart of the server too',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await office.registered('103')
      await office.restarts()
      await office.clock.idle()
      expect(office.server.directory.counts()).toMatchObject({ active: 6, others: 0 })
      await churn(office)
      await callWithoutDatabase(office, alice, bob)
    }, TINY),
  )

  test(
    'does so under a new user name from the moment that the row has changed',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.add('102', { userName: 'bob' })
      await office.clock.idle()
      await churn(office)
      office.database.fault = 'fails'
      await alice.calls('bob')
      bob.answers(await bob.expects('INVITE'), '200 OK')
      await alice.expects('200')
      expect(office.server.waitsOnCallPath).toBe(0)
    }, TINY),
  )

  test(
    'is one among the others again when it has unregistered, or its time is over',
    inOffice(async (office) => {
      const bob = await office.registered('102', { expires: 60 })
      const carol = await office.registered('103')
      await carol.registers({ expires: 0 })
      expect(office.server.directory.counts()).toMatchObject({ active: 2, others: 2 })
      await office.passes(62_000)
      expect(office.server.directory.counts()).toMatchObject({ active: 0, others: 2 })
      await churn(office)
      bob.sendsRegister()
      await bob.expects('401')
      expect(office.server.waitsOnCallPath).toBe(0)
    }, TINY),
  )
})

test(
  'a call that does wait for the record of a registered phone is counted',
  inOffice(async (office) => {
    const alice = await office.registered('101')
    // Its number is found; its user's name, which is learned in the background, can't be looked up just then.
    office.database.order('find', 'fails', 2)
    const bob = await office.registered('102')
    await alice.calls('user102')
    bob.answers(await bob.expects('INVITE'), '200 OK')
    await alice.expects('200')
    expect(office.server.waitsOnCallPath).toBe(1)
    await office.passes(2000)
    await office.talk(alice, bob)
    expect(office.server.waitsOnCallPath).toBe(1)
  }),
)
