// The process as an operator sees it: it starts, says where it is, and ends well when asked to.

import { expect, test } from 'bun:test'
import { isFree } from '../support/port.ts'
import { accounts, serving } from '../support/server-process.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const TEST_MS = 60_000

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(
    `${signal} ends it with 0, with phones connected, and its ports are free again`,
    async () => {
      const [account] = accounts(101, 1)
      await serving({ accounts: [account!] }, async (server) => {
        const phone = await WirePhone.tcp(server.tcp)
        await new WireAccount(phone, account!).registers()
        const ports = [server.udp.port, server.tcp.port, Number(new URL(server.baseUrl).port)]
        for (const port of ports) expect(await isFree('127.0.0.1', port)).toBe(false)

        await server.stop(signal)
        for (const port of ports) expect(await isFree('127.0.0.1', port)).toBe(true)
        phone.close()
      })
    },
    TEST_MS,
  )
}

test(
  'after a restart on the same ports a phone is still reached',
  async () => {
    const [account] = accounts(101, 1)
    await serving({ accounts: [account!] }, async (server) => {
      const phone = await WirePhone.udp(server.udp)
      await new WireAccount(phone, account!).registers()
      const { port } = server.udp
      await server.stop()
      await server.restart()
      expect(server.udp.port).toBe(port)

      const stranger = await WirePhone.udp(server.udp)
      const options = new WireAccount(stranger, { number: '0', password: '' })
      options.sendsOptions(account!.number)
      await phone.expects('OPTIONS')
      for (const each of [phone, stranger]) each.close()
    })
  },
  TEST_MS,
)

test(
  'a second server on the same ports says so and ends, the first goes on',
  async () => {
    await serving({}, async (first) => {
      const listen = `udp://127.0.0.1:${first.udp.port}`
      await expect(first.cli('start', '--listen', listen)).rejects.toThrow(String(first.udp.port))
      expect(await first.metrics()).toContain('sipwitches_')
    })
  },
  TEST_MS,
)
