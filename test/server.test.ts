// The server as a whole: what goes wrong inside it, and what is left of it when it stops.

import { describe, expect, test } from 'bun:test'
import { ServerReading } from '../src/server-reading.ts'
import { EMPTY_SPOOL } from './support/memory-store.ts'
import { inOffice, Office, SERVER } from './support/office.ts'

describe('a defect of ours', () => {
  test(
    'in a handler ends its request with 500, is logged, and harms nobody else (STYLE C6)',
    inOffice(
      async (office) => {
        const phone = office.phone('101')
        office.database.order('find', 'breaks')
        phone.sendsRegister()
        await phone.expects('500')
        expect(office.logged('defect')[0]).toMatchObject({ level: 'error', method: 'REGISTER' })
        expect(office.log.at(-1)).toMatchObject({ err: { message: 'a defect, as ordered' } })
        await phone.registers()
      },
      { defects: 1 },
    ),
  )

  test(
    'while a commit is waited for is 500 too',
    inOffice(
      async (office) => {
        const phone = office.phone('101')
        office.database.order('commit', 'breaks')
        await phone.registers({}, '500')
        await phone.registers()
      },
      { defects: 1 },
    ),
  )

  test(
    'in the midst of forwarding is 500, and the next call goes through',
    inOffice(
      async (office) => {
        const [alice, bob] = [office.phone('101'), await office.registered('102')]
        const udp = office.transport('udp')
        const { flowTo } = udp
        udp.flowTo = () => {
          throw new TypeError('a defect, as ordered')
        }
        const invite = await alice.calls('102')
        const refusal = await alice.expects('500')
        udp.flowTo = flowTo
        alice.acks(invite, refusal)
        await office.talk(alice, bob)
      },
      { defects: 1 },
    ),
  )
})

describe('the database away', () => {
  test(
    'is told in the log once, and when it is back; known phones go on meanwhile (promise P3)',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      office.server.onAvailability('The disk is full.')
      office.database.fault = 'fails'
      expect(office.server.databaseAway).toEqual({ reason: 'The disk is full.', since: office.clock.now() })
      await office.talk(alice, bob)
      office.server.onAvailability(null)
      expect(office.server.databaseAway).toBeNull()
      expect(
        [office.logged('database-away'), office.logged('database-back')].map(({ length }) => length),
      ).toEqual([1, 1])
    }),
  )
})

describe('readiness', () => {
  const since = (report: { readonly since: number }) => new Date(report.since).toISOString()

  test(
    'is degraded while the database is away, and until all that waits is written, with since when and why',
    inOffice(async (office) => {
      const reading = new ServerReading(
        office.server,
        { version: '1', bun: '1', schema: 1 },
        office.clock.now(),
      )
      expect(reading.readiness()).toMatchObject({ status: 'ready', reasons: [] })
      await office.clock.pass(1000)
      office.server.onAvailability('It is away.')
      const away = office.clock.now()
      await office.clock.pass(1000)
      // Another reason for the same absence.
      office.server.onAvailability('It does not answer.')
      expect(reading.readiness()).toEqual({
        status: 'degraded',
        reasons: ['It does not answer.'],
        since: away,
      })
      office.database.spool = { ...EMPTY_SPOOL, rows: 7, oldestSince: away + 500 }
      office.server.onAvailability(null)
      const draining = reading.readiness()
      expect([draining.status, since(draining)]).toEqual(['degraded', new Date(away + 500).toISOString()])
      expect(draining.reasons).toEqual([
        `7 writes wait for the database, the oldest since ${new Date(away + 500).toISOString()}.`,
      ])
      expect(reading.read().spool).toMatchObject({ rows: 7, oldest_seconds: 0.5 })
      office.database.spool = EMPTY_SPOOL
      expect(reading.readiness().status).toBe('ready')
    }),
  )
})

describe('tables', () => {
  test(
    'are empty once all timers have run out, whatever was left half done',
    inOffice(async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await alice.calls('102')
      await alice.proves('MESSAGE', 'sip:102@office.example')
      const second = await alice.calls('102')
      await bob.unplugs()
      alice.cancels(second)
      await office.clock.idle()
      const { transactions } = office.server
      expect(Math.min(transactions.serverCount, transactions.clientCount)).toBeGreaterThan(0)
      await office.passes(300_000)
      expect(transactions.counts.open).toEqual({
        'invite-client': 0,
        client: 0,
        'invite-server': 0,
        server: 0,
      })
    }),
  )

  test(
    'that are full refuse with 503 and Retry-After, but take a CANCEL (RFC 3261 section 21.5.4)',
    inOffice(
      async (office) => {
        const [alice, bob] = [office.phone('101'), await office.registered('102')]
        await office.passes(64_000)
        const invite = await alice.calls('102')
        const received = await bob.expects('INVITE')
        bob.answers(received, '180 Ringing')
        await alice.expects('180')
        alice.sends(alice.request('OPTIONS', 'sip:office.example'))
        expect((await alice.expects('503')).header('Retry-After')).toBe('5')
        alice.cancels(invite)
        await alice.expects('200')
        bob.answers(await bob.expects('CANCEL'), '200 OK')
        bob.answers(received, '487 Request Terminated')
        alice.acks(invite, await alice.expects('487'))
      },
      // The challenged INVITE is gone by then: its ACK came.
      { limits: { serverTransactions: 1 } },
    ),
  )
})

describe('a stopped server', () => {
  test('has let go of clock, network and database', async () => {
    const office = new Office({})
    await office.opens()
    await office.registered('101')
    await office.passes(64_000)
    const { server } = office
    await server.stop()
    expect(office.clock.timers).toBe(0)
    expect(server.bound).toEqual([])
    // Its addresses are free.
    await office.network.endpoint(SERVER.host, SERVER.port).close()
    expect(office.database.openStores).toBe(0)
  })

  test('has made durable what was pending (promise P2)', async () => {
    const office = new Office({})
    await office.opens()
    office.database.commit_ms = 500
    await office.phone('101').sendsProvedRegister()
    await office.clock.idle()
    const stopped = office.server.stop()
    await office.passes(500)
    await stopped
    expect(office.database.bindings).toHaveLength(1)
  })

  test('never was, when it cannot listen: the database is closed again', async () => {
    const office = new Office({})
    const squatter = office.network.endpoint(SERVER.host, SERVER.port, 'tcp')
    await expect(office.opens()).rejects.toThrow('taken')
    await office.clock.idle()
    expect(office.database.openStores).toBe(0)
    await squatter.close()
    await office.opens()
    await office.closes()
  })
})

test(
  'what changes between reading and listening is not missed',
  inOffice(async (office) => {
    await office.server.stop()
    const opening = office.opens()
    office.database.set('expires_min_s', '30')
    await opening
    await office.clock.idle()
    await office.phone('101').registers({ expires: 30 })
  }),
)
