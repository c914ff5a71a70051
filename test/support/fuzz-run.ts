// Feeds a server what no phone would send: `fuzz-run.ts SEED SECONDS`. Runs in a network of its own (isolated.ts).
//
// Beside the sender there is a registered phone, so that mutants are forwarded too; its answers are no better.

import { connect, type Socket } from 'node:net'
import { within } from './deadline.ts'
import { answerChallenge, parseChallenge } from './digest.ts'
import { readFixtures } from './fixture.ts'
import { metric, servingExample, tell } from './isolated.ts'
import { mutant } from './mutant.ts'
import { Random } from './random.ts'
import { alive, lookedUp } from './sentinel.ts'
import type { ServerProcess } from './server-process.ts'

const ANSWER_MS = 10_000
/** Sent before each question whether the server is there. Datagrams are few: each holds a transaction for 32 s. */
const DATAGRAMS = 1
const CONNECTIONS = 3
const MESSAGES_PER_CONNECTION = 8
const PIECE_BYTES = 700
/** The share of the time after which the memory has its usual size. */
const WARM_UP = 1 / 2

export interface FuzzOutcome {
  readonly messages: number
  readonly forwarded: number
  readonly warmed: Held
  readonly end: Held
}

/** What the server holds: finished transactions stay for 32 s, so their number grows with the sender's speed. */
export interface Held {
  readonly bytes: number
  readonly transactions: number
}

/** Requests of strangers to the registered phone, as the settings below allow them. */
function requestsToPhone(): Buffer[] {
  return ['INVITE', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE', 'BYE', 'CANCEL', 'ACK'].map((method) => {
    const lines = [
      `${method} sip:101@test.example SIP/2.0`,
      `Via: SIP/2.0/UDP caller.example.net;rport;branch=z9hG4bK-${method === 'CANCEL' ? 'INVITE' : method}`,
      'Record-Route: <sip:caller.example.net;lr>',
      'From: "A" <sip:caller@example.net>;tag=a',
      'To: <sip:101@test.example>',
      'Call-ID: fuzz',
      `CSeq: 1 ${method}`,
      'Contact: <sip:caller@127.0.0.1:5060>',
      'Max-Forwards: 70',
      'Content-Length: 4',
    ]
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\nbody`)
  })
}

/** Ends the transaction that this answer came from; null when it needs no ACK. */
function ackOf(response: string): string | null {
  if (!/^SIP\/2\.0 [3-6]/.test(response)) return null
  const cseq = /^CSeq: *(\d+) +INVITE\r$/m.exec(response)
  const kept = response.match(/^(?:Via|From|To|Call-ID): .*\r$/gm)
  if (cseq === null || kept === null) return null
  const lines = [
    'ACK sip:101@test.example SIP/2.0',
    ...kept.map((line) => line.trim()),
    `CSeq: ${cseq[1]} ACK`,
  ]
  return `${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`
}

class Attack {
  readonly #server: ServerProcess
  readonly #random: Random
  readonly #seeds: readonly Buffer[]
  #socket: Bun.udp.Socket<'buffer'> | null = null
  #awaited: { readonly text: string; resolve(answer: string): void } | null = null
  #connections: Socket[] = []
  /** For questions: over TCP an answered one leaves no transaction behind. */
  #asking: Socket | null = null
  messages = 0
  forwarded = 0

  constructor(server: ServerProcess, random: Random) {
    this.#server = server
    this.#random = random
    const toPhone = requestsToPhone()
    this.#seeds = [
      ...readFixtures().map(({ bytes }) => bytes),
      ...Array.from({ length: 5 }, () => toPhone).flat(),
    ]
  }

  async open(): Promise<void> {
    const socket = { data: (_socket: unknown, bytes: Buffer) => this.#onDatagram(bytes), error() {} }
    this.#socket = await Bun.udpSocket({ hostname: '127.0.0.1', port: 5060, socket })
    this.#asking = connect({ ...this.#server.tcp, noDelay: true })
    this.#asking.on('error', () => {})
    // One question at a time, and short answers: each comes in one piece.
    this.#asking.on('data', (chunk: Buffer) => this.#isAwaited(chunk.toString('latin1')))
  }

  /** The phone asks over UDP, where it is to be called. */
  async ask(over: 'udp' | 'tcp', question: string, callId: string): Promise<string> {
    const answered = Promise.withResolvers<string>()
    this.#awaited = { text: `\r\nCall-ID: ${callId}\r\n`, resolve: answered.resolve }
    if (over === 'udp') this.#send(question)
    else this.#asking?.write(question)
    return within(
      ANSWER_MS,
      () => `an answer to ${callId}, after ${this.messages} messages`,
      answered.promise,
    )
  }

  /** One volley, and the proof that the server is still there. */
  async volley(number: number): Promise<void> {
    for (const connection of this.#connections) connection.destroy()
    this.#connections = Array.from({ length: CONNECTIONS }, () => this.#connect())
    for (let n = 0; n < DATAGRAMS; n++) this.#send(this.#mutant())
    const question = alive(number)
    await this.ask('tcp', question.bytes, question.callId)
  }

  close(): void {
    for (const connection of this.#connections) connection.destroy()
    this.#asking?.destroy()
    this.#socket?.close()
  }

  #connect(): Socket {
    const connection = connect({ ...this.#server.tcp, noDelay: true })
    connection.on('error', () => {})
    connection.on('data', (chunk: Buffer) => {
      for (const response of chunk.toString('latin1').split(/(?=^SIP\/2\.0 )/m)) {
        const ack = ackOf(response)
        if (ack !== null && connection.writable) connection.write(ack, 'latin1')
      }
    })
    for (let n = 0; n < MESSAGES_PER_CONNECTION; n++) {
      const bytes = this.#mutant()
      for (let at = 0; at < bytes.length; ) {
        const piece = 1 + this.#random.below(PIECE_BYTES)
        connection.write(bytes.subarray(at, at + piece))
        at += piece
      }
    }
    return connection
  }

  #mutant(): Buffer {
    return mutant(this.#random, this.#seeds, this.messages++)
  }

  #send(bytes: Buffer | string): void {
    const { host, port } = this.#server.udp
    this.#socket?.send(bytes, port, host)
  }

  #onDatagram(bytes: Buffer): void {
    const text = bytes.toString('latin1')
    if (this.#isAwaited(text)) return
    if (text.startsWith('SIP/2.0 ')) this.#send(ackOf(text) ?? '')
    else this.#answerAsPhone(text)
  }

  #isAwaited(text: string): boolean {
    if (this.#awaited === null || !text.includes(this.#awaited.text)) return false
    this.#awaited.resolve(text)
    return true
  }

  /** Often as a phone would, often not. */
  #answerAsPhone(request: string): void {
    this.forwarded++
    const status = this.#random.pick([100, 180, 200, 302, 404, 486, 503, 603])
    const kept = request.match(/^(?:Via|v|From|f|To|t|Call-ID|i|CSeq|Record-Route):.*\r$/gim) ?? []
    const lines = [`SIP/2.0 ${status} Whatever`, ...kept.map((line) => line.trim()), 'Content-Length: 0']
    const answer = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    this.#send(this.#random.below(2) === 0 ? answer : mutant(this.#random, [answer], this.messages++))
  }
}

/** REGISTER, 401, REGISTER, 200. */
async function registerPhone(attack: Attack): Promise<void> {
  const register = (cseq: number, ...more: readonly string[]) =>
    `${[
      'REGISTER sip:example.com SIP/2.0',
      `Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-register-${cseq}`,
      'From: <sip:101@test.example>;tag=phone',
      'To: <sip:101@test.example>',
      'Call-ID: phone',
      `CSeq: ${cseq} REGISTER`,
      'Contact: <sip:101@127.0.0.1:5060>',
      ...more,
      'Content-Length: 0',
    ].join('\r\n')}\r\n\r\n`
  const refusal = await attack.ask('udp', register(1), 'phone')
  const challenge = parseChallenge(/^WWW-Authenticate: (.*)\r$/m.exec(refusal)?.[1] ?? '')
  const account = { username: '101', password: 'secret-101', method: 'REGISTER', uri: 'sip:example.com' }
  const answer = await attack.ask(
    'udp',
    register(2, `Authorization: ${answerChallenge(challenge, account)}`),
    'phone',
  )
  if (!answer.startsWith('SIP/2.0 200 ')) throw new Error(`the phone could not register: ${answer}`)
}

async function held(server: ServerProcess): Promise<Held> {
  const metrics = await server.metrics()
  const kinds = ['invite-client', 'client', 'invite-server', 'server']
  return {
    bytes: metric(metrics, 'process_resident_memory_bytes'),
    transactions: kinds
      .map((kind) => metric(metrics, `sipwitches_transactions{kind="${kind}"}`))
      .reduce((sum, open) => sum + open, 0),
  }
}

async function fuzz(server: ServerProcess, seed: number, seconds: number): Promise<FuzzOutcome> {
  await server.set('stranger_methods', 'INVITE, OPTIONS, MESSAGE, SUBSCRIBE, BYE')
  const attack = new Attack(server, new Random(seed))
  await attack.open()
  await registerPhone(attack)
  const start = performance.now()
  const passed_s = () => (performance.now() - start) / 1000
  let warmed: Held | null = null
  for (let volley = 0; passed_s() < seconds; volley++) {
    await attack.volley(volley)
    if (warmed === null && passed_s() > seconds * WARM_UP) warmed = await held(server)
  }
  const end = await held(server)
  const last = lookedUp(0)
  await attack.ask('udp', last.bytes, last.callId)
  attack.close()
  return { messages: attack.messages, forwarded: attack.forwarded, warmed: warmed ?? end, end }
}

let outcome: FuzzOutcome | null = null
const [, , seed, seconds] = process.argv
const damage = await servingExample(async (server) => {
  outcome = await fuzz(server, Number(seed), Number(seconds))
})
tell({ outcome, damage })
