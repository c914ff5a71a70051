import { describe, expect, test } from 'bun:test'
import { PROBLEM_NAMES, parseMessage } from '../../src/sip/parse.ts'
import { Problem } from '../../wasm/layout.ts'
import { wireBytes } from '../support/message.ts'

const HEADERS = `Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
From: <sip:a@example.com>;tag=1
To: <sip:b@example.com>
Call-ID: 1@example.com
CSeq: 1 OPTIONS`

function outcome(text: string): string {
  const message = parseMessage(wireBytes(text))
  return message.kind === 'failure' || message.problem !== Problem.Ok
    ? `${message.kind}: ${PROBLEM_NAMES[message.problem]}`
    : message.kind
}

describe('bytes to a message, or to why they are none', () => {
  test.each([
    ['a request', `OPTIONS sip:b@example.com SIP/2.0\n${HEADERS}`, 'request'],
    ['a response', `SIP/2.0 200 OK\n${HEADERS}`, 'response'],
    [
      'a broken request is one still',
      `OPTIONS sip:b@example.com SIP/2.0\n${HEADERS}\nX`,
      'request: header_line',
    ],
    ['a version of tomorrow', `OPTIONS sip:b@example.com SIP/7.0\n${HEADERS}`, 'request: version'],
    ['a broken response is none', `SIP/2.0 200 OK\n${HEADERS}\nX`, 'failure: header_line'],
    ['nor is one whose status does not exist', `SIP/2.0 999 OK\n${HEADERS}`, 'failure: start_line'],
    ['nor one without a status', `SIP/2.0\n${HEADERS}`, 'failure: start_line'],
    ['no SIP', `GET / HTTP/1.1\n${HEADERS}`, 'failure: not_sip'],
    [
      'no Via, so nobody to answer',
      `OPTIONS sip:b@example.com SIP/2.0\n${HEADERS.replace('Via', 'Via2')}`,
      'failure: via',
    ],
    [
      'more headers than are taken',
      `OPTIONS sip:b@example.com SIP/2.0\n${HEADERS}\n${'X: y\n'.repeat(300)}`,
      'failure: too_many_headers',
    ],
  ])('%s', (_, text, expected) => {
    expect(outcome(text)).toBe(expected)
  })

  test('a request without an end of its headers can be answered, a response is dropped', () => {
    const cut = (text: string) => wireBytes(text).subarray(0, -2)
    expect(parseMessage(cut(`OPTIONS sip:b@example.com SIP/2.0\n${HEADERS}`))).toMatchObject({
      kind: 'request',
      problem: Problem.NoHeaderEnd,
    })
    expect(parseMessage(cut(`SIP/2.0 200 OK\n${HEADERS}`))).toEqual({
      kind: 'failure',
      problem: Problem.NoHeaderEnd,
    })
  })

  test('no bytes at all', () => {
    expect(parseMessage(Buffer.alloc(0))).toEqual({ kind: 'failure', problem: Problem.NotSip })
  })

  test('the message keeps its own bytes and index, whatever is parsed after it', () => {
    const first = parseMessage(wireBytes(`OPTIONS sip:b@example.com SIP/2.0\n${HEADERS}`))
    parseMessage(wireBytes(`OPTIONS sips:somebody@elsewhere.example SIP/2.0\nSubject: x\n${HEADERS}`))
    expect(first.kind === 'request' && first.uri).toBe('sip:b@example.com')
    expect(first.kind === 'request' && first.headers(1)).toEqual(['SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1'])
  })
})

test('each problem has a name of its own', () => {
  expect(PROBLEM_NAMES[Problem.Ok]).toBe('ok')
  expect(PROBLEM_NAMES[Problem.CSeqMethod]).toBe('cseq_method')
  expect(PROBLEM_NAMES[Problem.RequestUri]).toBe('request_uri')
  expect(new Set(PROBLEM_NAMES).size).toBe(PROBLEM_NAMES.length)
  for (const name of PROBLEM_NAMES) expect(name).toMatch(/^[a-z_]+$/)
})
