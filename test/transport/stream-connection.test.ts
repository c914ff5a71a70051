import { beforeEach, describe, expect, test } from 'bun:test'
import { LIMITS } from '../../src/config.ts'
import { LocalAddresses } from '../../src/transport/local.ts'
import { SendBudget } from '../../src/transport/send-queue.ts'
import { StreamConnection, type StreamSocket } from '../../src/transport/stream-connection.ts'
import { type Sender, TransportCounts } from '../../src/transport/transport.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { message } from './station.ts'

const SMALL = { ...LIMITS, streamSendQueue_bytes: 1000, streamSendQueueTotal_bytes: 1500 }

/** Takes as many bytes as it is told to. */
class StubSocket implements StreamSocket {
  room = Number.POSITIVE_INFINITY
  written = ''
  writes = 0
  state: 'open' | 'ended' | 'terminated' = 'open'

  write(bytes: Uint8Array): number {
    this.writes++
    const taken = Math.min(bytes.length, this.room)
    this.room -= taken
    this.written += Buffer.from(bytes.subarray(0, taken)).toString()
    return taken
  }
  end(): void {
    this.state = 'ended'
  }
  terminate(): void {
    this.state = 'terminated'
  }
}

let clock: VirtualClock
let counts: TransportCounts
let events: string[]
let failures: string[]
let budget: SendBudget
let connection: StreamConnection
let socket: StubSocket

function makeConnection(): StreamConnection {
  return new StreamConnection({
    transport: 'tcp',
    number: 1,
    peer: { host: '10.0.0.9', port: 40000 },
    local: { host: '10.0.0.1', port: 5060 },
    user: {
      onMessage: (bytes) => events.push(`message ${bytes.length}`),
      onLingering: () => events.push('lingering'),
      onClosed: () => events.push('closed'),
    },
    context: { clock, limits: SMALL, addresses: new LocalAddresses(clock, SMALL), log: { warn() {} } },
    counts,
    budget,
  })
}

const sender: Sender = { onSendFailed: (failure) => failures.push(failure) }
const bytes = (length: number, fill = 'x'): Buffer => Buffer.alloc(length, fill)

beforeEach(() => {
  clock = new VirtualClock()
  counts = new TransportCounts()
  events = []
  failures = []
  budget = new SendBudget(SMALL.streamSendQueueTotal_bytes)
  socket = new StubSocket()
  connection = makeConnection()
})

describe('while it connects', () => {
  test('bytes wait, and leave in order when it is open', () => {
    connection.send(Buffer.from('one '))
    connection.send(Buffer.from('two'))
    clock.settle()
    expect(connection.open).toBe(true)
    expect(connection.onOpen(socket)).toBe(true)
    expect(socket.written).toBe('one two')
  })

  test('it gives up in time, tells each sender, and will not have a socket that comes late', () => {
    connection.send(bytes(10), sender)
    connection.send(bytes(10), sender)
    clock.advance(SMALL.streamConnect_ms - 1)
    expect(failures).toEqual([])
    clock.advance(1)
    clock.settle()
    expect(failures).toEqual(['timeout', 'timeout'])
    expect(connection.open).toBe(false)
    expect(connection.onOpen(socket)).toBe(false)
    expect(events).toEqual(['closed'])
    expect(counts.connectionsOpen).toBe(0)
  })

  test('closed, it tells its senders', () => {
    connection.send(bytes(10), sender)
    connection.close()
    expect(failures).toEqual([])
    clock.settle()
    expect(failures).toEqual(['closed'])
    expect(clock.timers).toBe(0)
  })
})

describe('sending', () => {
  beforeEach(() => {
    connection.onOpen(socket)
  })

  test('what is sent in one turn leaves in one write', () => {
    for (let n = 0; n < 5; n++) connection.send(Buffer.from(`${n}`))
    expect(socket.writes).toBe(0)
    clock.settle()
    expect(socket).toMatchObject({ written: '01234', writes: 1 })
    expect(counts).toMatchObject({ messagesOut: 5, bytesOut: 5 })
  })

  test('a slow peer gets every byte, in order', () => {
    const sent = Array.from({ length: 20 }, (_, n) => String.fromCharCode(97 + n).repeat(n + 1))
    socket.room = 0
    for (const text of sent) connection.send(Buffer.from(text))
    clock.settle()
    while (socket.written.length < sent.join('').length) {
      socket.room = 7
      connection.onDrain()
    }
    expect(socket.written).toBe(sent.join(''))
    expect(counts.messagesOut).toBe(20)
    expect(budget.used_bytes).toBe(0)
  })

  test('what a peer does not read is bounded, for it and for all', () => {
    socket.room = 0
    for (let n = 0; n < 12; n++) connection.send(bytes(100), sender)
    const other = makeConnection()
    const full = new StubSocket()
    full.room = 0
    other.onOpen(full)
    for (let n = 0; n < 7; n++) other.send(bytes(100), sender)
    expect(budget.used_bytes).toBe(1500)
    clock.settle()
    expect(failures).toEqual(['congested', 'congested', 'congested', 'congested'])
  })

  test('more than the queue holds in one turn is no matter while the peer takes it', () => {
    for (let n = 0; n < 50; n++) connection.send(bytes(100), sender)
    clock.settle()
    expect(failures).toEqual([])
    expect(socket.written).toHaveLength(5000)
  })

  test('a peer that takes nothing for long has failed', () => {
    socket.room = 5
    connection.send(bytes(10), sender)
    clock.settle()
    clock.advance(SMALL.streamStall_ms - 1)
    socket.room = 1
    connection.onDrain()
    clock.advance(SMALL.streamStall_ms - 1)
    expect(socket.state).toBe('open')
    clock.advance(1)
    clock.settle()
    expect(socket.state).toBe('terminated')
    expect(failures).toEqual(['timeout'])
    expect(budget.used_bytes).toBe(0)
    expect(clock.timers).toBe(0)
  })
})

describe('receiving', () => {
  beforeEach(() => {
    connection.onOpen(socket)
  })

  test('a message that is not whole in time ends it, however its bytes trickle in', () => {
    const whole = message('x'.repeat(100))
    for (let at = 0; at < 99 && socket.state === 'open'; at++) {
      connection.onData(whole.subarray(at, at + 1))
      clock.advance(SMALL.streamMessage_ms / 100)
    }
    expect(socket.state).toBe('open')
    clock.advance(SMALL.streamMessage_ms / 100)
    expect(socket.state).toBe('terminated')
    expect(counts.dropped.incomplete).toBe(1)
    expect(clock.timers).toBe(0)
  })

  test('each message has its own time', () => {
    const whole = message('x')
    const half = whole.length >> 1
    connection.onData(whole.subarray(0, half))
    for (let n = 0; n < 5; n++) {
      clock.advance(SMALL.streamMessage_ms - 1)
      connection.onData(Buffer.concat([whole.subarray(half), whole.subarray(0, half)]))
    }
    expect(events).toEqual(new Array(5).fill(`message ${whole.length}`))
    connection.onData(whole.subarray(half))
    clock.advance(SMALL.streamMessage_ms)
    expect(socket.state).toBe('open')
  })

  test('a connection without traffic is closed, one with traffic is not', () => {
    for (let n = 0; n < 3; n++) {
      clock.advance(SMALL.streamIdle_ms - 1)
      connection.onData(Buffer.from('\r\n'))
    }
    expect(socket.state).toBe('open')
    clock.advance(SMALL.streamIdle_ms)
    expect(socket.state).toBe('ended')
  })

  test('a ping is answered with a pong, unless nobody reads', () => {
    connection.onData(Buffer.from('\r\n\r\n'))
    clock.settle()
    expect(socket.written).toBe('\r\n')
    socket.room = 0
    connection.onData(Buffer.from('\r\n\r\n'.repeat(1000)))
    clock.settle()
    expect(budget.used_bytes).toBe(2)
  })

  test.each([
    ['the peer has closed its half', () => connection.onEnd()],
    ['messages cannot be told apart', () => connection.onData(Buffer.from('OPTIONS sip:a SIP/2.0\r\n\r\n'))],
  ])('when %s, answers still leave for a while', (_why, happens) => {
    happens()
    expect(events.at(-1)).toBe('lingering')
    expect(connection.open).toBe(true)
    connection.send(Buffer.from('400'))
    clock.advance(SMALL.streamLinger_ms - 1)
    expect(socket).toMatchObject({ written: '400', state: 'open' })
    connection.onData(message('ignored'))
    clock.advance(1)
    expect(socket.state).toBe('ended')
    expect(connection.open).toBe(false)
    clock.advance(SMALL.streamLinger_ms)
    expect(socket.state).toBe('terminated')
    expect(events.filter((event) => event === 'closed')).toHaveLength(1)
    expect(clock.timers).toBe(0)
  })

  test('headers without an end: nobody to answer, closed at once', () => {
    connection.onData(bytes(SMALL.streamHeader_bytes + 1))
    expect(socket.state).toBe('terminated')
    expect(counts.dropped.framing).toBe(1)
  })
})

describe('closing', () => {
  test('what waits leaves first', () => {
    connection.onOpen(socket)
    socket.room = 3
    connection.send(Buffer.from('answer'), sender)
    connection.close()
    expect(socket).toMatchObject({ written: 'ans', state: 'open' })
    socket.room = 100
    connection.onDrain()
    expect(socket).toMatchObject({ written: 'answer', state: 'ended' })
    connection.onClosed('closed')
    clock.settle()
    expect(failures).toEqual([])
    expect(clock.timers).toBe(0)
  })

  test('a socket that is lost costs what had not left', () => {
    connection.onOpen(socket)
    socket.room = 3
    connection.send(Buffer.from('answer'), sender)
    clock.settle()
    connection.onClosed('closed')
    connection.onClosed('closed')
    connection.send(Buffer.from('more'), sender)
    clock.settle()
    expect(failures).toEqual(['closed', 'closed'])
    expect(events).toEqual(['closed'])
    expect(counts).toMatchObject({ connectionsOpen: 0, sendsFailed: { closed: 2 } })
  })
})
