// Names of headers to their ids: long, compact, in any case (RFC 3261 section 7.3).

import { describe, expect, test } from 'bun:test'
import { HeaderId } from '../../wasm/layout.ts'
import { Scanned } from './message.ts'

describe('header names', () => {
  const COMPACT: Readonly<Record<string, keyof typeof HeaderId>> = {
    a: 'AcceptContact',
    b: 'ReferredBy',
    c: 'ContentType',
    d: 'RequestDisposition',
    e: 'ContentEncoding',
    f: 'From',
    i: 'CallId',
    j: 'RejectContact',
    k: 'Supported',
    l: 'ContentLength',
    m: 'Contact',
    o: 'Event',
    r: 'ReferTo',
    s: 'Subject',
    t: 'To',
    u: 'AllowEvents',
    v: 'Via',
    x: 'SessionExpires',
    y: 'Identity',
  }
  // The names on the wire, where they are not the id's name with a hyphen before each upper-case letter.
  const SPELLED: Readonly<Record<string, string>> = {
    CSeq: 'CSeq',
    RSeq: 'RSeq',
    RAck: 'RAck',
    PAssertedIdentity: 'P-Asserted-Identity',
    PPreferredIdentity: 'P-Preferred-Identity',
  }
  const ids = Object.keys(HeaderId).filter((name) => Number.isNaN(Number(name)) && name !== 'Other')
  const spell = (id: string) => SPELLED[id] ?? id.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`)
  const idOf = (name: string) => new Scanned(`OPTIONS sip:a SIP/2.0\r\n${name}: x\r\n\r\n`).headers[0]

  test.each(ids)('%s in any case', (id) => {
    const name = spell(id)
    for (const form of [name, name.toLowerCase(), name.toUpperCase()]) expect(idOf(form)).toBe(`${id}=x`)
  })

  test.each(Object.entries(COMPACT))('compact %s', (compact, id) => {
    expect(idOf(compact)).toBe(`${id}=x`)
    expect(idOf(compact.toUpperCase())).toBe(`${id}=x`)
  })

  test.each([
    'X-Other',
    'Vi',
    'Viaa',
    'n',
    'Max_Forwards',
    'Max.Forwards',
    'P-Asserted-Identiky',
    'P-Assexted-Identity',
    'a'.repeat(300),
    "!%*_+`'~",
  ])('unknown: %s', (name) => expect(idOf(name)).toBe('Other=x'))
})
