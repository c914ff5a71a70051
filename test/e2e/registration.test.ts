// Phones register at the real server, with digest, as RFC 3261 section 10 and RFC 7616 have it.

import { beforeAll, describe, expect, test } from 'bun:test'
import { passes } from '../support/deadline.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, serving } from '../support/server-process.ts'
import { MD5_ONLY } from '../support/sipp-phones.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'
import { registers } from './contract.ts'

const TEST_MS = 60_000

beforeAll(requirePrograms, TEST_MS)

registers((accounts, scene) => serving({ accounts, settings: MD5_ONLY }, scene))

describe('a nonce', () => {
  test(
    'is good once for each count, and again with the next one',
    async () => {
      const [account] = accounts(1000, 1)
      await serving({ accounts: [account!] }, async (server) => {
        const phone = await WirePhone.udp(server.udp)
        const wire = new WireAccount(phone, account!)
        wire.sendsRegister({ cseq: 1 })
        const challenge = await wire.challenged()
        const first = wire.authorization(challenge, { nonceCount: 1 })
        wire.sendsRegister({ cseq: 2, authorization: first })
        await phone.expects('200')

        wire.sendsRegister({ cseq: 3, authorization: first })
        const again = await wire.challenged()
        expect(again.stale).toBe(true)
        expect(again.nonce).not.toBe(challenge.nonce)

        const second = wire.authorization(challenge, { nonceCount: 2 })
        wire.sendsRegister({ cseq: 4, authorization: second })
        await phone.expects('200')
        phone.close()
      })
    },
    TEST_MS,
  )

  test(
    'that has expired is stale',
    async () => {
      const [account] = accounts(1000, 1)
      await serving({ accounts: [account!], settings: { nonce_lifetime_s: '1' } }, async (server) => {
        const phone = await WirePhone.udp(server.udp)
        const wire = new WireAccount(phone, account!)
        wire.sendsRegister({ cseq: 1 })
        const challenge = await wire.challenged()
        await passes(2100)
        wire.sendsRegister({ cseq: 2, authorization: wire.authorization(challenge) })
        const next = await wire.challenged()
        expect(next.stale).toBe(true)
        wire.sendsRegister({ cseq: 3, authorization: wire.authorization(next) })
        await phone.expects('200')
        phone.close()
      })
    },
    TEST_MS,
  )

  test(
    'of our own making is no nonce',
    async () => {
      const [account] = accounts(1000, 1)
      await serving({ accounts: [account!] }, async (server) => {
        const phone = await WirePhone.udp(server.udp)
        const wire = new WireAccount(phone, account!)
        wire.sendsRegister({ cseq: 1 })
        const challenge = await wire.challenged()
        const forged = wire.authorization({ ...challenge, nonce: 'A'.repeat(challenge.nonce.length) })
        wire.sendsRegister({ cseq: 2, authorization: forged })
        await wire.challenged()
        expect(await server.registeredNumbers()).toEqual([])
        phone.close()
      })
    },
    TEST_MS,
  )
})

describe('by default', () => {
  for (const transport of ['udp', 'tcp'] as const) {
    for (const algorithm of ['SHA-256', 'MD5'] as const) {
      test(
        `a phone registers with ${algorithm} over ${transport}`,
        async () => {
          const [account] = accounts(1000, 1)
          await serving({ accounts: [account!] }, async (server) => {
            const phone = await WirePhone[transport](server[transport])
            const wire = new WireAccount(phone, account!)
            wire.sendsRegister({ cseq: 1 })
            const authorization = wire.authorization(await wire.challenged(algorithm))
            wire.sendsRegister({ cseq: 2, authorization })
            const ok = await phone.expects('200')
            expect(ok.header('Contact')).toStartWith(wire.contact)
            expect(ok.header('Contact')).toContain('expires=300')
            phone.close()
          })
        },
        TEST_MS,
      )
    }
  }

  test(
    'SHA-256 is offered before MD5',
    async () => {
      await serving({ accounts: accounts(1000, 1) }, async (server) => {
        const phone = await WirePhone.udp(server.udp)
        const wire = new WireAccount(phone, { number: '1000', password: '' })
        wire.sendsRegister({ cseq: 1 })
        const challenges = (await phone.expects('401')).headers('WWW-Authenticate')
        expect(challenges.map((each) => /algorithm=([\w-]+)/.exec(each)?.[1])).toEqual(['SHA-256', 'MD5'])
        phone.close()
      })
    },
    TEST_MS,
  )
})
