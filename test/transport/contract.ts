// What every transport owes to the layers above, whatever carries its bytes.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS } from '../../src/config.ts'
import { LocalAddresses } from '../../src/transport/local.ts'
import type { Address, Transport, TransportContext } from '../../src/transport/transport.ts'
import { message, Station, waitForFailure } from './station.ts'

export interface Subject {
  readonly name: string
  readonly reliable: boolean
  make(listen: Address, context: TransportContext): Transport
  /** Whether what is under test has begun, where that is some turns after it listens. */
  begun?(transport: Transport): boolean
}

const FAMILIES = [
  { family: 'IPv4', host: '127.0.0.1', other: '::1' },
  { family: 'IPv6', host: '::1', other: '127.0.0.1' },
]

export function describeTransport(makeSubject: () => Subject): void {
  const name = makeSubject().name
  let subject: Subject
  let clock: SystemClock
  let stations: Station[]

  /** Somebody who listens; closed when the test is over. */
  const station = async (host: string, port = 0): Promise<Station> => {
    const addresses = new LocalAddresses(clock, LIMITS)
    const context = { clock, limits: LIMITS, addresses, log: { warn() {} } }
    const made = new Station(subject.make({ host, port }, context))
    stations.push(made)
    await made.listen()
    while (subject.begun?.(made.transport) === false) {
      await new Promise<void>((resolve) => clock.soon(resolve))
    }
    return made
  }

  beforeEach(() => {
    subject = makeSubject()
    clock = new SystemClock((error) => {
      throw error
    })
    stations = []
  })

  afterEach(async () => {
    await Promise.all(stations.map((one) => one.transport.close()))
    expect(clock.timers).toBe(0)
    clock.close()
  })

  describe.each(FAMILIES)(`${name} over $family`, ({ host, other }) => {
    test('carries messages both ways, the answer over the flow of the request', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      bob.onBytes = (bytes, flow) => flow.send(Buffer.concat([bytes.subarray(0, -1), Buffer.from('!')]))
      alice.flowTo(bob.address)!.send(message('hello.'))
      expect((await alice.receives(1))[0]!.bytes).toEqual(message('hello!'))
      const { flow } = bob.received[0]!
      expect(flow).toMatchObject({ transport: bob.transport.name, local: bob.address, open: true })
      expect(flow.peer.host).toBe(host)
      expect(alice.received[0]!.flow).toMatchObject({ local: alice.address, peer: bob.address })
    })

    test('gives the same key to the same flow and another one to another', async () => {
      const [alice, bob, carol] = [await station(host), await station(host), await station(host)]
      expect(alice.flowTo(bob.address)!.key).toBe(alice.flowTo(bob.address)!.key)
      expect(alice.flowTo(carol.address)!.key).not.toBe(alice.flowTo(bob.address)!.key)
      alice.flowTo(bob.address)!.send(message('one'))
      await bob.receives(1)
      alice.flowTo(bob.address)!.send(message('two'))
      const [one, two] = await bob.receives(2)
      expect(two!.flow.key).toBe(one!.flow.key)
    })

    test('takes the peer with brackets or in another spelling', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      const spelling = host === '::1' ? '[0:0::0:1]' : '::ffff:127.0.0.1'
      alice.flowTo({ host: spelling, port: bob.address.port })!.send(message('x'))
      await bob.receives(1)
      expect(alice.flowTo({ host: spelling, port: bob.address.port })!.peer).toEqual(bob.address)
    })

    test('has no way to the other family, to a name or to no port', async () => {
      const alice = await station(host)
      expect(alice.flowTo({ host: other, port: 5060 })).toBeNull()
      expect(alice.flowTo({ host: 'localhost', port: 5060 })).toBeNull()
      expect(alice.flowTo({ host, port: 0 })).toBeNull()
      expect(alice.flowTo({ host, port: 65536 })).toBeNull()
    })

    test('lets no one suffer for a peer that refuses', async () => {
      const [alice, bob, gone] = [await station(host), await station(host), await station(host)]
      await gone.transport.close()
      const failures: string[] = []
      const sender = { onSendFailed: (failure: string) => failures.push(failure) }
      for (let n = 0; n < 100; n++) {
        alice.flowTo(gone.address)?.send(message('dead'), sender)
        alice.flowTo(bob.address)!.send(message(`live ${n}`))
      }
      expect(failures).toEqual([])
      const received = await bob.receives(100)
      for (let n = 0; n < 100; n++) alice.flowTo(bob.address)!.send(message(`again ${n}`))
      await bob.receives(200)
      expect(received.slice(0, 100).map(({ bytes }) => bytes)).toEqual(
        Array.from({ length: 100 }, (_, n) => message(`live ${n}`)),
      )
      if (subject.reliable) expect(failures).toEqual(new Array(100).fill('refused'))
    })

    test('carries messages of almost 64 KiB', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      const large = Array.from({ length: 4 }, (_, n) => message(String(n).repeat(65_000)))
      for (const [n, bytes] of large.entries()) {
        alice.flowTo(bob.address)!.send(bytes)
        // One at a time: a small receive buffer holds no more datagrams of that size.
        await bob.receives(n + 1)
      }
      expect(bob.received.map(({ bytes }) => bytes)).toEqual(large)
    })

    test('carries 5,000 messages in batches, in order, and each keeps its bytes', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      bob.onBytes = (bytes, flow) => flow.send(bytes)
      const all: Buffer[] = []
      while (all.length < 5000) {
        for (let n = 0; n < 100; n++) {
          const bytes = message(`${all.length} ${'x'.repeat(all.length % 500)}`)
          all.push(bytes)
          alice.flowTo(bob.address)!.send(bytes)
        }
        await alice.receives(all.length)
      }
      expect(bob.received.map(({ bytes }) => bytes)).toEqual(all)
      expect(alice.received.map(({ bytes }) => bytes)).toEqual(all)
      expect(bob.transport.counts).toMatchObject({ messagesIn: 5000, messagesOut: 5000 })
      expect(bob.transport.counts.bytesIn).toBe(bob.transport.counts.bytesOut)
    })

    test('goes on when who handles a message throws', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      bob.onBytes = (bytes) => {
        if (bytes.includes('bad')) throw new Error('a bug')
      }
      for (const body of ['bad', 'good', 'bad', 'good']) alice.flowTo(bob.address)!.send(message(body))
      await bob.receives(4)
      expect(bob.transport.counts.dropped['handler-threw']).toBe(2)
    })

    test('closes whole: flows are shut, senders told, the port free', async () => {
      const [alice, bob] = [await station(host), await station(host)]
      const flow = alice.flowTo(bob.address)!
      flow.send(message('x'))
      await bob.receives(1)
      await alice.transport.close()
      expect(flow.open).toBe(false)
      expect(await waitForFailure((sender) => flow.send(message('y'), sender))).toBe('closed')
      expect(alice.transport.bound).toEqual([])
      expect(alice.flowTo(bob.address)).toBeNull()
      expect(alice.transport.counts.connectionsOpen).toBe(0)
      await alice.transport.close()
      expect((await station(host, alice.address.port)).address).toEqual(alice.address)
    })
  })
}
