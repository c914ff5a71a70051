// Feeds every fixture to our server: `fixture-run.ts udp | tcp | bytes`; with a second word, `kamailio`, to that one.
// Runs in a network of its own (isolated.ts).

import { connect } from 'node:net'
import { within } from './deadline.ts'
import { type Fixture, readFixtures } from './fixture.ts'
import { servingExample, tell } from './isolated.ts'
import { servingKamailio } from './kamailio.ts'
import { lookedUp } from './sentinel.ts'
import { accounts, type HostPort } from './server-process.ts'
import type { Subject } from './subject.ts'

const ANSWER_MS = 5000
const CLOSED_MS = 30_000
/** One byte at a time, unless that made more pieces than this. */
const PIECES_MAX = 600
const SIP_PORT = 5060

/** What came back: statuses in order; the first line of anything that is no response. */
export interface FixtureOutcome {
  readonly name: string
  readonly answers: readonly (number | string)[]
}

function readAnswer(text: string): number | string {
  const [line = ''] = text.split('\r\n')
  const match = /^SIP\/2\.0 (\d{3}) /.exec(line)
  return match === null ? line : Number(match[1])
}

/** All ports that an answer may go to: where there is no rport, the one in Via counts (RFC 3261 section 18.2.2). */
class Datagrams {
  readonly #sockets: Bun.udp.Socket<'buffer'>[] = []
  readonly #seen = new Set<string>()
  #answers: (number | string)[] = []
  #awaited: { readonly callId: string; resolve(): void } | null = null

  async bind(fixtures: readonly Fixture[]): Promise<void> {
    const ports = new Set([SIP_PORT])
    for (const { bytes } of fixtures) {
      for (const [, port] of bytes.toString('latin1').matchAll(/\/(?:UDP|TCP|TLS) [^;,\r\n]*:(\d{4,5})\b/g)) {
        if (Number(port) < 65536) ports.add(Number(port))
      }
    }
    for (const port of ports) {
      const socket = { data: (_socket: unknown, bytes: Buffer) => this.#onDatagram(bytes), error() {} }
      this.#sockets.push(await Bun.udpSocket({ hostname: '127.0.0.1', port, socket }))
    }
  }

  send(bytes: Buffer | string, { host, port }: HostPort): void {
    this.#sockets[0]!.send(bytes, port, host)
  }

  /** What has come since the last call, once the answer to this Call-ID is there. */
  async until(callId: string): Promise<(number | string)[]> {
    const answered = Promise.withResolvers<void>()
    this.#awaited = { callId, resolve: answered.resolve }
    await within(ANSWER_MS, () => `the answer to ${callId}`, answered.promise)
    const answers = this.#answers
    this.#answers = []
    return answers
  }

  close(): void {
    for (const socket of this.#sockets) socket.close()
  }

  /** Retransmissions are of no interest. */
  #onDatagram(bytes: Buffer): void {
    const text = bytes.toString('latin1')
    if (this.#seen.has(text)) return
    this.#seen.add(text)
    if (this.#awaited !== null && text.includes(`\r\nCall-ID: ${this.#awaited.callId}\r\n`))
      this.#awaited.resolve()
    else this.#answers.push(readAnswer(text))
  }
}

async function overUdp(subject: Subject, fixtures: readonly Fixture[]): Promise<FixtureOutcome[]> {
  const datagrams = new Datagrams()
  await datagrams.bind(fixtures)
  const outcomes: FixtureOutcome[] = []
  for (const [n, { name, bytes }] of fixtures.entries()) {
    const sentinel = lookedUp(n)
    datagrams.send(bytes, subject.udp)
    datagrams.send(sentinel.bytes, subject.udp)
    outcomes.push({ name, answers: await datagrams.until(sentinel.callId) })
  }
  datagrams.close()
  return outcomes
}

/** A connection of its own for each; it is over when the server, told that no more comes, has said all and closed. */
async function overTcp(subject: Subject, fixture: Fixture, piece_bytes: number): Promise<FixtureOutcome> {
  const { name, bytes } = fixture
  const socket = connect({ ...subject.tcp, allowHalfOpen: true, noDelay: true })
  const closed = Promise.withResolvers<void>()
  let received = ''
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => closed.resolve())
  // The server's half: ours is closed once all is written.
  socket.on('end', () => socket.end())
  for (let at = 0; at < bytes.length; at += piece_bytes) {
    // Each is written out before the next, so that they leave one by one.
    await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + piece_bytes), () => resolve()))
  }
  socket.end()
  await within(CLOSED_MS, () => `the end of the connection of ${name}`, closed.promise)
  const answers = received.match(/^SIP\/2\.0 .*(?=\r$)/gm) ?? []
  return { name, answers: answers.map(readAnswer) }
}

async function feed(subject: Subject, mode: string | undefined): Promise<FixtureOutcome[]> {
  const fixtures = readFixtures()
  switch (mode) {
    case 'udp':
      return overUdp(subject, fixtures)
    case 'tcp':
      return Promise.all(fixtures.map((fixture) => overTcp(subject, fixture, fixture.bytes.length)))
    case 'bytes':
      return Promise.all(
        fixtures.map((fixture) => overTcp(subject, fixture, Math.ceil(fixture.bytes.length / PIECES_MAX))),
      )
    default:
      throw new Error(`no way to feed: ${mode}`)
  }
}

const [mode, name] = process.argv.slice(2)
let outcomes: FixtureOutcome[] = []
const scene = async (subject: Subject) => {
  outcomes = await feed(subject, mode)
}
if (name === 'kamailio') {
  await servingKamailio(accounts(101, 1), scene)
  tell({ outcomes })
} else {
  const damage = await servingExample(scene)
  tell({ outcomes, damage })
}
