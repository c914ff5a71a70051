import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { type FramingProblem, StreamFramer } from '../../src/transport/framing.ts'
import { Random } from '../support/random.ts'

const LIMITS_SMALL = { streamHeader_bytes: 2000, streamMessage_bytes: 4000 }

class Collected {
  readonly messages: Buffer[] = []
  readonly problems: FramingProblem[] = []
  pings = 0
  onMessage(bytes: Buffer): void {
    this.messages.push(bytes)
  }
  onPing(): void {
    this.pings++
  }
  onUnframed(problem: FramingProblem): void {
    this.problems.push(problem)
  }
  get texts(): string[] {
    return this.messages.map((bytes) => bytes.toString('latin1'))
  }
}

function frame(
  chunks: readonly (string | Buffer)[],
  limits = LIMITS_SMALL,
): Collected & { partial: boolean } {
  const collected = new Collected()
  const framer = new StreamFramer(limits, collected)
  for (const chunk of chunks) framer.push(Buffer.from(chunk as string, 'latin1'))
  return Object.assign(collected, { partial: framer.partial })
}

const options = (body: string, lengthHeader = `Content-Length: ${body.length}`): string =>
  `OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n${lengthHeader}\r\nSubject: last\r\n\r\n${body}`

describe('whole messages', () => {
  test('one chunk that is one message is handed up as it came, uncopied', () => {
    const collected = new Collected()
    const chunk = Buffer.from(options('body'))
    new StreamFramer(LIMITS_SMALL, collected).push(chunk)
    expect(collected.messages).toEqual([chunk])
    expect(collected.messages[0]!.buffer).toBe(chunk.buffer)
  })

  test('a message of several in a chunk does not keep the chunk in memory', () => {
    const { messages } = frame([options('a').repeat(3)])
    for (const message of messages) expect(message.buffer.byteLength).toBeLessThan(2 * message.length)
  })

  test('many in one chunk', () => {
    const all = ['', 'x', 'yy\r\n\r\n', '\n'.repeat(50)].map((body) => options(body))
    expect(frame([all.join('')]).texts).toEqual(all)
  })

  test('cut at every byte', () => {
    const first = options('v=0\r\n\r\n')
    const both = first + options('')
    for (let cut = 0; cut <= both.length; cut++) {
      expect(frame([both.slice(0, cut), both.slice(cut)]).texts).toEqual([first, options('')])
    }
  })

  test('byte by byte', () => {
    const both = [options('hello'), options('')]
    expect(frame([...both.join('')]).texts).toEqual(both)
  })

  test('any bytes in the body, line feeds alone as line ends', () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, n) => n)).toString('latin1')
    const message = options(body).replaceAll('\r\n\r\n', '\n\n')
    expect(frame([message]).texts).toEqual([message])
  })

  test('the rest of a message is asked for', () => {
    const whole = options('abc')
    expect(frame([whole.slice(0, -1)])).toMatchObject({ partial: true, messages: [] })
    expect(frame([whole])).toMatchObject({ partial: false })
    expect(frame(['\r\n'])).toMatchObject({ partial: false })
  })
})

describe('Content-Length', () => {
  test.each([
    'Content-Length: 3',
    'content-length:3',
    'CONTENT-LENGTH \t :  3  ',
    'l: 3',
    'L:003',
    'Content-Length:\r\n 3',
    'Content-Length: 3\r\n\t\r\n ',
    'Content-Length: 3\r\nl: 3',
  ])('%j', (header) => {
    const message = options('abc', header)
    expect(frame([...(message + message)]).texts).toEqual([message, message])
  })

  test.each([
    ['Content-Length: 3x', 'bad-content-length'],
    ['Content-Length: -3', 'bad-content-length'],
    ['Content-Length: 3 3', 'bad-content-length'],
    ['Content-Length: 3\r\n 3', 'bad-content-length'],
    ['Content-Length:', 'bad-content-length'],
    ['Content-Length: 3\r\nl: 4', 'bad-content-length'],
    ['Content-Length: 3x\r\nl: 3', 'bad-content-length'],
    ['Content-Length: 9999999999999999999999', 'bad-content-length'],
    ['X-Content-Length: 3', 'no-content-length'],
    ['Content-Length-X: 3', 'no-content-length'],
    ['Content\rLength: 3', 'no-content-length'],
    ['Link: 3', 'no-content-length'],
    ['Content-Length: 3000000', 'message-too-long'],
  ] as const)('%j is a client error: headers alone go up, then nothing', (header, problem) => {
    const message = options('abc', header)
    const collected = frame([message, options('')])
    expect(collected.texts).toEqual([message.slice(0, -3)])
    expect(collected.problems).toEqual([problem])
  })
})

describe('limits', () => {
  test('headers without an end', () => {
    const collected = frame(['OPTIONS sip:a SIP/2.0\r\n', ...new Array(500).fill('X: y\r\n')])
    expect(collected).toMatchObject({ problems: ['headers-too-long'], messages: [], partial: false })
  })

  test('a line without an end', () => {
    expect(frame(new Array(300).fill('0123456789')).problems).toEqual(['headers-too-long'])
  })

  test('a message of exactly the limit', () => {
    const limit = LIMITS_SMALL.streamMessage_bytes
    const message = options('b'.repeat(limit - options('').length - 3))
    expect(message.length).toBe(limit)
    expect(frame([message]).texts).toEqual([message])
    expect(frame([options(`${message.slice(-3000)}${'c'.repeat(1000)}`)]).problems).toEqual([
      'message-too-long',
    ])
  })

  test('a stream that always ends in mid-message keeps no more than that message', () => {
    const whole = Buffer.from(options('x'.repeat(500)))
    const [head, tail] = [whole.subarray(0, 300), whole.subarray(300)]
    const collected = new Collected()
    const framer = new StreamFramer(LIMITS_SMALL, collected)
    framer.push(head)
    for (let n = 0; n < 1000; n++) framer.push(Buffer.concat([tail, head]))
    expect(collected.messages).toHaveLength(1000)
    expect(framer.held_bytes).toBeLessThanOrEqual(1024)
    framer.push(tail)
    expect(framer.held_bytes).toBe(0)
  })

  test('one byte at a time costs no more than linear time', () => {
    const bytes = Buffer.from(`OPTIONS sip:a SIP/2.0\r\nX: ${'y'.repeat(30_000)}`)
    const cost_ms = (length: number): number => {
      const framer = new StreamFramer(LIMITS, new Collected())
      const start = performance.now()
      for (let at = 0; at < length; at++) framer.push(bytes.subarray(at, at + 1))
      return performance.now() - start
    }
    cost_ms(30_000)
    // Quadratic would be 16 times; the room above 4 is for a busy machine.
    const few = Math.min(...[1, 2, 3, 4, 5].map(() => cost_ms(7500)))
    const many = Math.min(...[1, 2, 3, 4, 5].map(() => cost_ms(30_000)))
    expect(many).toBeLessThan(few * 10)
  })
})

describe('keep-alive (RFC 5626 section 3.5.1)', () => {
  test('a double CRLF is a ping, a single one is not', () => {
    expect(frame(['\r\n\r\n']).pings).toBe(1)
    expect(frame(['\r\n', '\r', '\n', '\r\n\r\n']).pings).toBe(2)
    expect(frame(['\r\n']).pings).toBe(0)
    expect(frame(['\r\r\n\r\n']).pings).toBe(1)
    expect(frame(['\n\n\n\n']).pings).toBe(0)
  })

  test('between messages', () => {
    const collected = frame([`${options('')}\r\n\r\n${options('x')}\r\n${options('y')}`])
    expect(collected).toMatchObject({ pings: 1, texts: [options(''), options('x'), options('y')] })
  })

  test('a single CRLF before a message does not count towards the next ping', () => {
    expect(frame([`\r\n${options('')}\r\n`]).pings).toBe(0)
  })
})

test('stopped from within, it hands up no more', () => {
  const messages: Buffer[] = []
  const framer = new StreamFramer(LIMITS_SMALL, {
    onMessage(bytes) {
      messages.push(bytes)
      framer.stop()
    },
    onPing() {},
    onUnframed() {},
  })
  framer.push(Buffer.from(options('').repeat(3)))
  framer.push(Buffer.from(options('')))
  expect(messages).toHaveLength(1)
})

describe('properties', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'seed %d: any messages in any chunks come out whole and in order',
    (seed) => {
      const random = new Random(seed)
      const messages = Array.from({ length: 60 }, () => {
        const body = Buffer.from(
          Array.from({ length: random.below(random.below(1500) + 1) }, () => random.below(256)),
        )
        return options(body.toString('latin1'), `${random.pick(['l', 'Content-Length'])}: ${body.length}`)
      })
      const stream = messages.map((message) => random.pick(['', '\r\n']) + message).join('')
      const chunks: string[] = []
      for (let at = 0; at < stream.length; ) {
        const length = 1 + random.below(random.pick([3, 100, 5000]))
        chunks.push(stream.slice(at, at + length))
        at += length
      }
      expect(frame(chunks)).toMatchObject({ texts: messages, problems: [], partial: false })
    },
  )

  test.each([11, 12, 13, 14])('seed %d: random bytes never throw, and what is held stays bounded', (seed) => {
    const random = new Random(seed)
    const alphabet = [...Buffer.from('\r\n\r\n :lL0123456789Content-Length \t\0\xff', 'latin1')]
    const collected = new Collected()
    for (let stream = 0; stream < 200; stream++) {
      const framer = new StreamFramer(LIMITS_SMALL, collected)
      for (let n = 0; n < 40; n++) {
        framer.push(Buffer.from(Array.from({ length: random.below(120) }, () => random.pick(alphabet))))
      }
    }
    for (const message of collected.messages) expect(message.length).toBeLessThanOrEqual(4000)
  })
})
