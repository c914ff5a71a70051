// Old call detail records go: the setting `call_keep_days`.

import { expect, test } from 'bun:test'
import { inOffice, type Office } from '../support/office.ts'

const DAY_ms = 86_400_000

async function refusedCall(office: Office): Promise<void> {
  const alice = office.phone('101')
  const invite = await alice.calls('699')
  alice.acks(invite, await alice.expects('404'))
  await office.clock.idle()
}

test(
  'a record is kept for call_keep_days, a live setting, and goes after that',
  inOffice(
    async (office) => {
      await refusedCall(office)
      await office.passes(DAY_ms)
      await refusedCall(office)
      await office.passes(DAY_ms - 60_000)
      expect(office.database.calls.size).toBe(2)
      await office.passes(120_000)
      expect(office.database.calls.size).toBe(1)
      office.database.set('call_keep_days', '1')
      await office.passes(60_000)
      expect(office.database.calls.size).toBe(0)
    },
    { settings: { call_keep_days: '2' } },
  ),
)

test(
  '0 keeps all',
  inOffice(
    async (office) => {
      await refusedCall(office)
      await office.passes(3 * DAY_ms)
      expect(office.database.calls.size).toBe(1)
      office.database.set('call_keep_days', '1')
      await office.passes(60_000)
      expect(office.database.calls.size).toBe(0)
    },
    { settings: { call_keep_days: '0' } },
  ),
)
