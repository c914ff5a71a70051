// Floods of what is never finished: with the whole server, on virtual time. Tables stay bounded, and end up empty.

import { expect, test } from 'bun:test'
import { inOffice, type Office, type OfficeOptions } from '../support/office.ts'

const TABLE = 200
const FLOOD = 1000
const options: OfficeOptions = { limits: { serverTransactions: TABLE, clientTransactions: TABLE } }

/** A text from each of as many addresses as there are messages. */
function flood(office: Office, text: (n: number, host: string) => string): void {
  for (let n = 0; n < FLOOD; n++) {
    const host = `10.9.${n >> 8}.${n & 255}`
    const stranger = office.phone('666', { host })
    stranger.sends(text(n, host))
  }
}

function message(method: string, uri: string, n: number, host: string): string {
  return `${method} ${uri} SIP/2.0
Via: SIP/2.0/UDP ${host}:5060;rport;branch=z9hG4bKflood${n}
Max-Forwards: 70
From: <sip:101@office.example>;tag=flood${n}
To: <sip:102@office.example>
Call-ID: flood${n}
CSeq: 1 ${method}
Contact: <sip:101@${host}>
Content-Length: 0

`
}

test(
  'INVITEs that are never acknowledged, from made-up addresses: a call that is up goes on, and a new one goes ' +
    'through afterwards',
  inOffice(async (office) => {
    const [alice, bob] = [await office.registered('101'), await office.registered('102')]
    const call = await office.talk(alice, bob)
    flood(office, (n, host) => message('INVITE', 'sip:102@office.example', n, host))
    await office.clock.idle()
    const { transactions } = office.server
    expect(transactions.serverCount).toBeLessThanOrEqual(TABLE)
    expect(transactions.admission.refused.server_transactions).toBeGreaterThan(FLOOD - TABLE)
    expect(transactions.admission.pressure).toBe('critical')
    call.caller.sends('BYE')
    bob.answers(await bob.expects('BYE'), '200 OK')
    await alice.expects('200')
    // 64*T1 of the flood's own transactions.
    await office.passes(33_000)
    expect(transactions.admission.sources).toBe(0)
    await office.talk(alice, bob)
  }, options),
)

test(
  'REGISTERs without credentials from made-up addresses take no room: who has his answer is in no table',
  inOffice(async (office) => {
    const [alice, bob] = [await office.registered('101'), await office.registered('102')]
    flood(office, (n, host) => message('REGISTER', 'sip:office.example', n, host))
    await office.clock.idle()
    const { transactions } = office.server
    expect(transactions.serverCount).toBe(0)
    expect(transactions.admission.refused.server_transactions).toBe(0)
    expect(transactions.admission.pressure).toBe('calm')
    await office.talk(alice, bob)
  }, options),
)
