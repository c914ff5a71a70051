// A phone that says which one it is leaves a sighting: its row in `device`.

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'
import type { Phone, RegisterParts } from '../support/phone.ts'

const INSTANCE = '<urn:uuid:00000000-0000-1000-8000-000a95a0e128>'
const HOUR_ms = 3_600_000

function asInstance(phone: Phone, instance: string, agent = 'Desk phone 1.0'): RegisterParts {
  return {
    contacts: [`<${phone.contactUri}>;+sip.instance="${instance}"`],
    headers: [`User-Agent: ${agent}`],
  }
}

describe('a phone with an instance (RFC 5626 section 4.1)', () => {
  test(
    'is seen when it registers, by extension and instance',
    inOffice(async (office) => {
      const phone = office.phone('102')
      await phone.registers(asInstance(phone, INSTANCE))
      expect([...office.database.devices.values()]).toEqual([
        {
          kind: 'sighting',
          extensionId: 2,
          instance: INSTANCE,
          userAgent: 'Desk phone 1.0',
          seenAt: office.clock.now(),
        },
      ])
      expect(office.database.bindings).toHaveLength(1)
    }),
  )

  test(
    'is seen again by its first refresh of another hour, also over a restart of the server',
    inOffice(async (office) => {
      const phone = office.phone('102')
      const seen = () => [...office.database.devices.values()].map(({ seenAt }) => seenAt)
      // The clock of the tests begins with an hour.
      const start = office.clock.now()
      expect(start % HOUR_ms).toBe(0)
      await phone.registers({ ...asInstance(phone, INSTANCE), expires: 1800 })
      for (const minutes of [20, 40]) {
        await office.passes(start + minutes * 60_000 - office.clock.now())
        await phone.registers({ ...asInstance(phone, INSTANCE), expires: 1800 })
        expect(seen()).toEqual([start])
        await office.restarts()
      }
      await office.passes(start + HOUR_ms - office.clock.now())
      await phone.registers({ ...asInstance(phone, INSTANCE), expires: 1800 })
      expect(seen()).toEqual([start + HOUR_ms])
    }),
  )

  test(
    'that is replaced by another at the same contact is seen at once',
    inOffice(async (office) => {
      const phone = office.phone('102')
      await phone.registers(asInstance(phone, INSTANCE))
      await phone.registers(asInstance(phone, '<urn:uuid:2>'))
      expect([...office.database.devices.values()].map(({ instance }) => instance)).toEqual([
        INSTANCE,
        '<urn:uuid:2>',
      ])
    }),
  )

  test(
    'shares the commit of its binding, and is not seen when it is refused',
    inOffice(async (office) => {
      const phone = office.phone('102')
      const before = office.server.store.counts().commits
      await phone.registers(asInstance(phone, INSTANCE))
      expect(office.server.store.counts().commits - before).toBe(1)
      office.database.order('commit', 'fails')
      const other = office.phone('102')
      await other.registers(asInstance(other, '<urn:uuid:2>'), '503')
      expect(office.database.devices.size).toBe(1)
    }),
  )
})

test.each([
  ['none', ''],
  ['one that no row can hold', `<urn:x:${'9'.repeat(300)}>`],
  ['one with control characters', '<urn:x:\u0001>'],
])('a phone whose instance is %s registers all the same, unseen', (_what, instance) =>
  inOffice(async (office) => {
    const phone = office.phone('102')
    await phone.registers(asInstance(phone, instance))
    expect(office.database.bindings).toHaveLength(1)
    expect(office.database.devices.size).toBe(0)
  })(),
)

test(
  'a User-Agent of any length is cut to what the row holds',
  inOffice(async (office) => {
    const phone = office.phone('102')
    await phone.registers(asInstance(phone, INSTANCE, 'x'.repeat(2000)))
    expect([...office.database.devices.values()].map(({ userAgent }) => userAgent)).toEqual(['x'.repeat(255)])
  }),
)
