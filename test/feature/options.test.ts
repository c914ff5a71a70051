import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'

const STRANGER = { from: '<sip:eve@elsewhere.example>;tag=e' }

test.each(['sip:office.example', 'sip:10.0.0.1', 'sip:10.0.0.1:5060', 'sip:OFFICE.example:5099'])(
  'OPTIONS to %s is answered by the server itself, to anybody (RFC 3261 section 11.2)',
  (uri) =>
    inOffice(async (office) => {
      const phone = office.phone('eve')
      phone.sends(phone.request('OPTIONS', uri, STRANGER))
      const answer = await phone.expects('200')
      expect(answer.header('Allow').split(', ')).toContain('INVITE')
      expect(answer.header('Accept')).toBe('application/sdp')
      expect(answer.header('Supported')).toBe('path')
      expect(answer.header('To')).toContain(';tag=')
    })(),
)

test(
  'OPTIONS of one of our extensions to the server needs no proof',
  inOffice(async (office) => {
    const phone = office.phone('101')
    phone.sends(phone.request('OPTIONS', 'sip:office.example'))
    await phone.expects('200')
  }),
)

test(
  'OPTIONS to an extension is for its phone, and 480 or 404 without one',
  inOffice(async (office) => {
    const [eve, bob] = [office.phone('eve'), await office.registered('102')]
    eve.sends(eve.request('OPTIONS', 'sip:102@office.example', STRANGER))
    bob.answers(await bob.expects('OPTIONS'), '200 OK', ['Allow: INVITE'])
    expect((await eve.expects('200')).header('Allow')).toBe('INVITE')
    eve.sends(eve.request('OPTIONS', 'sip:103@office.example', STRANGER))
    await eve.expects('480')
    eve.sends(eve.request('OPTIONS', 'sip:699@office.example', STRANGER))
    await eve.expects('404')
  }),
)

test(
  'OPTIONS to a server elsewhere is not for us to relay',
  inOffice(async (office) => {
    const eve = office.phone('eve')
    eve.sends(eve.request('OPTIONS', 'sip:elsewhere.example', STRANGER))
    await eve.expects('403')
  }),
)
