import { describe, expect, test } from 'bun:test'
import { fileURLToPath } from 'node:url'
import type { LogLevel } from '../src/config.ts'
import { createLog, type LogStream, readableLine, safeWire } from '../src/log.ts'

const SECRET = '6629fae49393a05397450978507c4ef1'

class Lines implements LogStream {
  readonly all: string[] = []
  write(line: string): void {
    this.all.push(line)
  }
}

function lineOf(write: (log: ReturnType<typeof createLog>) => void, level: LogLevel = 'trace'): string {
  const lines = new Lines()
  write(createLog(level, lines))
  return lines.all.join('')
}

describe('a log line', () => {
  test('is one JSON object with its level by name, the time in UTC and the fields given', () => {
    const line = lineOf((log) => log.info({ callId: 'a84b', extension: '101' }, 'registered'))
    expect(line.endsWith('}\n')).toBe(true)
    const { time, ...rest } = JSON.parse(line)
    expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    expect(rest).toEqual({ level: 'info', callId: 'a84b', extension: '101', msg: 'registered' })
  })

  test('below the level is not written, and at silent none is', () => {
    expect(lineOf((log) => log.info('quiet'), 'warn')).toBe('')
    expect(lineOf((log) => log.fatal('quiet'), 'silent')).toBe('')
    expect(lineOf((log) => log.warn('heard'), 'warn')).toContain('heard')
  })

  test('of a child has the fields of its parent', () => {
    const line = lineOf((log) => log.child({ callId: 'a84b', method: 'INVITE' }).info('ringing'))
    expect(JSON.parse(line)).toMatchObject({ callId: 'a84b', method: 'INVITE', msg: 'ringing' })
  })

  test.each([
    ['a field', { password: SECRET }],
    ['a header in any usual spelling', { headers: { 'Proxy-Authorization': SECRET, authorization: SECRET } }],
    ['a record in a field', { credential: { username: '101', ha1: SECRET } }],
    ['a list of records', { credentials: [{ username: '101', ha1: SECRET }] }],
    ['a challenge', { nonce: SECRET, cnonce: SECRET, response: SECRET }],
  ])('hides a secret in %s', (_where, fields) => {
    const line = lineOf((log) => log.info(fields, 'x'))
    expect(line).not.toContain(SECRET)
    expect(line).toContain('***')
  })

  test('hides a secret in the fields of a child', () => {
    expect(lineOf((log) => log.child({ password: SECRET }).info('x'))).not.toContain(SECRET)
  })
})

describe('the form for people', () => {
  test('is time, level, message and the fields, in that order', () => {
    const line = JSON.stringify({ level: 'info', time: 'T', callId: 'a84b', status: 200, msg: 'registered' })
    expect(readableLine(line)).toBe('T INFO  registered callId=a84b status=200\n')
  })

  test('puts a trace and a stack below the line, each line marked', () => {
    const line = JSON.stringify({
      level: 'trace',
      time: 'T',
      msg: 'in',
      wire: 'A\nB',
      err: { stack: 'C\nD' },
    })
    expect(readableLine(line)).toBe('T TRACE in\n    | A\n    | B\n    | C\n    | D\n')
  })

  test('lets no field start a line or move the cursor', () => {
    const forged = 'x\n2026-01-01 INFO forged\r\x1b[2J\x9b\u2028\u202e'
    for (const fields of [
      { msg: forged },
      { source: forged },
      { nested: { source: forged } },
      { wire: forged },
    ]) {
      const shown = readableLine(JSON.stringify({ level: 'info', time: 'T', msg: '', ...fields }))
      expect(shown).not.toMatch(/^2026/m)
      expect(shown.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}]/u)
    }
  })
})

describe('a message in the trace', () => {
  const answer = `username="101", realm="office", nonce="${SECRET}", uri="sip:office", response="${SECRET}"`

  test.each([
    ['Authorization', `Authorization: Digest ${answer}, cnonce="${SECRET}", nc=00000001, qop=auth`],
    ['another case, space before the colon', `PROXY-authorization : dIGEST ${answer}`],
    ['a challenge', `WWW-Authenticate: Digest realm="office", nonce="${SECRET}", opaque="${SECRET}"`],
    ['what the server adds', `Authentication-Info: nextnonce="${SECRET}", rspauth="${SECRET}"`],
    ['another scheme', `Authorization: Bearer ${SECRET}`],
    ['no scheme', `Authorization: ${SECRET}`],
    ['no colon', `Authorization Digest ${answer}`],
    [
      'folds',
      `Authorization: Digest username="101",\r\n\tresponse\r\n =\r\n "${SECRET}",\r\n nonce=${SECRET}`,
    ],
    ['a fold before the value', `Authorization:\r\n Digest ${answer}`],
    ['a lone CR before the name', `Subject: x\rAuthorization: Digest ${answer}`],
    ['a lone CR within', `Authorization: Digest username="101",\rresponse="${SECRET}"`],
    ['bare line feeds', `To: x\nAuthorization: Digest\n ${answer}\nFrom: y`],
    ['an open quote', `Authorization: Digest username="101, response=${SECRET}`],
    ['quotes turned inside out', `Authorization: Digest username="a, response=${SECRET}, realm="x"`],
    ['a backslash before the quote', `Authorization: Digest username="a\\", response="${SECRET}"`],
    ["a vendor's own header", `X-Auth-Token: ${SECRET}`],
    ['a password in a URI', `From: <sip:101:${SECRET}@office>`],
    ['a header in a URI', `Refer-To: <sip:office?Proxy-Authorization=Digest%20${SECRET}&Subject=x>`],
    ['an SRTP key', `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${SECRET}|2^20`],
    ['an ICE password', `a=ice-pwd:${SECRET}`],
  ])('hides the secret: %s', (_what, line) => {
    const shown = safeWire(`REGISTER sip:office SIP/2.0\r\n${line}\r\nCSeq: 1 REGISTER\r\n\r\n`)
    expect(shown).not.toContain(SECRET)
    expect(shown).toContain('***')
    expect(shown).toContain('\nCSeq: 1 REGISTER\n')
  })

  test('keeps what helps to find an error', () => {
    expect(safeWire(`Authorization: Digest ${answer}, qop=auth, nc=00000001`)).toBe(
      'Authorization: Digest username="101", realm="office", nonce=***, uri="sip:office", response=***, ' +
        'qop=auth, nc=00000001',
    )
  })

  test('leaves other headers and their folds as they are', () => {
    const text = 'Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\nSubject: I know\n  you are there\n\nv=0'
    expect(safeWire(text)).toBe(text)
  })

  test('shows control bytes', () => {
    expect(safeWire('Subject: a\0b\x1b[2Jc\rd\u202ee\r\n')).toBe(
      'Subject: a\\x00b\\x1b[2Jc\\x0dd\\u{202e}e\n',
    )
  })

  test.each(['auth', 'sip:', '?auth', ' auth', 'a ', '\r', '\n ', 'Authorization: Digest a="'])(
    'takes time in proportion to its length: %j repeated',
    (part) => {
      // Quadratic work on 64 KiB would run far beyond the time given to a test.
      expect(safeWire(part.repeat(65_536 / part.length)).length).toBeGreaterThan(0)
    },
  )
})

test('what was logged before the process exits reaches standard error, as JSON lines through a pipe', async () => {
  const log = fileURLToPath(import.meta.resolve('../src/log.ts'))
  const program = `import { createLog } from ${JSON.stringify(log)}
    const log = createLog('info')
    for (let n = 0; n < 1000; n++) log.info({ n }, 'line')
    process.exit(0)`
  const child = Bun.spawn([process.execPath, '-e', program], { stdout: 'pipe', stderr: 'pipe' })
  const text = await child.stderr.text()
  expect(await child.exited).toBe(0)
  const lines = text.trimEnd().split('\n')
  expect(lines).toHaveLength(1000)
  expect(JSON.parse(lines[999] ?? '')).toMatchObject({ level: 'info', n: 999, msg: 'line' })
})
