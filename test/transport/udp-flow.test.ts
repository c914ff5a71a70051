import { describe, expect, test } from 'bun:test'
import { nameOf } from '../../src/transport/socket-name.ts'
import { FlowTable } from '../../src/transport/udp-flow.ts'

const tableOf = (family: 4 | 6, entries: number): FlowTable => {
  const address = { host: family === 4 ? '192.0.2.1' : '2001:db8::1', port: 5060 }
  return new FlowTable({ address, open: true, family, send() {} }, entries)
}

describe.each([4, 6] as const)('flows over IPv%d', (family) => {
  const peer = (n: number) => ({
    host: family === 4 ? `203.0.${n >> 8}.${n & 255}` : `2001:db8::${(n + 1).toString(16)}`,
    port: 5060,
  })

  test('a peer has one, whether it is heard or asked for', () => {
    const table = tableOf(family, 8)
    const flow = table.to(peer(1))
    expect(flow.peer).toEqual(peer(1))
    expect(table.at(nameOf(peer(1), family), 0)).toBe(flow)
    expect(table.to({ ...peer(1), port: 5061 })).not.toBe(flow)
    expect(flow.key).toContain('>')
    expect(flow.key).toBe(tableOf(family, 8).to(peer(1)).key)
  })

  test('forged sources do not make it grow', () => {
    const table = tableOf(family, 100)
    for (let n = 0; n < 5000; n++) {
      table.to(peer(n))
      expect(table.size).toBeLessThanOrEqual(100)
    }
  })

  test('who is heard again and again is not forgotten', () => {
    const table = tableOf(family, 100)
    const flow = table.to(peer(0))
    for (let n = 1; n < 1000; n++) {
      table.to(peer(n))
      if (n % 20 === 0) expect(table.to(peer(0))).toBe(flow)
    }
  })

  test('a flow that was forgotten works, and is made again', () => {
    const table = tableOf(family, 2)
    const flow = table.to(peer(0))
    for (let n = 1; n < 10; n++) table.to(peer(n))
    const again = table.to(peer(0))
    expect(again).not.toBe(flow)
    expect(again.key).toBe(flow.key)
    expect(flow.open).toBe(true)
  })
})
