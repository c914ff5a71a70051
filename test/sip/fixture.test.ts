import { describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { PROBLEM_NAMES, parseMessage } from '../../src/sip/parse.ts'
import { StreamFramer } from '../../src/transport/framing.ts'
import { MESSAGE_BYTES_MAX } from '../../wasm/layout.ts'
import { type Fixture, readFixtures } from '../support/fixture.ts'

const FIXTURES = readFixtures()

function outcome(bytes: Buffer): string {
  const message = parseMessage(bytes)
  const name = PROBLEM_NAMES[message.problem]!
  return message.kind === 'failure' ? `failure ${name}` : name
}

interface Frames {
  readonly messages: Buffer[]
  readonly problem: string | null
}

function framesOf(chunks: readonly Buffer[]): Frames {
  const messages: Buffer[] = []
  let problem: string | null = null
  const framer = new StreamFramer(LIMITS, {
    onMessage: (bytes) => messages.push(bytes),
    onPing: () => {},
    onUnframed: (what) => {
      problem = what
    },
  })
  // The framer may write into what it is given.
  for (const chunk of chunks) framer.push(Buffer.from(chunk))
  return { messages, problem }
}

function piecesOf(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
  return pieces
}

/** Every place in short messages, about a thousand places in longer ones. */
function splitsOf(bytes: Buffer): number[] {
  const step = Math.ceil(bytes.length / 1000)
  const splits: number[] = []
  for (let at = 1; at < bytes.length; at += step) splits.push(at)
  return splits
}

test('there are fixtures, and all fit a message', () => {
  expect(FIXTURES.length).toBeGreaterThan(100)
  for (const { bytes } of FIXTURES) expect(bytes.length).toBeLessThanOrEqual(MESSAGE_BYTES_MAX)
})

describe('as a datagram', () => {
  test.each(FIXTURES.map((fixture) => [fixture.name, fixture] as const))('%s', (_, { bytes, parse }) => {
    expect(parse).toContain(outcome(bytes))
  })
})

describe('as a stream, whole and split', () => {
  function expected({ bytes, frames }: Fixture): (found: Frames) => void {
    return ({ messages, problem }) => {
      if (frames === null) expect([problem, messages]).toEqual([null, [bytes]])
      else expect([messages.length, problem]).toEqual([frames.count, frames.problem])
    }
  }

  test.each(FIXTURES.map((fixture) => [fixture.name, fixture] as const))('%s', (_, fixture) => {
    const { bytes } = fixture
    const check = expected(fixture)
    const whole = framesOf([bytes])
    check(whole)
    for (const at of splitsOf(bytes)) {
      expect(framesOf([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(whole)
    }
    for (const size of [1, 2, 3, 16, 1000]) expect(framesOf(piecesOf(bytes, size))).toEqual(whole)
  })
})
