// How far one request may spread over all the proxies that it comes through: RFC 5393 section 5.

import { describe, expect, test } from 'bun:test'
import { inOffice, type Office } from '../support/office.ts'
import type { Phone } from '../support/phone.ts'

async function phones(office: Office, count: number): Promise<Phone[]> {
  const all: Phone[] = []
  for (let phone = 0; phone < count; phone++) all.push(await office.registered('102'))
  return all
}

/** What each phone is given when 101 calls them all with this. */
async function shares(office: Office, count: number, ...headers: readonly string[]): Promise<string[][]> {
  const called = await phones(office, count)
  await office.phone('101').calls('102', { headers })
  const invites = await Promise.all(called.map((phone) => phone.expects('INVITE')))
  called.forEach((phone, n) => {
    phone.answers(invites[n]!, '486 Busy Here')
  })
  return invites.map((invite) => [...invite.headers('Max-Breadth')])
}

describe('Max-Breadth', () => {
  test.each([
    ['is 60 where there is none', 1, [], [['60']]],
    ['is split over the branches, all of it', 3, ['Max-Breadth: 8'], [['3'], ['3'], ['2']]],
    ['is enough when each branch has one', 3, ['Max-Breadth: 3'], [['1'], ['1'], ['1']]],
    ['above our own limit is cut to it', 2, ['Max-Breadth: 1000'], [['30'], ['30']]],
    ['is one value, whatever came', 1, ['Max-Breadth: 5', 'Max-Breadth: 7'], [['5']]],
  ] as const)('%s', (_what, count, headers, expected) =>
    inOffice(async (office) => {
      const given = await shares(office, count, ...headers)
      expect(given.toSorted().toReversed()).toEqual(expected.map((one) => [...one]))
    })(),
  )

  test.each([
    ['used up before all phones have rung is 440, and none rings', '2', '440'],
    ['of none at all is 440', '0', '440'],
    ['that is no number is 400', 'wide', '400'],
  ])('%s', (_what, value, status) =>
    inOffice(async (office) => {
      const called = await phones(office, 3)
      const alice = office.phone('101')
      const invite = await alice.calls('102', { headers: [`Max-Breadth: ${value}`] })
      alice.acks(invite, await alice.expects(status))
      for (const phone of called) await phone.expectsNothing()
    })(),
  )

  test(
    'goes on within a dialog too, to its one target',
    inOffice(async (office) => {
      const { caller, callee } = await office.talk(office.phone('101'), await office.registered('102'))
      caller.sends('INFO', { headers: ['Max-Breadth: 4'] })
      const info = await callee.phone.expects('INFO')
      expect(info.headers('Max-Breadth')).toEqual(['4'])
      callee.phone.answers(info, '200 OK')
      await caller.phone.expects('200')
    }),
  )
})
