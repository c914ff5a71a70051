// Two telephones with voices call each other through the real server, each on a host of its own.

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { Baresip } from '../support/baresip.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Network } from '../support/namespace.ts'
import { requirePrograms, whyNoNamespaces } from '../support/programs.ts'
import { type Account, accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'

const TEST_MS = 60_000
/** Audio of one second has 50 packets; after a few the line is up for good. */
const PACKETS_MIN = 10
const [alice, bob] = accounts(101, 2)
if (alice === undefined || bob === undefined) throw new Error('two accounts')

const skipped = whyNoNamespaces()
const note = skipped === null ? '' : ` (skipped: ${skipped})`

describe.skipIf(skipped !== null)(`two baresip${note}`, () => {
  let folder: string
  let network: Network
  let phones: Baresip[]

  beforeAll(requirePrograms, TEST_MS)

  beforeEach(async () => {
    folder = makeFolder('baresip')
    network = await Network.make(folder)
    phones = []
  })

  afterEach(async () => {
    for (const phone of phones) phone.kill()
    await network.remove()
    removeFolder(folder)
  })

  async function register(server: ServerProcess, transport: 'udp' | 'tcp'): Promise<[Baresip, Baresip]> {
    const start = async (account: Account) => {
      const host = await network.addHost()
      const { domain } = server
      const to = server[transport]
      const phone = await Baresip.start({ host, folder, account, domain, server: to, transport })
      phones.push(phone)
      await phone.registered()
      return phone
    }
    return [await start(alice), await start(bob)]
  }
  for (const transport of ['udp', 'tcp'] as const) {
    for (const hangingUp of ['caller', 'callee'] as const) {
      test(
        `call over ${transport} and hear each other, the ${hangingUp} hangs up`,
        async () => {
          const options = { accounts: [alice, bob], settings: MD5_ONLY, host: await network.addHost() }
          await serving(options, async (server) => {
            const [caller, callee] = await register(server, transport)
            await caller.command('dial', `sip:${bob.number}@${server.domain}`)
            const incoming = await callee.event('CALL_INCOMING')
            expect(incoming.peeruri).toContain(`sip:${alice.number}@${server.domain}`)
            await callee.command('accept')
            await Promise.all([caller.event('CALL_ESTABLISHED'), callee.event('CALL_ESTABLISHED')])
            await Promise.all([caller.event('CALL_RTPESTAB'), callee.event('CALL_RTPESTAB')])
            await Promise.all([caller.talks(), callee.talks()])

            const [one, other] = hangingUp === 'caller' ? [caller, callee] : [callee, caller]
            await one.command('hangup')
            await other.event('CALL_CLOSED')
            for (const phone of [caller, callee]) {
              const { sent, received } = await phone.audioPackets()
              expect(sent).toBeGreaterThanOrEqual(PACKETS_MIN)
              expect(received).toBeGreaterThanOrEqual(PACKETS_MIN)
            }
            for (const phone of phones) await phone.quit()
          })
        },
        TEST_MS,
      )
    }
  }
})
