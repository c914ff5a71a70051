import { describe, expect, test } from 'bun:test'
import { type Binding, Location } from '../../src/registrar/location.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const EXTENSION = 7

function open() {
  const clock = new VirtualClock()
  const expired: Binding[] = []
  const told: string[] = []
  const location = new Location(clock, {
    onActive: (extensionId) => void told.push(`${extensionId} active`),
    onIdle: (extensionId) => void told.push(`${extensionId} idle`),
    onExpired: (bindings) => void expired.push(...bindings),
  })
  const binding = (contact: string, changed: Partial<Binding> = {}): Binding => ({
    extensionId: EXTENSION,
    number: '107',
    contact,
    contactKey: contact,
    callId: 'call',
    cseq: 1,
    priority: 1000,
    expiresAt: clock.now() + 60_000,
    registeredAt: clock.now(),
    userAgent: '',
    instance: '',
    path: '',
    source: 'udp:10.0.1.1:5060',
    local: 'udp:10.0.0.1:5060',
    natted: true,
    stored: true,
    flow: null,
    ...changed,
  })
  return { clock, expired, told, location, binding }
}

const contacts = (bindings: readonly Binding[]) => bindings.map(({ contact }) => contact)

describe('the bindings of an extension', () => {
  test('come in the order of q, and the latest first among equals (RFC 3261 section 16.6)', () => {
    const { clock, location, binding } = open()
    location.replace(EXTENSION, [
      binding('sip:low@a', { priority: 100 }),
      binding('sip:old@a'),
      binding('sip:new@a', { registeredAt: clock.now() + 1 }),
    ])
    expect(contacts(location.of(EXTENSION))).toEqual(['sip:new@a', 'sip:old@a', 'sip:low@a'])
  })

  test('are replaced whole', () => {
    const { location, binding } = open()
    location.replace(EXTENSION, [binding('sip:a@a'), binding('sip:b@a')])
    location.replace(EXTENSION, [binding('sip:c@a')])
    expect(contacts(location.of(EXTENSION))).toEqual(['sip:c@a'])
    expect(location.byContact('sip:a@a')).toBeNull()
    expect(location.count).toBe(1)
    location.replace(EXTENSION, [])
    expect([location.count, location.has(EXTENSION)]).toEqual([0, false])
  })

  test('end at their time, are told of once, and those that last stay', () => {
    const { clock, expired, location, binding } = open()
    location.replace(EXTENSION, [
      binding('sip:short@a', { expiresAt: clock.now() + 500 }),
      binding('sip:long@a'),
    ])
    clock.advance(500)
    expect(contacts(location.of(EXTENSION))).toEqual(['sip:long@a'])
    expect(location.byContact('sip:short@a')).toBeNull()
    clock.advance(500)
    expect(contacts(expired)).toEqual(['sip:short@a'])
    expect(location.count).toBe(1)
    clock.advance(60_000)
    expect(contacts(expired)).toEqual(['sip:short@a', 'sip:long@a'])
    expect(location.count).toBe(0)
  })

  test('are told of at their end also when a new list comes before the sweep does', () => {
    const { clock, expired, location, binding } = open()
    const again = binding('sip:again@a', { expiresAt: clock.now() + 500 })
    location.replace(EXTENSION, [again, binding('sip:gone@a', { expiresAt: clock.now() + 500 })])
    clock.advance(600)
    location.replace(EXTENSION, [binding('sip:new@a'), { ...again, expiresAt: clock.now() + 60_000 }])
    expect(contacts(expired)).toEqual(['sip:gone@a'])
    clock.advance(1000)
    expect(contacts(expired)).toEqual(['sip:gone@a'])
  })
})

test('the first binding of an extension and the end of its last one are told, and nothing between', () => {
  const { clock, told, location, binding } = open()
  location.restore([binding('sip:a@a'), binding('sip:b@a', { expiresAt: clock.now() + 500 })])
  location.replace(EXTENSION, [binding('sip:a@a', { expiresAt: clock.now() + 5000 })])
  expect(told).toEqual(['7 active'])
  clock.advance(5000)
  expect(told).toEqual(['7 active', '7 idle'])
  location.replace(EXTENSION, [])
  location.replace(EXTENSION, [binding('sip:a@a')])
  location.replace(EXTENSION, [])
  expect(told).toEqual(['7 active', '7 idle', '7 active', '7 idle'])
})

test('a contact that can be reached directly is not looked for', () => {
  const { location, binding } = open()
  location.replace(EXTENSION, [binding('sip:a@a', { natted: false })])
  expect(location.byContact('sip:a@a')).toBeNull()
})

test('a closed one leaves no timer behind', () => {
  const { clock, location } = open()
  clock.advance(5000)
  location.close()
  expect(clock.timers).toBe(0)
})
