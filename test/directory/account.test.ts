// Whom a URI of ours names: RFC 3261 section 19.1.6, RFC 3966.

import { describe, expect, test } from 'bun:test'
import { accountOf } from '../../src/directory/account.ts'
import type { DomainRecord } from '../../src/store/store.ts'

const domain = (name: string, isDefault: boolean): DomainRecord => ({ id: 1, name, realm: name, isDefault })
const OFFICE = domain('office.example', true)
const BRANCH = domain('branch.example', false)

const DOMAINS = {
  defaultDomain: OFFICE,
  domainOf: (host: string) => [OFFICE, BRANCH].find(({ name }) => name === host) ?? null,
}

describe('a URI of ours names', () => {
  test.each([
    ['a user', 'sip:bob@branch.example', 'bob@branch.example'],
    ['the domain itself', 'sip:branch.example', '@branch.example'],
    ['escapes resolved', 'sip:%62ob@office.example', 'bob@office.example'],
    ['whatever parameters it has', 'sip:bob@office.example:5099;x=y;lr', 'bob@office.example'],
    ['a user behind an maddr of ours', 'sip:bob@branch.example;maddr=office.example', 'bob@branch.example'],
    ['a number, as written', 'sip:1-02@office.example', '1-02@office.example'],
    ['a number without its separators', 'sip:1-0.2@office.example;user=phone', '102@office.example'],
    [
      'a number without its parameters',
      'sip:+49(30)12;ext=1@branch.example;user=phone',
      '+493012@branch.example',
    ],
    ['a user that only says it is a number', 'sip:bob@office.example;user=phone', 'bob@office.example'],
    ['a global number of the default domain', 'tel:+49-30-12', '+493012@office.example'],
    ['a local number', 'tel:1-02;phone-context=branch.example', '102@branch.example'],
    ['a local number in the context of a global one', 'tel:102;phone-context=+49', '102@office.example'],
    ['a local number without a context', 'TEL:102', '102@office.example'],
    ['stars, hashes and digits of hex', 'tel:*21%23A', '*21#A@office.example'],
  ])('%s', (_what, uri, expected) => {
    const found = accountOf(uri, DOMAINS)
    expect(typeof found === 'string' ? found : `${found.name}@${found.domain.name}`).toBe(expected)
  })
})

test.each([
  ['sip:bob@elsewhere.example', 'foreign'],
  ['sip:bob@office.example;maddr=192.0.2.1', 'foreign'],
  ['tel:102;phone-context=elsewhere.example', 'foreign'],
  ['tel:', 'broken'],
  ['tel:+', 'broken'],
  ['tel:-', 'broken'],
  ['tel:bob', 'broken'],
  ['sip:', 'broken'],
  ['mailto:bob@office.example', 'broken'],
])('%s is %s', (uri, expected) => {
  expect(accountOf(uri, DOMAINS)).toBe(expected as 'foreign' | 'broken')
})
