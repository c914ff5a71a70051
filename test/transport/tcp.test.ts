import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, type Limits } from '../../src/config.ts'
import { LocalAddresses, type ReadInterfaces } from '../../src/transport/local.ts'
import { TcpTransport } from '../../src/transport/tcp.ts'
import type { Address } from '../../src/transport/transport.ts'
import { RawStream } from '../support/raw-stream.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { message, Station, waitForFailure } from './station.ts'

/** For documentation only (RFC 5737): listed, but on no interface. */
const LOST = '203.0.113.5'
const INTERFACES: ReturnType<ReadInterfaces> = {
  lo: ['127.0.0.1/32', '127.0.0.2/32', '::1/128', `${LOST}/32`].map((cidr) => ({
    address: cidr.slice(0, cidr.indexOf('/')),
    cidr,
    internal: true,
  })),
}

let clock: SystemClock
let closing: (() => unknown)[]

beforeEach(() => {
  clock = new SystemClock((error) => {
    throw error
  })
  closing = []
})

afterEach(async () => {
  await Promise.all(closing.map((close) => close()))
  expect(clock.timers).toBe(0)
  clock.close()
})

function makeTransport(listen: readonly Address[], limits: Partial<Limits>): TcpTransport {
  const all = { ...LIMITS, streamLinger_ms: 50, ...limits }
  const addresses = new LocalAddresses(new VirtualClock(), all, () => INTERFACES)
  const transport = new TcpTransport(listen, { clock, limits: all, addresses, log: { warn() {} } })
  closing.push(() => transport.close())
  return transport
}

async function listen(host: string, limits: Partial<Limits> = {}): Promise<Station> {
  const station = new Station(makeTransport([{ host, port: 0 }], limits))
  await station.listen()
  return station
}

async function connect(to: Address): Promise<RawStream> {
  const stream = await RawStream.connect(to)
  closing.push(() => stream.reset())
  return stream
}

describe('framing on a real socket', () => {
  test('a message in pieces of every length', async () => {
    const server = await listen('127.0.0.1')
    const whole = message('v=0\r\n\r\n')
    for (let length = 1; length <= whole.length; length++) {
      const client = await connect(server.address)
      for (let at = 0; at < whole.length; at += length) client.send(whole.subarray(at, at + length))
      await server.receives(length)
      client.reset()
    }
    expect(server.received.map(({ bytes }) => bytes)).toEqual(new Array(whole.length).fill(whole))
  })

  test('many messages in one write, with pings among them', async () => {
    const server = await listen('127.0.0.1')
    const stream = await connect(server.address)
    const all = Array.from({ length: 500 }, (_, n) => message(`${n} ${'x'.repeat(n)}`))
    stream.send(Buffer.concat([...all.slice(0, 100), Buffer.from('\r\n\r\n'), ...all.slice(100)]))
    await server.receives(500)
    expect(server.received.map(({ bytes }) => bytes)).toEqual(all)
    await stream.receives('\r\n')
  })

  test('without Content-Length: handed up without a body, answered, closed', async () => {
    const server = await listen('127.0.0.1')
    server.onBytes = (_bytes, flow) => flow.send(Buffer.from('SIP/2.0 400 Bad Request\r\n\r\n'))
    const stream = await connect(server.address)
    stream.send(`OPTIONS sip:a SIP/2.0\r\n\r\nbody${message('never seen')}`)
    await stream.closed
    expect(stream.received).toBe('SIP/2.0 400 Bad Request\r\n\r\n')
    expect(server.received.map(({ bytes }) => bytes.toString())).toEqual(['OPTIONS sip:a SIP/2.0\r\n\r\n'])
  })
})

describe('flows', () => {
  test('an accepted connection is the way back to that peer, and is used again', async () => {
    const server = await listen('127.0.0.1')
    const stream = await connect(server.address)
    stream.send(message('x'))
    const { flow } = (await server.receives(1))[0]!
    expect(flow.peer).toEqual(stream.address)
    expect(server.flowTo(stream.address)).toBe(flow)
    server.flowTo(stream.address)!.send(message('call for you'))
    await stream.receives(message('call for you').toString())
  })

  test('a wildcard is told as the address that the peer reached', async () => {
    const server = await listen('0.0.0.0')
    expect(server.transport.bound.map(({ host }) => host)).toEqual(['127.0.0.1', '127.0.0.2', LOST])
    for (const [n, address] of server.transport.bound.slice(0, 2).entries()) {
      const stream = await connect(address)
      stream.send(message('x'))
      expect((await server.receives(n + 1))[n]!.flow.local).toEqual(address)
    }
  })

  test('a connection of ours comes from the address that its flow names', async () => {
    const [server, peer] = [await listen('0.0.0.0'), await listen('127.0.0.1')]
    const local = server.transport.bound[1]!
    const flow = server.transport.flowTo(peer.address, local)!
    flow.send(message('x'))
    expect((await peer.receives(1))[0]!.flow.peer.host).toBe('127.0.0.2')
    expect(flow.local).toEqual(local)
  })

  test('the IPv6 wildcard leaves the port to IPv4', async () => {
    const server = await listen('::')
    const { port } = server.address
    const other = makeTransport([{ host: '0.0.0.0', port }], {})
    await other.listen({ onBytes() {} })
    const stream = await connect({ host: '::1', port })
    stream.send(message('x'))
    expect((await server.receives(1))[0]!.flow).toMatchObject({ local: { host: '::1', port } })
  })

  test('what is sent before the connection is open leaves in order', async () => {
    const [server, peer] = [await listen('127.0.0.1'), await listen('127.0.0.1')]
    const all = Array.from({ length: 50 }, (_, n) => message(String(n)))
    for (const bytes of all) server.flowTo(peer.address)!.send(bytes)
    expect((await peer.receives(50)).map(({ bytes }) => bytes)).toEqual(all)
    expect(new Set(peer.received.map(({ flow }) => flow.key)).size).toBe(1)
  })
})

describe('peers that fail', () => {
  test('refused: each sender is told, and the next try is a new connection', async () => {
    const [server, gone] = [await listen('127.0.0.1'), await listen('127.0.0.1')]
    await gone.transport.close()
    const flow = server.flowTo(gone.address)!
    const failures = await Promise.all(
      [1, 2, 3].map(() => waitForFailure((sender) => flow.send(message('x'), sender))),
    )
    expect(failures).toEqual(['refused', 'refused', 'refused'])
    expect(flow.open).toBe(false)
    expect(server.flowTo(gone.address)).not.toBe(flow)
  })

  test('a source address that this machine has lost: unreachable', async () => {
    const [server, peer] = [await listen('0.0.0.0'), await listen('127.0.0.1')]
    const lost = server.transport.bound.find(({ host }) => host === LOST)!
    const flow = server.transport.flowTo(peer.address, lost)!
    expect(await waitForFailure((sender) => flow.send(message('x'), sender))).toBe('unreachable')
  })

  test('a reset ends the flow and nothing else', async () => {
    const server = await listen('127.0.0.1')
    const [doomed, stays] = [await connect(server.address), await connect(server.address)]
    doomed.send(message('x'))
    const { flow } = (await server.receives(1))[0]!
    doomed.reset()
    stays.send(message('y'))
    await server.receives(2)
    expect(
      await waitForFailure(function again(sender) {
        flow.send(message('answer'), sender)
        if (flow.open) clock.soon(() => again(sender))
      }),
    ).toBe('closed')
    expect(server.transport.counts.connectionsOpen).toBe(1)
  })

  test('who does not read is bounded, and costs the others nothing', async () => {
    const server = await listen('127.0.0.1', { streamSendQueue_bytes: 200_000, streamStall_ms: 300 })
    const [deaf, stays] = [await connect(server.address), await connect(server.address)]
    deaf.pause()
    deaf.send(message('x'))
    stays.send(message('y'))
    await server.receives(2)
    const flowOf = (stream: RawStream) => server.flowTo(stream.address)!
    const large = message('z'.repeat(60_000))
    const congested = await waitForFailure(function flood(sender) {
      for (let n = 0; n < 10; n++) flowOf(deaf).send(large, sender)
      if (server.transport.counts.sendsFailed.congested === 0) clock.soon(() => flood(sender))
    })
    expect(congested).toBe('congested')
    flowOf(stays).send(message('still served'))
    await stays.receives(message('still served').toString())
    const waiting = flowOf(deaf)
    expect(await waitForFailure((sender) => waiting.send(message('w'), sender))).toBe('timeout')
    expect(waiting.open).toBe(false)
  })

  test('a message that is begun and not finished: closed', async () => {
    const server = await listen('127.0.0.1', { streamMessage_ms: 30 })
    const stream = await connect(server.address)
    stream.send(message('x').subarray(0, 10))
    await stream.closed
    expect(server.transport.counts.dropped.incomplete).toBe(1)
  })

  test('without traffic: closed', async () => {
    const server = await listen('127.0.0.1', { streamIdle_ms: 30 })
    await (await connect(server.address)).closed
  })

  test('half closed: answered, then closed', async () => {
    const server = await listen('127.0.0.1')
    server.onBytes = (bytes, flow) => clock.soon(() => flow.send(bytes))
    const stream = await connect(server.address)
    stream.send(message('x'))
    stream.halfClose()
    await stream.closed
    expect(stream.received).toBe(message('x').toString())
  })
})

describe('limits on connections', () => {
  test('of one host', async () => {
    const server = await listen('127.0.0.1', { streamConnectionsPerHost: 2 })
    const streams = [await connect(server.address), await connect(server.address)]
    for (const stream of streams) stream.send(message('x'))
    await server.receives(2)
    const third = await connect(server.address)
    await third.closed
    expect(server.transport.counts).toMatchObject({ connectionsOpen: 2, connectionsRefused: 1 })
    expect(server.flowTo({ host: '127.0.0.1', port: 1 })).toBeNull()
    streams[0]!.reset()
    await new Promise<void>(function wait(resolve) {
      if (server.transport.counts.connectionsOpen === 1) resolve()
      else clock.soon(() => wait(resolve))
    })
    const fourth = await connect(server.address)
    fourth.send(message('y'))
    await server.receives(3)
  })

  test('of all hosts', async () => {
    const server = await listen('127.0.0.1', { streamConnections: 1 })
    const first = await connect(server.address)
    first.send(message('x'))
    await server.receives(1)
    await (await connect(server.address)).closed
    expect(server.flowTo({ host: '127.0.0.9', port: 5060 })).toBeNull()
  })
})

test('a port that is taken is said in words', async () => {
  const { port } = (await listen('127.0.0.1')).address
  await expect(makeTransport([{ host: '127.0.0.1', port }], {}).listen({ onBytes() {} })).rejects.toThrow(
    `cannot listen on tcp 127.0.0.1:${port}: another program has that port`,
  )
})
