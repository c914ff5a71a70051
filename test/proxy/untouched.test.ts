// Through the whole server, unknown headers and parameters travel as they were written: RFC 3261 sections 16.6, 16.7.

import { expect, test } from 'bun:test'
import { inOffice } from '../support/office.ts'
import { Random } from '../support/random.ts'

const ROUNDS = 300
const BOB = 'sip:102@office.example'
const EVE = '"eve, \\"x\\"" <sip:eve@elsewhere.example;p=%41?q=r>;tag=e;own="1;2"'

function randomHeaders(random: Random): string[] {
  const name = () =>
    random.pick(['X-A', 'x-a', "!%*_+`'~.", 's', 'Subject', 'k', 'Allow', 'Via-X', 'Date', 'e', 'P'])
  const char = () => random.pick([...'ab ,;:<>"\\=\t%\xc3\xa4\xff'])
  const value = () => Array.from({ length: random.below(20) }, char).join('')
  const fold = () => random.pick(['', '', '\r\n ', '\r\n\t'])
  return Array.from(
    { length: random.below(9) },
    () => `${name()}${random.pick(['', ' '])}:${random.pick(['', ' ', '\t'])}${value()}${fold()}x${value()}`,
  )
}

test(
  `${ROUNDS} generated requests and answers change in nothing but what sections 16.6 and 16.7 name`,
  inOffice(
    async (office) => {
      const random = new Random(166)
      const [eve, bob] = [office.phone('eve'), await office.registered('102')]
      for (let round = 0; round < ROUNDS; round++) {
        const body = random.pick(['', 'x', '\x00\xff\r\n\r\n'])
        const method = random.pick(['OPTIONS', 'DANCE'])
        const sent = eve.sends(
          eve.request(method, BOB, { from: EVE, headers: randomHeaders(random), body, cseq: round + 1 }),
        )
        const received = await bob.expects(method)
        const [ours = '', theirs = ''] = received.headers('Via')
        const restored = received.text
          .replace(`${method} ${bob.contactUri}`, `${method} ${BOB}`)
          .replace(`Via: ${ours}\r\nMax-Breadth: 60\r\n`, '')
          .replace(`Via: ${theirs}`, `Via: ${sent.header('Via')}`)
          .replace('Max-Forwards: 69', 'Max-Forwards: 70')
        expect(restored).toBe(sent.text)
        const answer = bob.answers(received, '299 \xc3\xa9', randomHeaders(random), body)
        const heard = await eve.expects('299')
        expect(heard.text).toBe(answer.text.replace(`Via: ${ours}\r\n`, ''))
      }
    },
    { settings: { stranger_methods: 'OPTIONS, DANCE' } },
  ),
)
