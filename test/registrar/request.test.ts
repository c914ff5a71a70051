// What a REGISTER may bring along, and what its 200 says: RFC 3261 section 10.3, RFC 3327, RFC 3608.

import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

test(
  'a Record-Route is passed over: a REGISTER makes no dialog (section 10.3)',
  inOffice(async (office) => {
    const accepted = await office.phone('101').registers({ headers: ['Record-Route: <sip:edge.example;lr>'] })
    expect(accepted.headers('Record-Route')).toEqual([])
  }),
)

test.each(['application/x-unknown', 'multipart/mixed;boundary=x'])(
  'a body of %s does no harm: a registrar asks nothing of one (section 8.2.3)',
  (type) =>
    inOffice(async (office) => {
      const headers = [`Content-Type: ${type}`, 'Content-Encoding: x-own', 'Content-Language: tlh']
      await office.phone('101').registers({ headers, body: 'whatever' })
    })(),
)

test(
  'the 200 has its own clock, each binding with its time, and the extension it supports (section 10.3 step 8)',
  inOffice(async (office) => {
    const phone = office.phone('101')
    const contacts = ['<sip:a@10.0.1.9>;expires=100', '<sip:b@10.0.1.9>;q=0.5']
    const accepted = await phone.registers({ contacts, expires: 200 })
    expect(accepted.headers('Contact')).toEqual([
      '<sip:a@10.0.1.9>;expires=100',
      '<sip:b@10.0.1.9>;expires=200;q=0.5',
    ])
    expect(accepted.header('Date')).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
    expect(accepted.header('Supported')).toBe('path')
    expect(accepted.headers('Service-Route')).toEqual([])
  }),
)

test(
  'an address of record has one meaning, however it is escaped and whatever parameters it has (step 5)',
  inOffice(async (office) => {
    const phone = office.phone('101')
    await phone.registers()
    const again = await phone.registers({ to: '<sip:%31%301@OFFICE.example;x=y>', callId: 'other' })
    expect(again.headers('Contact')).toHaveLength(1)
  }),
)

test(
  'the same request by another way is refused: its CSeq is not above its own (section 8.2.2.2, step 7)',
  inOffice(async (office) => {
    const phone = office.phone('101')
    const first = await phone.sendsProvedRegister({ cseq: 7 })
    await phone.expects('200')
    phone.sends(first.text.replace(/branch=\S+/, 'branch=z9hG4bKother'))
    // The digest was for one use, so it is asked for anew first.
    const challenge = await phone.expects('401')
    expect(challenge.header('WWW-Authenticate')).toContain('stale=true')
    expect((await phone.registers({ cseq: 7 }, '500')).startLine).toContain('CSeq Out Of Order')
  }),
)

test(
  'a Call-ID in another case is another one: its CSeq begins anew (section 20.8)',
  inOffice(async (office) => {
    const phone = office.phone('101')
    await phone.registers({ callId: 'abc', cseq: 7 })
    await phone.registers({ callId: 'ABC', cseq: 7 })
    await phone.registers({ callId: 'ABC', cseq: 7 }, '500')
  }),
)

test(
  'a Path is kept and told, whether or not the phone says that it supports it (RFC 3327 section 5.3)',
  inOffice(async (office) => {
    const path = 'Path: <sip:edge.example;lr>'
    for (const headers of [[path], [path, 'Supported: path']]) {
      const accepted = await office.phone('101').registers({ headers })
      expect(accepted.header('Path')).toBe('<sip:edge.example;lr>')
    }
  }),
)
