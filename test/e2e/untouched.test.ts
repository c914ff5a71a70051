// What a proxy must leave alone, and what it must not believe, seen byte by byte on both sides of the real server.

import { expect, test } from 'bun:test'
import { type Account, accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { type WireMessage, WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const TEST_MS = 60_000
/** Odd on purpose: a NUL, a byte that is no UTF-8, lines without an order, and no line end at its end. */
const BODY =
  'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\nx=\u0000\u00ff\r\ns=-\r\na=unknown:  two  spaces\r\n\r\nc=last'

async function called(
  server: ServerProcess,
  transport: 'udp' | 'tcp',
  [caller, callee]: readonly Account[],
  headers: readonly string[],
): Promise<WireMessage> {
  const phones = [
    await WirePhone[transport](server[transport]),
    await WirePhone[transport](server[transport]),
  ]
  const calling = new WireAccount(phones[0]!, caller!)
  const answering = new WireAccount(phones[1]!, callee!)
  await answering.registers()
  calling.sendsInvite({ to: callee!.number, cseq: 1, headers, body: BODY })
  const challenge = await calling.challengedByProxy(callee!.number)
  calling.sendsInvite({ to: callee!.number, cseq: 2, headers, body: BODY, challenge })
  const invite = await answering.phone.expects('INVITE')
  for (const phone of phones) phone.close()
  return invite
}

for (const transport of ['udp', 'tcp'] as const) {
  test(
    `over ${transport} the body and unknown headers arrive as they were sent`,
    async () => {
      const pair = accounts(1000, 2)
      await serving({ accounts: pair }, async (server) => {
        const invite = await called(server, transport, pair, [
          'X-Odd:  two  spaces;;=,"',
          'Subject: na\u00efve',
        ])
        expect(invite.body).toBe(BODY)
        expect(invite.text).toContain('\r\nX-Odd:  two  spaces;;=,"\r\n')
        expect(invite.header('Subject')).toBe('na\u00efve')
      })
    },
    TEST_MS,
  )
}

test(
  'the identity of the caller is the one that was proved, whatever the phone asserts',
  async () => {
    const pair = accounts(1000, 2)
    await serving({ accounts: pair }, async (server) => {
      const invite = await called(server, 'udp', pair, ['P-Asserted-Identity: "Boss" <sip:1@test.example>'])
      const identities = invite.headers('P-Asserted-Identity')
      expect(identities).toHaveLength(1)
      expect(identities[0]).toContain('<sip:1000@test.example>')
      // The digest was for us alone.
      expect(invite.headers('Proxy-Authorization')).toEqual([])
    })
  },
  TEST_MS,
)
