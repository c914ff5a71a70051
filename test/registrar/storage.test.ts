// Registrations that need not be durable: the setting `registration_storage`.

import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

test(
  'a binding is not written where registration_storage is memory, but for the end of one that was',
  inOffice(async (office) => {
    const before = await office.registered('101')
    expect(office.database.bindings).toHaveLength(1)
    office.database.set('registration_storage', 'memory')
    await office.passes(1000)
    const phone = await office.registered('102')
    const answer = await phone.registers({ contacts: [], expires: null, callId: 'query' })
    expect(answer.headers('Contact')).toEqual([`<${phone.contactUri}>;expires=600`])
    await before.registers()
    expect(office.database.bindings.map(({ extensionId }) => extensionId)).toEqual([1])
    await before.registers({ expires: 0 })
    await phone.registers({ expires: 0 })
    expect(office.database.bindings).toEqual([])
  }),
)
