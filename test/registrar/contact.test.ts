// How Contact and Expires of a REGISTER are read: RFC 3261 sections 10.2.1.1, 10.3 and 20.10.

import { describe, expect, test } from 'bun:test'
import { SETTING_DEFAULTS } from '../../src/directory/settings.ts'
import { readContacts } from '../../src/registrar/contact.ts'
import { requestOf } from '../support/message.ts'
import { inOffice } from '../support/office.ts'

function read(...lines: readonly string[]) {
  const request = requestOf(
    [
      'REGISTER sip:office.example SIP/2.0',
      'Via: SIP/2.0/UDP 10.0.1.1;branch=z9hG4bK1',
      'From: <sip:101@office.example>;tag=1',
      'To: <sip:101@office.example>',
      'Call-ID: 1',
      'CSeq: 1 REGISTER',
      ...lines,
    ].join('\n'),
  )
  return readContacts(request, SETTING_DEFAULTS, { contactsPerRegister: 3, contact_characters: 40 })
}

/** The expiry that one contact gets. */
function expiryOf(...lines: readonly string[]): number | string {
  const asked = read(...lines)
  if (asked.kind === 'refused') return asked.status.toString()
  return asked.kind === 'contacts' ? asked.contacts[0]!.expires_s : asked.kind
}

describe('the expiry of a contact (section 10.2.1.1)', () => {
  test.each<[string, readonly string[], number | string]>([
    ['is its own parameter', ['Contact: <sip:a@b>;expires=100'], 100],
    ['is its own before the header', ['Contact: <sip:a@b>;expires=100', 'Expires: 200'], 100],
    ['is that of the header without its own', ['Contact: <sip:a@b>', 'Expires: 200'], 200],
    ['is the default without both', ['Contact: <sip:a@b>'], SETTING_DEFAULTS.expiresDefault_s],
    [
      'is the default when it is no number',
      ['Contact: <sip:a@b>;expires=soon'],
      SETTING_DEFAULTS.expiresDefault_s,
    ],
    ['is cut to the maximum', ['Contact: <sip:a@b>;expires=99999'], SETTING_DEFAULTS.expiresMax_s],
    ['may be larger than 32 bits', ['Contact: <sip:a@b>;expires=99999999999'], SETTING_DEFAULTS.expiresMax_s],
    [
      'of the header may be too',
      ['Contact: <sip:a@b>', 'Expires: 99999999999'],
      SETTING_DEFAULTS.expiresMax_s,
    ],
    ['may be the least one', ['Contact: <sip:a@b>;expires=60'], 60],
    ['is refused below it', ['Contact: <sip:a@b>;expires=59'], '423'],
    ['of 0 removes', ['Contact: <sip:a@b>;expires=0'], 0],
    ['without angle brackets is the header’s parameter', ['Contact: sip:a@b;expires=100'], 100],
  ])('%s', (_what, lines, expected) => expect(expiryOf(...lines)).toBe(expected))
})

describe('Contact', () => {
  test.each<[string, readonly string[], string | number]>([
    ['absent: a query', [], 'query'],
    ['absent with Expires: 0: a query all the same', ['Expires: 0'], 'query'],
    ['"*" with Expires: 0: remove all', ['Contact: *', 'Expires: 0'], 'clear'],
    ['"*" with a parameter is no "*"', ['Contact: *;q=1', 'Expires: 0'], '400'],
    ['no URI', ['Contact: hello'], '400'],
    ['a URI of another scheme', ['Contact: <tel:+123>'], '400'],
    ['a q that is no qvalue', ['Contact: <sip:a@b>;q=2'], '400'],
    ['a parameter given twice', ['Contact: <sip:a@b>;q=1;q=0.5'], '400'],
    ['a URI as long as it may be', [`Contact: <sip:${'a'.repeat(34)}@b>`], 3600],
    ['a URI that is longer', [`Contact: <sip:${'a'.repeat(35)}@b>`], '400'],
    ['more than the limit', ['Contact: <sip:a@1>, <sip:a@2>, <sip:a@3>, <sip:a@4>'], '403'],
  ])('%s', (_what, lines, expected) => expect(expiryOf(...lines)).toBe(expected))

  test('has its q in thousandths, the highest when there is none', () => {
    const asked = read('Contact: <sip:a@1>;q=0.123, <sip:a@2>;q=0, <sip:a@3>')
    if (asked.kind !== 'contacts') throw new Error(asked.kind)
    expect(asked.contacts.map(({ priority }) => priority)).toEqual([123, 0, 1000])
  })

  test('has its instance (RFC 5626 section 4.1)', () => {
    const asked = read('Contact: <sip:a@1>;+sip.instance="<urn:uuid:1>"')
    expect(asked).toMatchObject({ contacts: [{ instance: '<urn:uuid:1>' }] })
  })
})

test(
  '423 names the least time that would do (section 21.4.17)',
  inOffice(async (office) => {
    const refused = await office.phone('101').registers({ expires: 30 }, '423')
    expect(refused.header('Min-Expires')).toBe('60')
    office.database.set('expires_min_s', '20')
    await office.clock.idle()
    await office.phone('101').registers({ expires: 30 })
  }),
)

describe('two contacts are one (section 19.1.4)', () => {
  test.each([
    ['in another case of the host', 'sip:101@PHONE.example', 'sip:101@phone.EXAMPLE'],
    ['with an escape for a plain character', 'sip:%31%30%31@10.9.9.9', 'sip:101@10.9.9.9'],
    ['with parameters in another order', 'sip:101@10.9.9.9;x=1;y=2', 'sip:101@10.9.9.9;y=2;x=1'],
    ['with a parameter that only one of them has', 'sip:101@10.9.9.9', 'sip:101@10.9.9.9;line=7'],
  ])('%s', (_what, first, second) =>
    inOffice(async (office) => {
      const phone = await office.registered('101', { contacts: [`<${first}>`] })
      await phone.registers({ contacts: [`<${second}>`] })
      expect(office.database.bindings.map(({ contact }) => contact)).toEqual([second])
    })(),
  )
})

describe('two contacts are two (section 19.1.4)', () => {
  test.each([
    ['with another user', 'sip:101@10.9.9.9', 'sip:101a@10.9.9.9'],
    ['in another case of the user', 'sip:desk@10.9.9.9', 'sip:Desk@10.9.9.9'],
    ['with the default port written out', 'sip:101@10.9.9.9', 'sip:101@10.9.9.9:5060'],
    ['with transport in only one of them', 'sip:101@10.9.9.9', 'sip:101@10.9.9.9;transport=udp'],
    ['with another value of a parameter', 'sip:101@10.9.9.9;line=1', 'sip:101@10.9.9.9;line=2'],
  ])('%s', (_what, first, second) =>
    inOffice(async (office) => {
      const phone = await office.registered('101', { contacts: [`<${first}>`] })
      await phone.registers({ contacts: [`<${second}>`] })
      expect(office.database.bindings).toHaveLength(2)
    })(),
  )
})
