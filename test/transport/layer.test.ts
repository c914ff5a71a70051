import { beforeEach, describe, expect, test } from 'bun:test'
import { TransportLayer } from '../../src/transport/layer.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { VirtualNetwork } from '../support/virtual-network.ts'

let clock: VirtualClock
let network: VirtualNetwork
let received: string[]
let layer: TransportLayer

beforeEach(async () => {
  clock = new VirtualClock()
  network = new VirtualNetwork(clock)
  received = []
  layer = new TransportLayer(
    [
      network.transport('udp', [
        { host: '10.0.0.1', port: 5060 },
        { host: 'fd00::1', port: 5070 },
      ]),
      network.transport('tcp', [{ host: '10.0.0.1', port: 5062 }]),
    ],
    { onBytes: (bytes, flow) => received.push(`${flow.transport} ${bytes}`) },
  )
  await layer.listen()
})

describe('TransportLayer', () => {
  test('lists where it listens', () => {
    expect(layer.bound).toEqual([
      { transport: 'udp', host: '10.0.0.1', port: 5060 },
      { transport: 'udp', host: 'fd00::1', port: 5070 },
      { transport: 'tcp', host: '10.0.0.1', port: 5062 },
    ])
  })

  test('hands up what comes by each transport, and counts it', () => {
    const phone = network.endpoint('10.0.0.9', 5060)
    const trunk = network.endpoint('10.0.0.8', 5060, 'tcp')
    phone.send({ host: '10.0.0.1', port: 5060 }, 'hello')
    trunk.send({ host: '10.0.0.1', port: 5062 }, 'hello')
    clock.settle()
    expect(received.sort()).toEqual(['tcp hello', 'udp hello'])
    expect(layer.counts.get('udp')).toMatchObject({ messagesIn: 1, bytesIn: 5 })
    expect(layer.counts.get('tcp')).toMatchObject({ messagesIn: 1, connectionsOpen: 1 })
  })

  test('finds the way by the transport named', () => {
    const peer = { host: '10.0.0.9', port: 5060 }
    expect(layer.flowTo('udp', peer, null)?.key).toBe('udp:10.0.0.1:5060>10.0.0.9:5060')
    expect(layer.flowTo('tcp', peer, null)).toMatchObject({ transport: 'tcp', reliable: true })
    expect(layer.flowTo('tls', peer, null)).toBeNull()
  })

  test.each([
    ['10.0.0.1', 5060, true],
    ['10.0.0.1', 0, true],
    ['10.0.0.1', 5062, true],
    ['10.0.0.1', 5063, false],
    ['10.0.0.2', 5060, false],
    ['fd00::1', 5070, true],
    ['[fd00::1]', 5070, true],
    ['[FD00:0::1]', 5070, true],
    ['fd00::1', 0, false],
    ['[fd00::2]', 5070, false],
    ['::ffff:10.0.0.1', 5060, true],
    ['sip.example.com', 5060, false],
    ['', 5060, false],
  ])('isLocal %s %d: %p', (host, port, expected) => expect(layer.isLocal(host, port)).toBe(expected))

  test('isLocalHost looks at the host alone', () => {
    expect(layer.isLocalHost('[FD00::1]')).toBe(true)
    expect(layer.isLocalHost('10.0.0.1')).toBe(true)
    expect(layer.isLocalHost('10.0.0.2')).toBe(false)
  })

  test('a closed layer listens nowhere', async () => {
    await layer.close()
    expect(layer.bound).toEqual([])
    expect(layer.isLocal('10.0.0.1', 5060)).toBe(false)
  })

  test('listens on all or on none', async () => {
    const udp = network.transport('udp', [{ host: '10.0.0.3', port: 5060 }])
    const taken = network.transport('tcp', [{ host: '10.0.0.1', port: 5062 }])
    await expect(new TransportLayer([udp, taken], { onBytes() {} }).listen()).rejects.toThrow('is taken')
    expect(udp.bound).toEqual([])
  })
})
