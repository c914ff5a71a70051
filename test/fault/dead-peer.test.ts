// Phones that go away while they are being called.

import { expect, test } from 'bun:test'
import { accounts, serving } from '../support/server-process.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const TEST_MS = 20_000
/** Timer B would end it after 32 s: whoever is that late has not noticed. */
const NOTICED_MS = 5000

test(
  'a phone whose connection ends under an INVITE is unavailable at once (RFC 3261 section 17.1.4)',
  async () => {
    const pair = accounts(1000, 2)
    const [caller, callee] = pair
    await serving({ accounts: pair }, async (server) => {
      const calling = new WireAccount(await WirePhone.udp(server.udp), caller!)
      const dying = new WireAccount(await WirePhone.tcp(server.tcp), callee!)
      await dying.registers()
      calling.sendsInvite({ to: callee!.number, cseq: 1, headers: [], body: '' })
      const challenge = await calling.challengedByProxy(callee!.number)
      calling.sendsInvite({ to: callee!.number, cseq: 2, headers: [], body: '', challenge })
      await calling.phone.expects('100')
      await dying.phone.expects('INVITE')
      dying.phone.close()
      const answer = await calling.phone.expects('480', NOTICED_MS)
      expect(answer.header('CSeq')).toBe('2 INVITE')
      calling.phone.close()
    })
  },
  TEST_MS,
)

test(
  'a phone whose connection ended before is called at its contact, and is unavailable when that refuses',
  async () => {
    const pair = accounts(1000, 2)
    const [caller, callee] = pair
    await serving({ accounts: pair }, async (server) => {
      const calling = new WireAccount(await WirePhone.udp(server.udp), caller!)
      const gone = new WireAccount(await WirePhone.tcp(server.tcp), callee!)
      await gone.registers()
      gone.phone.close()
      calling.sendsInvite({ to: callee!.number, cseq: 1, headers: [], body: '' })
      const challenge = await calling.challengedByProxy(callee!.number)
      calling.sendsInvite({ to: callee!.number, cseq: 2, headers: [], body: '', challenge })
      await calling.phone.expects('480', NOTICED_MS)
      calling.phone.close()
    })
  },
  TEST_MS,
)
