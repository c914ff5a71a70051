// Changed rows as phones feel them (promise P1): nobody restarts anything, the next request meets the new row.

import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import type { CredentialRecord } from '../../src/store/store.ts'
import { DOMAIN } from '../support/memory-store.ts'
import { inOffice, type Office } from '../support/office.ts'
import { challengesOf, type Phone } from '../support/phone.ts'

function credential(username: string, password: string): CredentialRecord {
  const ha1 = createHash('sha256').update(`${username}:${DOMAIN.realm}:${password}`).digest('hex')
  return { username, realm: DOMAIN.realm, algorithm: 'SHA-256', ha1 }
}

/** What a caller hears of a number that no phone answers for. */
async function hears(caller: Phone, number: string, status: string): Promise<void> {
  const invite = await caller.calls(number)
  caller.acks(invite, await caller.expects(status))
}

/** The call reaches the phone. */
async function rings(caller: Phone, number: string, phone: Phone): Promise<void> {
  await caller.calls(number)
  phone.answers(await phone.expects('INVITE'), '486 Busy Here')
  await caller.expects('486')
  await phone.expects('ACK')
}

function unregistered(office: Office): number {
  return office.logged('unregistered').length
}

describe('a new extension', () => {
  test(
    'registers and is called at once, also where its number was known to be nobody’s',
    inOffice(async (office) => {
      const alice = await office.registered('101')
      await hears(alice, '104', '404')
      const dave = office.phone('104')
      await dave.registers({}, '403')
      expect(office.server.directory.peek(DOMAIN.name, '104')).toBeNull()
      office.database.add('104')
      await dave.registers()
      await rings(alice, '104', dave)
    }),
  )
})

describe('a changed credential', () => {
  test(
    'is asked for from the next request on, and the old one is refused; what is registered stays',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      office.database.add('102', { credentials: [credential('102', 'new')] })
      await office.clock.idle()
      expect(office.server.location.count).toBe(1)
      await bob.registers({}, '403')
      await bob.registers({ proof: { password: 'new' } })
      const alice = office.phone('101')
      await rings(alice, '102', bob)
    }),
  )

  test(
    'is refused also with a nonce that was good before it changed',
    inOffice(async (office) => {
      const bob = office.phone('102')
      bob.sendsRegister()
      const challenge = await bob.expects('401')
      office.database.add('102', { credentials: [credential('102', 'new')] })
      await office.clock.idle()
      const proof = bob.proof(challenge, 'REGISTER', `sip:${DOMAIN.name}`)
      bob.sendsRegister({ headers: [proof] })
      await bob.expects('403')
      expect(office.server.location.count).toBe(0)
    }),
  )

  test(
    'that is removed leaves nobody to be proved',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      office.database.add('102', { credentials: [] })
      await office.clock.idle()
      await bob.registers({}, '403')
    }),
  )
})

describe('a suspended user', () => {
  test(
    'loses its bindings, may not register, is 480 to callers, and is back when it is active again',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.add('102', { suspended: true })
      await office.clock.idle()
      expect(office.database.bindings).toHaveLength(1)
      await bob.registers({}, '403')
      await hears(alice, '102', '480')
      await bob.expectsNothing()
      office.database.add('102')
      await office.clock.idle()
      await hears(alice, '102', '480')
      await bob.registers()
      await rings(alice, '102', bob)
    }),
  )

  test(
    'while the server was down loses its bindings at the start',
    inOffice(async (office) => {
      await office.registered('102')
      await office.server.stop()
      office.database.add('102', { suspended: true })
      await office.opens()
      await office.clock.idle()
      expect(office.server.location.count).toBe(0)
      expect(office.database.bindings).toEqual([])
      office.database.add('102')
      await office.clock.idle()
      await hears(office.phone('101'), '102', '480')
    }),
  )

  test(
    'while its REGISTER waits for the disk has no binding after it',
    inOffice(async (office) => {
      office.database.commit_ms = 1000
      const bob = office.phone('102')
      await bob.sendsProvedRegister()
      await office.clock.idle()
      office.database.add('102', { suspended: true })
      await office.passes(3000)
      expect(office.server.location.count).toBe(0)
      expect(office.database.bindings).toEqual([])
    }),
  )
})

describe('a removed extension', () => {
  test(
    'has no bindings any more, and callers hear 404',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.remove('102')
      await office.clock.idle()
      expect(office.server.location.count).toBe(1)
      expect(unregistered(office)).toBe(1)
      await hears(alice, '102', '404')
      await hears(alice, 'user102', '404')
      await bob.registers({}, '403')
    }),
  )

  test(
    'in whose place another one stands has none of its bindings',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const { userId } = office.database.extensions.get('102')!
      office.database.remove('102')
      office.database.add('102', { userId })
      await office.clock.idle()
      expect(office.server.location.count).toBe(1)
      await hears(alice, '102', '480')
      await bob.registers()
      await rings(alice, '102', bob)
    }),
  )
})

describe('a renamed number', () => {
  test(
    'is found under the new one alone; its phones have to register as that',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.renumber('102', '202')
      await office.clock.idle()
      expect(office.server.location.count).toBe(1)
      await hears(alice, '102', '404')
      await hears(alice, '202', '480')
      // Its credential is that of the old name still: an HA1 is bound to the name it was made for.
      const renamed = office.phone('202')
      await renamed.registers({ proof: { username: '102', password: 'secret-102' } })
      await rings(alice, '202', renamed)
      await rings(alice, 'user102', renamed)
      await bob.expectsNothing()
    }),
  )
})

describe('a renamed number whose user is called as it was', () => {
  test(
    'is found under both, and its phones stay',
    inOffice(async (office) => {
      office.database.add('102', { userName: '102' })
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.renumber('102', '202')
      await office.clock.idle()
      await rings(alice, '102', bob)
      await rings(alice, '202', bob)
      await bob.registers()
      expect(office.server.waitsOnCallPath).toBe(0)
    }),
  )
})

describe('an extension with a new owner', () => {
  test(
    'is no longer where its old owner’s phones are; those are refused, and the new one’s register',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      const owner = { userId: 3, userName: 'user103', credentials: [credential('103', 'secret-103')] }
      office.database.add('102', owner)
      await office.clock.idle()
      expect(unregistered(office)).toBe(1)
      await hears(alice, '102', '480')
      await bob.registers({}, '403')
      const carol = office.phone('102')
      await carol.registers({ proof: { username: '103', password: 'secret-103' } })
      await rings(alice, '102', carol)
      await bob.expectsNothing()
    }),
  )
})

describe('a changed setting', () => {
  test(
    'acts on the next registration: shortest, longest and default time',
    inOffice(async (office) => {
      const bob = office.phone('102')
      office.database.set('expires_min_s', '300')
      office.database.set('expires_max_s', '900')
      office.database.set('expires_default_s', '600')
      expect((await bob.registers({ expires: 200 }, '423')).header('Min-Expires')).toBe('300')
      expect((await bob.registers({ expires: 5000 })).header('Contact')).toContain(';expires=900')
      expect((await bob.registers({ expires: null })).header('Contact')).toContain(';expires=600')
    }),
  )

  test(
    'acts on the next challenge: algorithms',
    inOffice(async (office) => {
      const bob = await office.registered('102')
      office.database.set('auth_algorithms', 'SHA-512-256')
      await office.clock.idle()
      bob.sendsRegister()
      const offered = challengesOf(await bob.expects('401')).map(({ algorithm }) => algorithm)
      expect(offered).toEqual(['SHA-512-256'])
      await bob.registers()
    }),
  )

  test(
    'acts on the next call: how long it may ring',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.database.set('timer_c_s', '10')
      await office.clock.idle()
      await alice.calls('102')
      bob.answers(await bob.expects('INVITE'), '180 Ringing')
      await alice.expects('180')
      await office.passes(10_500)
      await bob.expects('CANCEL')
    }),
  )

  test(
    'acts on the next contact: how many there may be, of all and of one extension',
    inOffice(async (office) => {
      await office.registered('102')
      office.database.set('max_bindings', '1')
      await office.clock.idle()
      const second = office.phone('102')
      await second.registers({}, '403')
      office.database.add('102', { maxBindings: 2 })
      await office.clock.idle()
      await second.registers()
    }),
  )
})
