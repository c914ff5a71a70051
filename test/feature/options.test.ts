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

test(
  'OPTIONS says all that section 11.2 asks for',
  inOffice(async (office) => {
    const phone = office.phone('eve')
    phone.sends(phone.request('OPTIONS', 'sip:office.example', STRANGER))
    const answer = await phone.expects('200')
    expect(answer.header('Accept-Encoding')).toBe('identity')
    expect(answer.header('Accept-Language')).toBe('en')
  }),
)

test.each(['INVITE', 'MESSAGE', 'SUBSCRIBE', 'DANCE'])(
  '%s to the server itself is 405 and says what may be sent (section 8.2.1)',
  (method) =>
    inOffice(async (office) => {
      const phone = office.phone('101')
      for (const uri of ['sip:office.example', 'sip:10.0.0.1;maddr=office.example']) {
        const request = phone.sends(phone.request(method, uri))
        const refusal = await phone.expects('405')
        expect(refusal.header('Allow')).toBe('OPTIONS, REGISTER')
        if (method === 'INVITE') phone.acks(request, refusal)
      }
    })(),
)

test.each(['BYE', 'INFO', 'UPDATE'])(
  '%s to the server itself, in a dialog that it has not, is 481 (section 12.2.2)',
  (method) =>
    inOffice(async (office) => {
      const phone = office.phone('101')
      phone.sends(phone.request(method, 'sip:office.example', { to: '<sip:office.example>;tag=gone' }))
      await phone.expects('481')
    })(),
)
