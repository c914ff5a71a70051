import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, type Limits } from '../../src/config.ts'
import { LocalAddresses, type ReadInterfaces } from '../../src/transport/local.ts'
import type { Address } from '../../src/transport/transport.ts'
import { UdpTransport } from '../../src/transport/udp.ts'
import type { DatagramPath } from '../../src/transport/udp-socket.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { message, Station, waitForFailure } from './station.ts'

/** A machine with as many addresses as wanted: on Linux all of 127/8 can be bound. */
const loopbacks = (...hosts: string[]): ReturnType<ReadInterfaces> => ({
  lo: hosts.map((address) => ({
    address,
    cidr: `${address}/${address.includes(':') ? 128 : 32}`,
    internal: true,
  })),
})

let clock: SystemClock
let scans: VirtualClock
let interfaces: ReturnType<ReadInterfaces>
let warnings: string[]
let closing: (() => unknown)[]

beforeEach(() => {
  clock = new SystemClock((error) => {
    throw error
  })
  scans = new VirtualClock()
  interfaces = loopbacks('127.0.0.1', '127.0.0.2', '::1')
  warnings = []
  closing = []
})

afterEach(async () => {
  for (const close of closing) await close()
  expect(clock.timers).toBe(0)
  expect(scans.timers).toBe(0)
  clock.close()
})

const PATHS = process.platform === 'linux' ? (['kernel', 'runtime'] as const) : (['runtime'] as const)

function makeTransport(
  listen: readonly Address[],
  limits: Limits = LIMITS,
  path: DatagramPath = PATHS[0],
): UdpTransport {
  const addresses = new LocalAddresses(scans, limits, () => interfaces)
  const log = { warn: (_fields: object, text: string) => warnings.push(text) }
  const transport = new UdpTransport(listen, { clock, limits, addresses, log }, path)
  closing.push(() => transport.close())
  return transport
}

async function listen(host: string, limits: Limits = LIMITS, path = PATHS[0]): Promise<Station> {
  const transport = makeTransport([{ host, port: 0 }], limits, path)
  const station = new Station(transport)
  await station.listen()
  while (!transport.paths.every((one) => one === path)) {
    await new Promise<void>((resolve) => clock.soon(resolve))
  }
  return station
}

/** A peer that can send what no station would. */
async function rawPeer(): Promise<Bun.udp.Socket<'buffer'>> {
  const socket = await Bun.udpSocket({ hostname: '127.0.0.1', port: 0, socket: { data() {}, error() {} } })
  closing.push(() => socket.close())
  return socket
}

describe('wildcard addresses', () => {
  test('one socket for each address of the family, all on one port', async () => {
    const { transport } = await listen('0.0.0.0')
    expect(transport.bound.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.2'])
    expect(new Set(transport.bound.map(({ port }) => port)).size).toBe(1)
    expect((await listen('::')).transport.bound.map(({ host }) => host)).toEqual(['::1'])
  })

  test('an answer leaves from the address that was asked', async () => {
    const [server, phone] = [await listen('0.0.0.0'), await listen('127.0.0.1')]
    server.onBytes = (bytes, flow) => flow.send(bytes)
    for (const [n, address] of server.transport.bound.entries()) {
      phone.flowTo(address)!.send(message('x'))
      await phone.receives(n + 1)
    }
    expect(phone.received.map(({ flow }) => flow.peer)).toEqual([...server.transport.bound])
  })

  test('a flow leaves from the local address that is asked for', async () => {
    const [server, phone] = [await listen('0.0.0.0'), await listen('127.0.0.1')]
    for (const [n, local] of server.transport.bound.entries()) {
      server.transport.flowTo(phone.address, local)!.send(message('x'))
      expect((await phone.receives(n + 1))[n]!.flow.peer).toEqual(local)
    }
  })

  test('addresses that come are listened on, those that go are given up', async () => {
    const [server, phone] = [await listen('0.0.0.0'), await listen('127.0.0.1')]
    const port = server.address.port
    const before = server.transport.bound
    interfaces = loopbacks('127.0.0.1', '127.0.0.3')
    scans.advance(LIMITS.addressRescan_ms)
    // The new socket is there when the promise jobs of binding it are done.
    await new Promise<void>((resolve) => clock.soon(resolve))
    expect(server.transport.bound).toEqual([
      { host: '127.0.0.1', port },
      { host: '127.0.0.3', port },
    ])
    expect(server.transport.bound).not.toBe(before)
    phone.flowTo({ host: '127.0.0.3', port })!.send(message('new'))
    expect((await server.receives(1))[0]!.flow.local).toEqual({ host: '127.0.0.3', port })
    const again = await Bun.udpSocket({ hostname: '127.0.0.2', port, socket: { data() {} } })
    again.close()
  })

  test('an address that cannot be bound yet is tried again', async () => {
    const server = await listen('0.0.0.0')
    const { port } = server.address
    const squatter = await Bun.udpSocket({ hostname: '127.0.0.3', port, socket: { data() {} } })
    const settled = (): Promise<void> => new Promise((resolve) => clock.soon(resolve))
    interfaces = loopbacks('127.0.0.1', '127.0.0.2', '127.0.0.3')
    scans.advance(LIMITS.addressRescan_ms)
    await settled()
    expect(warnings).toEqual(['a new address of this machine cannot be listened on'])
    expect(server.transport.bound).toHaveLength(2)
    squatter.close()
    scans.advance(LIMITS.addressRescan_ms)
    await settled()
    expect(server.transport.bound).toHaveLength(3)
  })
})

describe('listening', () => {
  test('a port that is taken is said in words, and nothing stays open', async () => {
    const squatter = await listen('127.0.0.2')
    const { port } = squatter.address
    const transport = makeTransport([
      { host: '127.0.0.1', port },
      { host: '127.0.0.2', port },
    ])
    await expect(transport.listen({ onBytes() {} })).rejects.toThrow(
      `cannot listen on udp 127.0.0.2:${port}: another program has that port`,
    )
    expect(transport.bound).toEqual([])
    const free = await Bun.udpSocket({ hostname: '127.0.0.1', port, socket: { data() {} } })
    free.close()
  })

  test('an address that is not ours is said in words', async () => {
    await expect(makeTransport([{ host: '203.0.113.1', port: 0 }]).listen({ onBytes() {} })).rejects.toThrow(
      'cannot listen on udp 203.0.113.1:0: this machine has no such address',
    )
  })
})

describe('what comes in', () => {
  test.each(['\r\n\r\n', '\r\n', ' ', '\0\0\0\0', ''])(
    'keep-alive %j is dropped and counted',
    async (bytes) => {
      const [server, peer] = [await listen('127.0.0.1'), await rawPeer()]
      peer.send(bytes, server.address.port, server.address.host)
      peer.send(message('after'), server.address.port, server.address.host)
      await server.receives(1)
      expect(server.received.map((one) => one.bytes)).toEqual([message('after')])
      expect(server.transport.counts).toMatchObject({ messagesIn: 1, dropped: { 'keep-alive': 1 } })
    },
  )

  test('empty lines before a message are taken off', async () => {
    const [server, peer] = [await listen('127.0.0.1'), await rawPeer()]
    peer.send(
      Buffer.concat([Buffer.from('\r\n\r\n'), message('x')]),
      server.address.port,
      server.address.host,
    )
    expect((await server.receives(1))[0]!.bytes).toEqual(message('x'))
  })
})

describe.each(PATHS)('what cannot leave by the %s', (path) => {
  test('a datagram the system will not carry costs the others nothing', async () => {
    const [server, phone] = [await listen('127.0.0.1', LIMITS, path), await listen('127.0.0.1')]
    const failures: string[] = []
    const sender = { onSendFailed: (failure: string) => failures.push(failure) }
    // From a loopback address there is no way out: the kernel refuses at once, and nothing reaches a wire.
    const unreachable = { host: '203.0.113.1', port: 5060 }
    for (let n = 0; n < 300; n++) {
      server.flowTo(unreachable)!.send(message('lost'), sender)
      server.flowTo(phone.address)!.send(message(String(n)))
    }
    await phone.receives(300)
    expect(phone.received.map((one) => one.bytes)).toEqual(
      Array.from({ length: 300 }, (_, n) => message(String(n))),
    )
    expect(await waitForFailure((one) => server.flowTo(unreachable)!.send(message('x'), one))).toBe(
      'unreachable',
    )
    expect(failures).toEqual(new Array(300).fill('unreachable'))
    expect(server.transport.counts).toMatchObject({ messagesOut: 300, sendsFailed: { unreachable: 301 } })
  })

  test('too large for a datagram', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const [server, phone] = [await listen(host, LIMITS, path), await listen(host)]
      const flow = server.flowTo(phone.address)!
      expect(await waitForFailure((sender) => flow.send(Buffer.alloc(65_528), sender))).toBe('too-large')
    }
  })

  test('a full batch leaves at once: a long turn does not fill the queue', async () => {
    const server = await listen('127.0.0.1', { ...LIMITS, udpSendQueue_datagrams: 300 }, path)
    const phone = await listen('127.0.0.1')
    const flow = server.flowTo(phone.address)!
    const failures: string[] = []
    for (let n = 0; n < 1000; n++) {
      flow.send(message(String(n)), { onSendFailed: (failure) => failures.push(failure) })
    }
    expect(server.transport.counts.messagesOut).toBe(768)
    await phone.receives(1000)
    expect(failures).toEqual([])
  })

  test('the queue takes so many datagrams in a turn, no more', async () => {
    const server = await listen('127.0.0.1', { ...LIMITS, udpSendQueue_datagrams: 10 }, path)
    const phone = await listen('127.0.0.1')
    const flow = server.flowTo(phone.address)!
    const failures: string[] = []
    for (let n = 0; n < 15; n++) {
      flow.send(message(String(n)), { onSendFailed: (failure) => failures.push(`${n} ${failure}`) })
    }
    await phone.receives(10)
    expect(failures).toEqual([10, 11, 12, 13, 14].map((n) => `${n} congested`))
    flow.send(message('there is room again'))
    await phone.receives(11)
  })
})
