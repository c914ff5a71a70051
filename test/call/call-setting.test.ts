// Calls that leave no record: the setting `call_records`.

import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

test(
  'a call leaves no record where call_records is none',
  inOffice(
    async (office) => {
      const [alice, bob] = [await office.registered('101'), await office.registered('102')]
      await alice.calls('102')
      bob.answers(await bob.expects('INVITE'), '200 OK')
      await alice.expects('200')
      await office.clock.idle()
      expect(office.database.calls.size).toBe(0)
    },
    { settings: { call_records: 'none' } },
  ),
)
