// sipsak asks for options: of the server itself, and of a phone behind it.

import { beforeAll, expect, test } from 'bun:test'
import { freePort } from '../support/port.ts'
import { type Exit, run } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { WirePhone } from '../support/wire.ts'
import { response, WireAccount } from '../support/wire-account.ts'

const TEST_MS = 60_000
const ASK_MS = 20_000

beforeAll(requirePrograms, TEST_MS)

/** `user` is empty, or ends with @. */
function sipsak(server: ServerProcess, user: string): Promise<Exit> {
  const { host, port } = server.udp
  return run(['sipsak', '-vv', '-s', `sip:${user}${host}:${port}`], {
    folder: server.folder,
    within_ms: ASK_MS,
  })
}

test(
  'the server answers OPTIONS',
  async () => {
    await serving({ port: await freePort() }, async (server) => {
      const { code, output } = await sipsak(server, '')
      expect(output).toContain('SIP/2.0 200')
      expect(code).toBe(0)
    })
  },
  TEST_MS,
)

test(
  'OPTIONS of a stranger to an extension reaches its phone',
  async () => {
    const [account] = accounts(101, 1)
    await serving({ accounts: [account!], port: await freePort() }, async (server) => {
      const phone = await WirePhone.udp(server.udp)
      await new WireAccount(phone, account!).registers()
      const asking = sipsak(server, '101@')
      const request = await phone.expects('OPTIONS')
      phone.sends(response(request, '200 OK', 'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS'))
      const { code, output } = await asking
      expect(output).toContain('Allow: INVITE, ACK, BYE, CANCEL, OPTIONS')
      expect(code).toBe(0)
      phone.close()
    })
  },
  TEST_MS,
)

test(
  'OPTIONS to an extension without a phone ends with 480',
  async () => {
    await serving({ accounts: accounts(101, 1), port: await freePort() }, async (server) => {
      const { code, output } = await sipsak(server, '101@')
      expect(output).toContain('SIP/2.0 480')
      expect(code).not.toBe(0)
    })
  },
  TEST_MS,
)
