// The chain that a request goes along, and how the server answers for itself.

import { describe, expect, test } from 'bun:test'
import { IdSource } from '../../src/sip/id.ts'
import type { AnyServerTransaction } from '../../src/transaction/transaction.ts'
import { Chain, Exchange, type Handler, type Verdict } from '../../src/ua/uas.ts'
import { requestOf } from '../support/message.ts'
import { inOffice } from '../support/office.ts'

const REQUEST = `OPTIONS sip:office.example SIP/2.0
Via: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bK1
From: <sip:101@office.example>;tag=1
To: <sip:office.example>
Call-ID: 1
CSeq: 1 OPTIONS`

/** Stands for a transaction in tests that look at the chain alone: whoever answers here breaks the test. */
function silentExchange(): Exchange {
  const transaction: Pick<AnyServerTransaction, 'respond'> = {
    respond() {
      throw new Error('nobody answers here')
    },
  }
  return new Exchange(requestOf(REQUEST), transaction as AnyServerTransaction, new IdSource(), 0, () => {})
}

/** A chain of these verdicts; tells which links were asked, and what was told as a defect. */
function chainOf(...verdicts: readonly (() => Verdict | Promise<Verdict>)[]) {
  const asked: number[] = []
  const defects: unknown[] = []
  const handlers = verdicts.map(
    (verdict, link): Handler => ({
      handle() {
        asked.push(link)
        return verdict()
      },
    }),
  )
  const chain = new Chain(handlers, (error) => void defects.push(error))
  return { asked, defects, run: () => chain.run(silentExchange()) }
}

const next = () => 'next' as const
const done = () => 'done' as const

describe('a chain', () => {
  test('ends at the first link that takes the request, without a turn in between', () => {
    const { asked, run } = chainOf(next, done, next)
    run()
    expect(asked).toEqual([0, 1])
  })

  test('goes on where it waited', async () => {
    const looked = Promise.withResolvers<Verdict>()
    const { asked, run } = chainOf(next, () => looked.promise, next, done)
    run()
    expect(asked).toEqual([0, 1])
    looked.resolve('next')
    await looked.promise
    await Promise.resolve()
    expect(asked).toEqual([0, 1, 2, 3])
  })

  test('throws what a link throws at once, and tells of what one throws later', async () => {
    const broken = new TypeError('broken')
    const sync = chainOf(() => {
      throw broken
    })
    expect(sync.run).toThrow(broken)
    const late = chainOf(() => Promise.reject(broken), done)
    late.run()
    await Promise.resolve()
    await Promise.resolve()
    expect(late.defects).toEqual([broken])
    expect(late.asked).toEqual([0])
  })

  test('that nobody takes a request from is a defect', () => {
    expect(chainOf(next).run).toThrow('no handler took a OPTIONS')
  })
})

describe('an answer of our own (RFC 3261 section 8.2.6)', () => {
  test(
    'has Via, From, Call-ID and CSeq as they came, and a tag in To',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const request = phone.sends(phone.request('OPTIONS', 'sip:office.example'))
      const answer = await phone.expects('200')
      for (const name of ['From', 'Call-ID', 'CSeq']) expect(answer.header(name)).toBe(request.header(name))
      expect(answer.header('Server')).toBe('SipWitchEs')
      expect(answer.header('To')).toMatch(/^<sip:office\.example>;tag=[0-9a-f]{20}$/)
    }),
  )

  test(
    'has no tag in To when it is a 100, and copies Timestamp (section 8.2.6.1)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102')]
      await alice.calls('102', { headers: ['Timestamp: 54'] })
      const trying = await alice.expects('100')
      expect(trying.header('To')).toBe('<sip:102@office.example>')
      expect(trying.header('Timestamp')).toBe('54')
      await bob.expects('INVITE')
    }),
  )

  test(
    'is told in the log with the reason that the peer does not hear',
    inOffice(async (office) => {
      await office.phone('101').registers({ proof: { password: 'wrong' } }, '403')
      const [line] = office.logged('answer').filter(({ status }) => status === 403)
      expect(line).toMatchObject({ why: 'wrong_password', method: 'REGISTER', source: 'udp:10.0.1.1:5060' })
    }),
  )
})
