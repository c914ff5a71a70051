// What is refused before anybody is asked for: RFC 3261 sections 8.2 and 16.3, RFC 5393.

import { describe, expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'
import { text } from '../support/phone.ts'

const BOB = 'sip:102@office.example'
const STRANGER = { from: '<sip:eve@elsewhere.example>;tag=e' }

describe('a request', () => {
  test(
    'with a URI that is no sip URI is 416 (section 16.3 item 2)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      for (const uri of ['sips:102@office.example', 'mailto:a@b', 'urn:service:sos']) {
        phone.sends(phone.request('OPTIONS', uri))
        await phone.expects('416')
      }
    }),
  )

  test(
    'whose Max-Forwards is used up is 483, and one with 1 left goes on as 0 (section 16.3 item 3)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, maxForwards: 0 }))
      await eve.expects('483')
      eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, maxForwards: 1 }))
      const options = await bob.expects('OPTIONS')
      expect(options.header('Max-Forwards')).toBe('0')
      bob.answers(options, '200 OK')
    }),
  )

  test(
    'that requires of proxies what we do not know is 420 and says what (section 16.3 item 5)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      phone.sends(
        phone.request('OPTIONS', BOB, { headers: ['Proxy-Require: path, Foo', 'Proxy-Require: bar'] }),
      )
      expect((await phone.expects('420')).headers('Unsupported')).toEqual(['path, foo, bar'])
    }),
  )

  test(
    'that requires something of us, as its target, is 420; of a phone it is none of our business (section 8.2.2.3)',
    inOffice(async (office) => {
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      eve.sends(eve.request('OPTIONS', 'sip:office.example', { ...STRANGER, headers: ['Require: 100rel'] }))
      expect((await eve.expects('420')).header('Unsupported')).toBe('100rel')
      eve.sendsRegister({ headers: ['Require: gruu'] })
      expect((await eve.expects('420')).header('Unsupported')).toBe('gruu')
      eve.sends(eve.request('OPTIONS', BOB, { ...STRANGER, headers: ['Require: 100rel'] }))
      bob.answers(await bob.expects('OPTIONS'), '200 OK')
    }),
  )

  test(
    'that is broken is 400 and says where (section 21.4.1)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      const good = phone.request('OPTIONS', BOB)
      phone.sends(good.replace(/^CSeq:.*$/m, 'CSeq: 1 INVITE'))
      expect((await phone.expects('400')).startLine).toBe('SIP/2.0 400 Bad Request - cseq_method')
      phone.sends(phone.request('OPTIONS', BOB).replace(/^Call-ID:.*\r\n/m, ''))
      expect((await phone.expects('400')).startLine).toBe('SIP/2.0 400 Bad Request - missing')
    }),
  )

  test(
    'of another version is 505 (section 21.5.6)',
    inOffice(async (office) => {
      const phone = office.phone('101')
      phone.sends(phone.request('OPTIONS', BOB).replace('SIP/2.0', 'SIP/3.0'))
      await phone.expects('505')
    }),
  )

  test(
    'with more Via values than the limit is 400',
    inOffice(
      async (office) => {
        const phone = office.phone('101')
        const headers = Array.from(
          { length: 5 },
          (_, n) => `Via: SIP/2.0/UDP 192.0.2.${n};branch=z9hG4bK${n}`,
        )
        phone.sends(phone.request('OPTIONS', BOB, { headers }))
        await phone.expects('400')
      },
      { limits: { viasPerMessage: 5 } },
    ),
  )
})

describe('a request that comes back', () => {
  test(
    'as it was is a loop: 482 (RFC 5393 section 4.2)',
    inOffice(async (office) => {
      const [eve, edge] = [office.phone('eve'), office.phone('edge')]
      await edge.registers({
        to: '<sip:102@office.example>',
        proof: { username: '102', password: 'secret-102' },
      })
      eve.sends(eve.request('OPTIONS', BOB, STRANGER))
      const options = await edge.expects('OPTIONS')
      // The next proxy sends it to the number again.
      edge.sends(
        options.text
          .replace(/^OPTIONS \S+/, `OPTIONS ${BOB}`)
          .replace(/^Via:/m, `Via: SIP/2.0/UDP ${edge.sentBy};branch=z9hG4bKedge\r\nVia:`),
      )
      await edge.expects('482')
    }),
  )

  test(
    'for somebody else is a spiral, and goes on (RFC 5393 section 4.2)',
    inOffice(async (office) => {
      const [eve, edge, carol] = [office.phone('eve'), office.phone('edge'), await office.registered('103')]
      await edge.registers({
        to: '<sip:102@office.example>',
        proof: { username: '102', password: 'secret-102' },
      })
      eve.sends(eve.request('OPTIONS', BOB, STRANGER))
      const options = await edge.expects('OPTIONS')
      edge.sends(
        options.text
          .replace(/^OPTIONS \S+/, 'OPTIONS sip:103@office.example')
          .replace(/^Via:/m, `Via: SIP/2.0/UDP ${edge.sentBy};branch=z9hG4bKedge\r\nVia:`),
      )
      const arrived = await carol.expects('OPTIONS')
      expect(arrived.headers('Via')).toHaveLength(4)
      carol.answers(arrived, '200 OK')
      edge.answers(options, '200 OK')
      await edge.expects('200')
    }),
  )
})

test(
  'what is no SIP at all is passed over in silence',
  inOffice(async (office) => {
    const phone = office.phone('101')
    phone.sends('hello\r\n\r\n')
    phone.sends(text('OPTIONS sip:office.example SIP/2.0', 'Subject: no Via', ''))
    await phone.expectsNothing()
    expect(office.server.receiver.parseFailures.reduce((sum, count) => sum + count)).toBe(2)
  }),
)

describe('a stream', () => {
  test(
    'whose message has no Content-Length hears 400, as its end is not known (section 18.3)',
    inOffice(async (office) => {
      const phone = office.phone('101', { transport: 'tcp' })
      phone.sends(phone.request('OPTIONS', 'sip:office.example').replace(/^Content-Length:.*\r\n/m, ''))
      expect((await phone.expects('400')).startLine).toBe('SIP/2.0 400 Bad Request - content_length')
    }),
  )

  test(
    'whose answer has none is not heard: it is dropped (section 18.3)',
    inOffice(async (office) => {
      const [alice, bob] = [office.phone('101'), await office.registered('102', { transport: 'tcp' })]
      const invite = await alice.calls('102')
      const again = await bob.expects('INVITE')
      const answer = (status: string) =>
        text(
          `SIP/2.0 ${status}`,
          ...again.headers('Via').map((via) => `Via: ${via}`),
          `From: ${again.header('From')}`,
          `To: ${again.header('To')};tag=b`,
          `Call-ID: ${again.header('Call-ID')}`,
          `CSeq: ${again.header('CSeq')}`,
          '',
        )
      bob.sends(answer('486 Busy Here'))
      await alice.expectsNothing()
      bob.answers(again, '486 Busy Here')
      alice.acks(invite, await alice.expects('486'))
    }),
  )
})

test(
  'an answer without a Via below ours was meant for nobody: 502 (section 16.7 step 3)',
  inOffice(async (office) => {
    const [alice, bob] = [office.phone('101'), await office.registered('102')]
    await alice.proves('MESSAGE', BOB)
    const message = await bob.expects('MESSAGE')
    const [top = ''] = message.headers('Via')
    const bare = (status: string) =>
      `SIP/2.0 ${status}\r\nVia: ${top}\r\nFrom: ${message.header('From')}\r\nTo: ${message.header('To')};tag=b\r\n` +
      `Call-ID: ${message.header('Call-ID')}\r\nCSeq: ${message.header('CSeq')}\r\nContent-Length: 0\r\n\r\n`
    bob.sends(bare('180 Ringing'))
    await alice.expectsNothing()
    bob.sends(bare('200 OK'))
    await alice.expects('502')
  }),
)
