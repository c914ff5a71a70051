// Digest as phones meet it: RFC 3261 section 22, RFC 7616, RFC 8760.

import { describe, expect, test } from 'bun:test'
import type { DigestAlgorithm } from '../support/digest.ts'
import { answerChallenge } from '../support/digest.ts'
import { DOMAIN, passwordOf } from '../support/memory-store.ts'
import { inOffice } from '../support/office.ts'
import { challengesOf, type Phone, type ProofParts } from '../support/phone.ts'
import type { WireMessage } from '../support/wire.ts'

const REGISTRAR = `sip:${DOMAIN.name}`

/** The proof that this phone would give to a challenge kept from before. */
function proofOf(phone: Phone, challenge: WireMessage, parts: ProofParts = {}): string {
  return phone.proof(challenge, 'REGISTER', REGISTRAR, parts)
}

async function challenge(phone: Phone): Promise<WireMessage> {
  phone.sendsRegister()
  return phone.expects('401')
}

describe('a challenge', () => {
  test(
    'has one header line for each algorithm, in the order of the setting (RFC 8760 section 2.4)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const algorithms = async () => challengesOf(await challenge(phone)).map(({ algorithm }) => algorithm)
      expect(await algorithms()).toEqual(['SHA-256', 'MD5'])
      office.database.set('auth_algorithms', 'MD5, SHA-512-256, SHA-256')
      await office.clock.idle()
      expect(await algorithms()).toEqual(['MD5', 'SHA-512-256', 'SHA-256'])
    }),
  )

  test(
    'names the realm of the domain and offers qop=auth (RFC 7616 section 3.3)',
    inOffice(async (office) => {
      for (const offer of challengesOf(await challenge(office.phone('101')))) {
        expect(offer).toMatchObject({ realm: DOMAIN.realm, qop: 'auth', stale: false })
      }
    }),
  )

  test(
    'breaks no header, whatever realm its row holds (RFC 3261 section 25.1)',
    inOffice(async (office) => {
      office.database.domain = { ...DOMAIN, realm: 'a"b\\c\r\nX-Evil: \0\x7f' }
      await office.restarts()
      const refusal = await challenge(office.phone('101'))
      expect(refusal.headers('X-Evil')).toEqual([])
      for (const header of refusal.headers('WWW-Authenticate')) {
        expect(header).toStartWith('Digest realm="a\\"b\\\\c  X-Evil:   ", nonce="')
      }
      expect(refusal.headers('WWW-Authenticate')).toHaveLength(2)
    }),
  )

  test(
    'leaves out an algorithm that the account has no secret for',
    inOffice(async (office) => {
      office.database.add('104', {}, ['MD5'])
      expect(challengesOf(await challenge(office.phone('104'))).map(({ algorithm }) => algorithm)).toEqual([
        'MD5',
      ])
    }),
  )

  test(
    'is 407 with Proxy-Authenticate when it comes from the proxy (RFC 3261 section 22.3)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const invite = phone.sends(phone.request('INVITE', 'sip:102@office.example'))
      const refusal = await phone.expects('407')
      expect(refusal.headers('Proxy-Authenticate')).toHaveLength(2)
      expect(refusal.headers('WWW-Authenticate')).toEqual([])
      phone.acks(invite, refusal)
    }),
  )
})

describe('a right answer', () => {
  test.each<DigestAlgorithm>(['SHA-256', 'MD5', 'SHA-512-256'])(
    'by %s lets in (RFC 7616 section 3.4)',
    (algorithm) =>
      inOffice(
        async (office) => {
          await office.phone('101').registers({ proof: { algorithm } })
        },
        { settings: { auth_algorithms: 'SHA-256,MD5,SHA-512-256' } },
      )(),
  )

  test(
    'by an algorithm that is no longer offered is challenged again (RFC 8760 section 2.6)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      office.database.set('auth_algorithms', 'MD5')
      await office.clock.idle()
      phone.sendsRegister({ headers: [proofOf(phone, asked, { algorithm: 'SHA-256' })] })
      expect(challengesOf(await phone.expects('401')).map(({ algorithm }) => algorithm)).toEqual(['MD5'])
    }),
  )

  test(
    'without qop lets in once for each nonce (RFC 2069 form, RFC 7616 section 3.4.1)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const [offer] = challengesOf(await challenge(phone))
      const answer = { username: '101', password: passwordOf('101'), method: 'REGISTER', uri: REGISTRAR }
      const proof = `Authorization: ${answerChallenge({ ...offer!, qop: null }, answer)}`
      phone.sendsRegister({ headers: [proof] })
      await phone.expects('200')
      phone.sendsRegister({ headers: [proof] })
      expect(challengesOf(await phone.expects('401'))[0]!.stale).toBe(true)
    }),
  )

  test(
    'among credentials for other realms is found (RFC 3261 section 22.3)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const foreign =
        'Authorization: Digest username="x", realm="elsewhere", nonce="n", uri="sip:a", response="00", algorithm=MD5'
      phone.sendsRegister({ headers: [foreign] })
      const asked = await phone.expects('401')
      phone.sendsRegister({ headers: [foreign, proofOf(phone, asked)] })
      await phone.expects('200')
    }),
  )
})

describe('a wrong answer', () => {
  test(
    'is refused with 403 (RFC 3261 section 22.1)',
    inOffice(async (office) => {
      await office.phone('101').registers({ proof: { password: 'wrong' } }, '403')
      expect(office.server.authenticator.failures.get('wrong_password')).toBe(1)
      expect(office.database.bindings).toEqual([])
    }),
  )

  test(
    'looks the same whether the user exists or not',
    inOffice(async (office) => {
      const bare = async (number: string, status: string) => {
        const phone = office.phone(number)
        phone.sendsRegister()
        const asked = await phone.expects('401')
        phone.sendsRegister({ headers: [proofOf(phone, asked, { password: 'wrong' })] })
        const refused = await phone.expects(status)
        return [asked, refused].map(({ text }) =>
          text.replaceAll(
            /(nonce|tag|branch|received)=[^;,\s]+|\b(101|699)@|10\.0\.1\.\d|register\d+/g,
            '$1',
          ),
        )
      }
      expect(await bare('101', '403')).toEqual(await bare('699', '403'))
    }),
  )

  test(
    'for another extension of the same user name is refused',
    inOffice(async (office) => {
      const proof = { username: '102', password: passwordOf('102') }
      await office.phone('101').registers({ proof }, '403')
      expect(office.server.authenticator.failures.get('unknown_user')).toBe(1)
    }),
  )

  test(
    'of a suspended user is refused even with the right password',
    inOffice(async (office) => {
      office.database.add('102', { suspended: true })
      await office.phone('102').registers({}, '403')
      expect(office.server.authenticator.failures.get('suspended')).toBe(1)
    }),
  )
})

describe('a nonce', () => {
  test(
    'count that was used is stale, so that a replay gains nothing (RFC 7616 section 5.12)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      phone.sendsRegister({ headers: [proofOf(phone, asked)] })
      await phone.expects('200')
      phone.sendsRegister({ headers: [proofOf(phone, asked)] })
      const replayed = challengesOf(await phone.expects('401'))
      expect(replayed.map(({ stale }) => stale)).toEqual([true, true])
      expect(replayed[0]!.nonce).not.toBe(challengesOf(asked)[0]!.nonce)
    }),
  )

  test(
    'serves many requests, each with its own count, in any order (RFC 7616 section 3.4)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      for (const [nonceCount, status] of [
        [3, '200'],
        [1, '200'],
        [2, '200'],
        [1, '401'],
        [4, '200'],
      ] as const) {
        phone.sendsRegister({ headers: [proofOf(phone, asked, { nonceCount })] })
        await phone.expects(status)
      }
    }),
  )

  test(
    'that is too old is stale, and only for whoever knows the password (RFC 7616 section 3.3)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      await office.passes(301_000)
      phone.sendsRegister({ headers: [proofOf(phone, asked, { password: 'wrong' })] })
      await phone.expects('403')
      phone.sendsRegister({ headers: [proofOf(phone, asked)] })
      expect(challengesOf(await phone.expects('401'))[0]!.stale).toBe(true)
    }),
  )

  test(
    'lives as long as the live setting says',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      office.database.set('nonce_lifetime_s', '600')
      await office.passes(500_000)
      phone.sendsRegister({ headers: [proofOf(phone, asked)] })
      await phone.expects('200')
    }),
  )

  test(
    'of the process before a restart is stale for the right password, and refused for a wrong one',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const asked = await challenge(phone)
      await office.restarts()
      phone.sendsRegister({ headers: [proofOf(phone, asked, { password: 'wrong' })] })
      await phone.expects('403')
      phone.sendsRegister({ headers: [proofOf(phone, asked)] })
      expect(challengesOf(await phone.expects('401'))[0]!.stale).toBe(true)
    }),
  )
})
