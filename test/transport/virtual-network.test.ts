import { beforeEach, describe, expect, test } from 'bun:test'
import { VirtualClock } from '../support/virtual-clock.ts'
import { type VirtualEndpoint, VirtualNetwork } from '../support/virtual-network.ts'
import { waitForFailure } from './station.ts'

const texts = (endpoint: VirtualEndpoint): string[] => endpoint.received.map(({ bytes }) => bytes.toString())

/** Sends "0" to "199" from one endpoint to another and gives what came, in the order it came. */
function run(
  seed: number,
  arrange: (network: VirtualNetwork) => void,
  transport: 'udp' | 'tcp' = 'udp',
): string[] {
  const clock = new VirtualClock()
  const network = new VirtualNetwork(clock, seed)
  arrange(network)
  const [alice, bob] = [
    network.endpoint('10.0.0.1', 5060, transport),
    network.endpoint('10.0.0.2', 5060, transport),
  ]
  for (let n = 0; n < 200; n++) alice.send(bob.address, String(n))
  clock.advance(10_000)
  return texts(bob)
}

const inOrder = Array.from({ length: 200 }, (_, n) => String(n))
const numerically = (a: string, b: string): number => Number(a) - Number(b)

describe('datagrams', () => {
  test('all arrive in order when nothing is arranged', () => {
    expect(run(1, () => {})).toEqual(inOrder)
  })

  test('loss loses some, duplication doubles some, jitter mixes them', () => {
    const lossy = run(1, (network) => {
      network.loss = 0.2
    })
    expect(lossy.length).toBeLessThan(190)
    expect(lossy.length).toBeGreaterThan(120)
    const doubled = run(1, (network) => {
      network.duplication = 0.2
    })
    expect(doubled.length).toBeGreaterThan(210)
    expect([...new Set(doubled)]).toEqual(inOrder)
    const mixed = run(1, (network) => {
      network.jitter_ms = 50
    })
    expect(mixed).not.toEqual(inOrder)
    expect(mixed.toSorted(numerically)).toEqual(inOrder)
  })

  test('a seed gives the same run again, another seed another', () => {
    const arrange = (network: VirtualNetwork): void => {
      Object.assign(network, { loss: 0.1, duplication: 0.1, delay_ms: 5, jitter_ms: 20 })
    }
    expect(run(7, arrange)).toEqual(run(7, arrange))
    expect(run(7, arrange)).not.toEqual(run(8, arrange))
  })
})

test('streams keep their order whatever the delays, and lose nothing', () => {
  const arrange = (network: VirtualNetwork): void => {
    Object.assign(network, { loss: 0.5, duplication: 0.5, delay_ms: 5, jitter_ms: 50 })
  }
  expect(run(3, arrange, 'tcp')).toEqual(inOrder)
})

describe.each(['udp', 'tcp'] as const)('endpoints over %s', (transport) => {
  let clock: VirtualClock
  let network: VirtualNetwork
  let alice: VirtualEndpoint
  let bob: VirtualEndpoint

  beforeEach(() => {
    clock = new VirtualClock()
    network = new VirtualNetwork(clock)
    network.delay_ms = 30
    alice = network.endpoint('10.0.0.1', 5060, transport)
    bob = network.endpoint('10.0.0.2', 5060, transport)
  })

  test('answer each other, after the delay and not before', () => {
    bob.onBytes = (bytes, from) => bob.send(from, `echo ${bytes}`)
    alice.send(bob.address, 'hello')
    clock.advance(29)
    expect(bob.received).toEqual([])
    clock.advance(61)
    expect(texts(alice)).toEqual(['echo hello'])
    expect(network.errors).toEqual([])
  })

  test('a partition stops what passes between two hosts, and no one else', () => {
    const carol = network.endpoint('10.0.0.3', 5060, transport)
    network.partition('10.0.0.2', '10.0.0.1')
    alice.send(bob.address, 'lost')
    alice.send(carol.address, 'passes')
    clock.advance(1000)
    expect(bob.received).toEqual([])
    expect(texts(carol)).toEqual(['passes'])
    network.heal()
    alice.send(bob.address, 'again')
    clock.advance(1000)
    expect(texts(bob)).toEqual(['again'])
  })

  test('what an endpoint throws is kept for the test to see', () => {
    const broken = new Error('broken')
    bob.onBytes = () => {
      throw broken
    }
    alice.send(bob.address, 'x')
    clock.advance(100)
    expect(network.errors).toEqual([broken])
  })
})

describe('streams that fail', () => {
  test.each(['refused', 'timeout'])('%s', async (expected) => {
    const clock = new VirtualClock()
    const network = new VirtualNetwork(clock)
    const server = network.transport('tcp', [{ host: '10.0.0.1', port: 5060 }])
    await server.listen({ onBytes() {} })
    if (expected === 'timeout') network.partition('10.0.0.1', '10.0.0.2')
    const flow = server.flowTo({ host: '10.0.0.2', port: 5060 }, null)!
    const failure = waitForFailure((sender) => flow.send(Buffer.from('x'), sender))
    clock.settle()
    expect<string>(await failure).toBe(expected)
    expect(flow.open).toBe(false)
  })

  test('the other end hears of a close', async () => {
    const clock = new VirtualClock()
    const network = new VirtualNetwork(clock)
    const flows: { readonly open: boolean }[] = []
    const server = network.transport('tcp', [{ host: '10.0.0.1', port: 5060 }])
    await server.listen({ onBytes: (_bytes, flow) => flows.push(flow) })
    const phone = network.endpoint('10.0.0.2', 5060, 'tcp')
    phone.send({ host: '10.0.0.1', port: 5060 }, 'x')
    clock.settle()
    expect(flows).toMatchObject([{ open: true }])
    await phone.close()
    clock.settle()
    expect(flows).toMatchObject([{ open: false }])
    expect(server.counts.connectionsOpen).toBe(0)
  })

  test('one that is given up before it is made is none at the other end either', async () => {
    const clock = new VirtualClock()
    const network = new VirtualNetwork(clock)
    const server = network.transport('tcp', [{ host: '10.0.0.1', port: 5060 }])
    await server.listen({ onBytes() {} })
    const phone = network.endpoint('10.0.0.2', 5060, 'tcp')
    phone.send({ host: '10.0.0.1', port: 5060 }, 'x')
    await phone.close()
    clock.settle()
    expect(server.counts.connectionsOpen).toBe(0)
  })
})
