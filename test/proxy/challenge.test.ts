// Challenges of several phones to one request: RFC 3261 section 16.7 step 7.

import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

const DESK = 'Digest realm="desk", nonce="1", algorithm=MD5'
const MOBILE = 'Digest realm="mobile", nonce="2", algorithm=MD5'
const PROXY = 'Digest realm="proxy", nonce="3", algorithm=MD5'

test(
  'a 401 or 407 goes up with the challenges of all the others, as they came',
  inOffice(async (office) => {
    const [desk, mobile] = [await office.registered('102'), await office.registered('102')]
    const alice = office.phone('101')
    const invite = await alice.calls('102')
    desk.answers(await desk.expects('INVITE'), '401 Unauthorized', [`WWW-Authenticate: ${DESK}`])
    mobile.answers(await mobile.expects('INVITE'), '407 Proxy Authentication Required', [
      `WWW-Authenticate: ${MOBILE}`,
      `Proxy-Authenticate: ${PROXY}`,
    ])
    await office.clock.idle()
    const [refusal] = alice.heard.filter(({ status }) => status === 401)
    expect(refusal?.headers('WWW-Authenticate')).toEqual([DESK, MOBILE])
    expect(refusal?.headers('Proxy-Authenticate')).toEqual([PROXY])
    alice.acks(invite, await alice.expects('401'))
  }),
)

test(
  'what is no challenge takes none along',
  inOffice(async (office) => {
    const [desk, mobile] = [await office.registered('102'), await office.registered('102')]
    const alice = office.phone('101')
    const invite = await alice.calls('102')
    desk.answers(await desk.expects('INVITE'), '603 Decline')
    mobile.answers(await mobile.expects('INVITE'), '401 Unauthorized', [`WWW-Authenticate: ${MOBILE}`])
    const refusal = await alice.expects('603')
    expect(refusal.headers('WWW-Authenticate')).toEqual([])
    alice.acks(invite, refusal)
  }),
)
