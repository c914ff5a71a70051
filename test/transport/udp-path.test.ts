// The two ways of a datagram through UdpSocket: straight to the kernel, and by the runtime.

import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { SystemClock } from '../../src/clock.ts'
import { LIMITS, type Limits } from '../../src/config.ts'
import { LocalAddresses } from '../../src/transport/local.ts'
import type { Address } from '../../src/transport/transport.ts'
import { UdpTransport } from '../../src/transport/udp.ts'
import { passes } from '../support/deadline.ts'
import { FULL_BUFFER_DATAGRAMS, type FullBufferOutcome } from '../support/full-buffer.ts'
import { runIsolated } from '../support/isolated.ts'
import { whyNoNamespaces } from '../support/programs.ts'
import { message, Station, waitForFailure } from './station.ts'

const onLinux = process.platform === 'linux'
const PATHS = onLinux ? (['kernel', 'runtime'] as const) : (['runtime'] as const)
const FULL_BUFFER_MS = 30_000
const LARGEST_BYTES = { '127.0.0.1': 65_507, '::1': 65_527 }

let clock: SystemClock
let closing: (() => unknown)[]

beforeEach(() => {
  clock = new SystemClock((error) => {
    throw error
  })
  closing = []
})

afterEach(async () => {
  for (const close of closing) await close()
  expect(clock.timers).toBe(0)
  clock.close()
})

const turn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve))

/** Listens, and goes by that path: the runtime has each socket for its first turns. */
async function listen(path: 'kernel' | 'runtime', host: string, limits: Limits = LIMITS): Promise<Station> {
  const context = { clock, limits, addresses: new LocalAddresses(clock, limits), log: { warn() {} } }
  const transport = new UdpTransport([{ host, port: 0 }], context, path)
  closing.push(() => transport.close())
  const station = new Station(transport)
  await station.listen()
  while (!transport.paths.every((one) => one === path)) await turn()
  return station
}

/** Sends all of them in one call: they wait in the kernel, together, before anybody reads the first. */
async function burst(from: string, to: Address, all: readonly Uint8Array[]): Promise<void> {
  const socket = await Bun.udpSocket({ hostname: from, port: 0, socket: { data() {}, error() {} } })
  socket.sendMany(all.flatMap((bytes) => [bytes, to.port, to.host]))
  closing.push(() => socket.close())
}

const numbered = (count: number): Buffer[] => Array.from({ length: count }, (_, n) => message(String(n)))

describe.each(PATHS)('by the %s', (path) => {
  describe.each(['127.0.0.1', '::1'] as const)('at %s', (host) => {
    test('a burst arrives whole and in order, and its answers too', async () => {
      const [server, phone] = [await listen(path, host), await listen(path, host)]
      server.onBytes = (bytes, flow) => flow.send(bytes)
      const all = numbered(2000)
      for (let from = 0; from < all.length; from += 500) {
        for (const bytes of all.slice(from, from + 500)) phone.flowTo(server.address)!.send(bytes)
        await phone.receives(from + 500)
      }
      expect(server.received.map(({ bytes }) => bytes)).toEqual(all)
      expect(phone.received.map(({ bytes }) => bytes)).toEqual(all)
    })

    test('what waits together is read in its order, more than one call takes', async () => {
      const server = await listen(path, host)
      const all = numbered(1500)
      await burst(host, server.address, all)
      await server.receives(all.length)
      expect(server.received.map(({ bytes }) => bytes)).toEqual(all)
      expect(server.transport.counts).toMatchObject({ messagesIn: 1500, dropped: { malformed: 0 } })
    })

    test('the largest datagram is whole among small ones', async () => {
      const server = await listen(path, host)
      const large = [Buffer.alloc(LARGEST_BYTES[host], 'a'), Buffer.alloc(LARGEST_BYTES[host], 'b')]
      const all = [...numbered(20), large[0]!, ...numbered(20), large[1]!, ...numbered(20)]
      await burst(host, server.address, all)
      await server.receives(all.length)
      expect(server.received.map(({ bytes }) => bytes)).toEqual(all)
      const back = await listen(path, host)
      for (const bytes of all) server.flowTo(back.address)!.send(bytes)
      await back.receives(all.length)
      expect(back.received.map(({ bytes }) => bytes)).toEqual(all)
    })

    test('a peer is one flow, from either end', async () => {
      const [server, phone] = [await listen(path, host), await listen(path, host)]
      phone.flowTo(server.address)!.send(message('x'))
      const { flow } = (await server.receives(1))[0]!
      expect(flow.peer).toEqual(phone.address)
      expect(flow.key).toBe(server.flowTo(phone.address)!.key)
    })

    test('what the kernel refuses costs the others nothing', async () => {
      const [server, phone, gone] = [
        await listen(path, host),
        await listen(path, host),
        await listen(path, host),
      ]
      await gone.transport.close()
      // From 127.0.0.1 there is no way out, and nothing reaches a wire. From ::1 there may be one.
      const unreachable = host === '127.0.0.1' ? { host: '203.0.113.1', port: 5060 } : null
      const failures: string[] = []
      const sender = { onSendFailed: (failure: string) => failures.push(failure) }
      for (const bytes of numbered(300)) {
        if (unreachable !== null) server.flowTo(unreachable)!.send(bytes, sender)
        server.flowTo(gone.address)!.send(bytes, sender)
        server.flowTo(phone.address)!.send(bytes, sender)
      }
      expect(failures).toEqual([])
      await phone.receives(300)
      await turn()
      expect(phone.received.map(({ bytes }) => bytes)).toEqual(numbered(300))
      expect(failures).toEqual(new Array(unreachable === null ? 0 : 300).fill('unreachable'))
      expect(server.transport.counts).toMatchObject({ messagesOut: 600, sendsFailed: { refused: 0 } })
      const tooLarge = Buffer.alloc(LARGEST_BYTES[host] + 1)
      expect(await waitForFailure((one) => server.flowTo(phone.address)!.send(tooLarge, one))).toBe(
        'too-large',
      )
    })
  })

  test('more peers than are kept ready are served as well', async () => {
    const server = await listen(path, '127.0.0.1', { ...LIMITS, udpFlows_entries: 4 })
    server.onBytes = (bytes, flow) => flow.send(bytes)
    const phones: Station[] = []
    while (phones.length < 12) phones.push(await listen(path, '127.0.0.1'))
    for (let round = 1; round <= 3; round++) {
      for (const phone of phones)
        phone.flowTo(server.address)!.send(message(`${phone.address.port} ${round}`))
      for (const phone of phones) {
        const last = (await phone.receives(round)).at(-1)!
        expect(last.bytes).toEqual(message(`${phone.address.port} ${round}`))
      }
    }
  })

  test('who hears a datagram may close the socket', async () => {
    const server = await listen(path, '127.0.0.1')
    let closed: Promise<void> | null = null
    server.onBytes = (bytes, flow) => {
      flow.send(bytes)
      closed ??= server.transport.close()
    }
    await burst('127.0.0.1', server.address, numbered(20))
    await server.receives(1)
    await closed
    await turn()
    expect(server.received).toHaveLength(1)
    expect(server.transport.counts.messagesOut).toBe(1)
    const again = await Bun.udpSocket({ ...hostnameOf(server.address), socket: { data() {} } })
    again.close()
  })

  test('what is queued leaves before a socket closes', async () => {
    const [server, phone] = [await listen(path, '127.0.0.1'), await listen(path, '127.0.0.1')]
    for (const bytes of numbered(10)) server.flowTo(phone.address)!.send(bytes)
    await server.transport.close()
    await phone.receives(10)
    expect(server.transport.counts).toMatchObject({ messagesOut: 10, sendsFailed: { closed: 0 } })
  })

  test('nothing is done while nothing comes', async () => {
    const [server, phone] = [await listen(path, '127.0.0.1'), await listen(path, '127.0.0.1')]
    phone.flowTo(server.address)!.send(message('x'))
    await server.receives(1)
    // What the tests before have left behind is the collector's matter, not ours.
    Bun.gc(true)
    await passes(50)
    const before_ms = ownCpu_ms()
    await passes(400)
    // A loop that turns for nothing has a whole core, or half of one on a busy machine.
    expect(ownCpu_ms() - before_ms).toBeLessThan(100)
  })
})

/** Of this thread alone, where the system tells: the runtime has others, with work of their own. */
function ownCpu_ms(): number {
  if (onLinux) return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const hostnameOf = ({ host, port }: Address) => ({ hostname: host, port })

describe.skipIf(!onLinux)('the kernel path', () => {
  test('leaves a turn to timers, however much comes in', async () => {
    const server = await listen('kernel', '127.0.0.1')
    const rung = Promise.withResolvers<void>()
    let ringing = true
    // Each datagram brings the next: a turn that read all there is would have no end.
    server.onBytes = (bytes) => {
      if (ringing) server.flowTo(server.address)!.send(bytes)
    }
    for (const bytes of numbered(40)) server.flowTo(server.address)!.send(bytes)
    await server.receives(200)
    clock.after(1, { onTimer: () => rung.resolve() }, 0)
    await rung.promise
    ringing = false
  })

  test('takes no more in a turn than it has time for, when each is costly', async () => {
    const server = await listen('kernel', '127.0.0.1')
    const cost_ms = LIMITS.udpTurn_ms / 3
    server.onBytes = () => {
      const end_ms = clock.monotonic() + cost_ms
      while (clock.monotonic() < end_ms);
    }
    await burst('127.0.0.1', server.address, numbered(80))
    const before: number[] = []
    while (server.received.length < 80) {
      before.push(server.received.length)
      await turn()
    }
    const taken = before.slice(1).map((count, n) => count - before[n]!)
    // It must learn what they cost: the first turn may take a whole batch.
    expect(taken.filter((count) => count > 4).length).toBeLessThanOrEqual(1)
    expect(Math.max(...taken)).toBeLessThan(40)
  })

  test('gives all its descriptors back', async () => {
    const open = (): number => readdirSync('/proc/self/fd').length
    const first = await listen('kernel', '127.0.0.1')
    await first.transport.close()
    const before = open()
    for (let n = 0; n < 5; n++) {
      const one = await listen('kernel', '127.0.0.1')
      await one.transport.close()
    }
    expect(open()).toBe(before)
  })

  test('bytes may be written to once they are sent', async () => {
    const [server, phone] = [await listen('kernel', '127.0.0.1'), await listen('kernel', '127.0.0.1')]
    const bytes = Buffer.from('0')
    for (let n = 0; n < 10; n++) {
      bytes.write(String(n))
      server.flowTo(phone.address)!.send(bytes)
    }
    await phone.receives(10)
    expect(phone.received.map((one) => one.bytes.toString()).join('')).toBe('0123456789')
  })
})

const noNamespaces =
  whyNoNamespaces() ?? (Bun.which('tc') === null ? 'a slow link wants tc(8) of iproute2' : null)

test.skipIf(noNamespaces !== null).each(PATHS)(
  `by the %s nothing is lost while the kernel has no room${noNamespaces === null ? '' : ` (skipped: ${noNamespaces})`}`,
  async (path) => {
    // The cast: what our own script printed.
    const outcome = (await runIsolated('full-buffer-run.ts', [path], FULL_BUFFER_MS)) as FullBufferOutcome
    expect(outcome.sentAtOnce).toBeLessThan(FULL_BUFFER_DATAGRAMS / 2)
    expect(outcome).toMatchObject({ inOrder: true, received: FULL_BUFFER_DATAGRAMS, refused: 200, path })
    // A loop that turns while it waits for room would have all of the time.
    expect(outcome.cpu_ms).toBeLessThan(outcome.elapsed_ms / 2)
  },
  FULL_BUFFER_MS,
)
