// What is let in: at each limit, one above it, and once there is room again.

import { describe, expect, test } from 'bun:test'
import type { Limits } from '../../src/config.ts'
import { Receiver } from '../../src/transaction/receiver.ts'
import { wireBytes } from '../support/message.ts'
import { RecordingFlow, requestText, respond, Stage } from './stage.ts'

const LATE_ms = 150
const PULSE_ms = 50
/** Small enough to be reached by hand. */
const SMALL = {
  overloadLate_ms: LATE_ms,
  pressedRequests: 4,
  sourceRequests: 2,
  sourceFavouredRequests: 5,
  sourceAnswers: 3,
  sourceShare_ms: 100_000,
}

class Scene {
  readonly stage: Stage
  readonly flow: RecordingFlow
  readonly #receiver: Receiver
  #branches = 0

  constructor(limits: Partial<Limits> = {}) {
    this.stage = new Stage(false, { ...SMALL, ...limits })
    this.flow = this.stage.flow
    this.#receiver = new Receiver(this.stage.layer, { onDefect: (error) => this.stage.onDefect(error) })
  }

  get admission() {
    return this.stage.layer.admission
  }

  get served(): number {
    return this.stage.transactions.length
  }

  another(host: string): RecordingFlow {
    return new RecordingFlow(this.stage.clock, false, host)
  }

  /** As many of them, each new; how many of these opened a transaction. */
  sends(method: string, count = 1, flow = this.flow, toTag = ''): number {
    const before = this.served
    for (let n = 0; n < count; n++) {
      const text = requestText(method, `z9hG4bK-${++this.#branches}`)
      const tagged = text.replace('To: <sip:bob@example.com>', `To: <sip:bob@example.com>${toTag}`)
      this.#receiver.onBytes(wireBytes(tagged), flow)
    }
    return this.served - before
  }

  sendsBytes(bytes: Buffer, flow = this.flow): void {
    this.#receiver.onBytes(bytes, flow)
  }

  /** Two pulses in a row come so late, and the one that follows is already overdue by as much. */
  overloads(late_ms: number): void {
    for (let pulse = 0; pulse < 2; pulse++) {
      this.sendsBytes(wireBytes('x'))
      this.stage.clock.stall(PULSE_ms + late_ms)
      this.stage.clock.advance(0)
    }
    this.stage.clock.stall(PULSE_ms + late_ms)
  }

  recovers(): void {
    this.stage.clock.advance(0)
    this.stage.clock.advance(PULSE_ms)
  }
}

const DIALOG = ';tag=ours'

describe('calm', () => {
  test('everyone is served, however much he asks', () => {
    const scene = new Scene()
    expect(scene.sends('INVITE', 1000)).toBe(1000)
    expect(scene.sends('REGISTER', 1000)).toBe(1000)
    expect(scene.admission.pressure).toBe('calm')
  })
})

describe('an event loop that runs late', () => {
  test.each(['INVITE', 'REGISTER', 'OPTIONS', 'MESSAGE', 'SUBSCRIBE'])(
    'each source may begin its share of %s, and no more',
    (method) => {
      const scene = new Scene()
      scene.overloads(LATE_ms)
      expect(scene.admission.pressure).toBe('pressed')
      expect(scene.sends(method, 2)).toBe(2)
      expect(scene.sends(method)).toBe(0)
      expect(scene.flow.sent.map((line) => line.split(' ')[1])).toEqual(['503'])
      expect(scene.sends(method, 1, scene.another('192.0.2.77'))).toBe(1)
      expect(scene.admission.refused.event_loop).toBe(1)
    },
  )

  test('all sources together may begin so much', () => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    for (const host of ['192.0.2.71', '192.0.2.72', '192.0.2.73', '192.0.2.74']) {
      expect(scene.sends('INVITE', 1, scene.another(host))).toBe(1)
    }
    expect(scene.sends('INVITE', 1, scene.another('192.0.2.75'))).toBe(0)
  })

  test('what may begin is as much again when the interval ends, also when its timer is late', () => {
    const scene = new Scene({ sourceShare_ms: 1000 })
    scene.overloads(LATE_ms)
    expect(scene.sends('INVITE', 3)).toBe(2)
    scene.stage.clock.stall(1000)
    expect(scene.sends('INVITE', 3)).toBe(2)
  })

  test('the first pulse on time ends it: all are served at once', () => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    expect(scene.sends('INVITE', 10)).toBe(2)
    scene.recovers()
    expect(scene.admission.pressure).toBe('calm')
    expect(scene.sends('INVITE', 10)).toBe(10)
  })

  test.each(['BYE', 'INVITE', 'UPDATE', 'INFO', 'PRACK'])('%s within a dialog is served', (method) => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    expect(scene.sends(method, 1, scene.flow, DIALOG)).toBe(1)
  })

  test('a CANCEL is served, also of an INVITE that is not here', () => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    expect(scene.sends('CANCEL')).toBe(1)
  })

  test('a REGISTER from where a phone has registered is served, another one is not', () => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    expect(scene.sends('REGISTER', 3)).toBe(2)
    scene.stage.registered = true
    expect(scene.sends('REGISTER')).toBe(1)
    expect(scene.sends('INVITE')).toBe(0)
  })

  test('who makes up tags without end is bounded too', () => {
    const scene = new Scene()
    scene.overloads(LATE_ms)
    expect(scene.sends('BYE', 5, scene.flow, DIALOG)).toBe(5)
    expect(scene.sends('BYE', 1, scene.flow, DIALOG)).toBe(0)
    expect(scene.admission.refused.source_requests).toBe(1)
    expect(scene.sends('BYE', 1, scene.another('192.0.2.77'), DIALOG)).toBe(1)
  })

  test('a retransmission is answered again, and an ACK is taken', () => {
    const scene = new Scene()
    scene.sends('INVITE')
    respond(scene.stage.transactions[0]!, 486)
    scene.overloads(LATE_ms)
    const before = scene.flow.sent.length
    scene.stage.receives(requestText('INVITE', 'z9hG4bK-1'))
    expect(scene.flow.sent.length).toBe(before + 1)
    scene.stage.receives(requestText('ACK', 'z9hG4bK-1'))
    expect(scene.stage.transactions[0]!.state).toBe('confirmed')
  })
})

describe('refusals', () => {
  test('beyond their limit there is silence, for that source alone and until the interval ends', () => {
    const scene = new Scene({ sourceShare_ms: 60_000, sourceRequests: 0 })
    scene.overloads(LATE_ms)
    scene.sends('INVITE', 4)
    expect(scene.flow.sent).toHaveLength(3)
    expect(scene.admission.unanswered).toBe(1)
    const other = scene.another('192.0.2.77')
    scene.sends('INVITE', 1, other)
    expect(other.sent).toHaveLength(1)
    scene.stage.clock.advance(60_000)
    scene.overloads(LATE_ms)
    scene.sends('INVITE')
    expect(scene.flow.sent).toHaveLength(4)
  })

  test('an address that is not told apart is refused in silence under pressure, and served when it is calm', () => {
    const scene = new Scene({ sources_entries: 1 })
    const other = scene.another('192.0.2.77')
    scene.sends('INVITE')
    expect(scene.sends('OPTIONS', 1, other)).toBe(1)
    scene.overloads(LATE_ms)
    expect(scene.sends('OPTIONS', 1, other)).toBe(0)
    expect([other.sent, scene.admission.unanswered]).toEqual([[], 1])
    expect(scene.sends('BYE', 1, other, DIALOG)).toBe(1)
  })

  test('leave nothing behind', () => {
    const scene = new Scene({ sourceRequests: 0 })
    scene.overloads(LATE_ms)
    scene.sends('INVITE', 10_000)
    scene.sends('REGISTER', 10_000)
    scene.stage.clock.advance(SMALL.sourceShare_ms)
    expect([scene.stage.leftovers, scene.admission.sources]).toEqual([0, 0])
  })
})

describe.each([
  ['server', 'server_transactions'],
  ['client', 'client_transactions'],
] as const)('the table of %s transactions', (side, limit) => {
  function filled(count: number): Scene {
    const scene = new Scene({ [`${side}Transactions`]: 100, pressedRequests: 100 })
    for (let n = 0; n < count; n++) {
      if (side === 'server') scene.sends('OPTIONS', 1, scene.another(`203.0.113.${n}`))
      else scene.stage.sends(requestText('OPTIONS', `z9hG4bK-own-${n}`))
    }
    return scene
  }

  test('below 80 in 100: all are served', () => {
    const scene = filled(79)
    expect(scene.admission.pressure).toBe('calm')
    expect(scene.sends('INVITE')).toBe(1)
  })

  test('from 80 on: a share for each source', () => {
    const scene = filled(80)
    expect(scene.admission.pressure).toBe('pressed')
    expect(scene.sends('INVITE', 3)).toBe(2)
    expect(scene.admission.refused[limit]).toBe(1)
  })

  test('from 90 on: nothing begins, calls that are up go on', () => {
    expect(filled(89).admission.pressure).toBe('pressed')
    const scene = filled(90)
    expect(scene.sends('INVITE')).toBe(0)
    expect(scene.admission.refused[limit]).toBe(1)
    expect(scene.sends('BYE', 1, scene.flow, DIALOG)).toBe(1)
  })
})

test('a wholly full table of servers takes nothing but the CANCEL of an INVITE in it', () => {
  const scene = new Scene({ serverTransactions: 100 })
  scene.sends('INVITE', 79)
  scene.sends('BYE', 5, scene.flow, DIALOG)
  for (let n = 0; n < 16; n++) scene.sends('BYE', 1, scene.another(`192.0.2.${n + 10}`), DIALOG)
  expect(scene.stage.layer.serverCount).toBe(100)
  expect(scene.sends('BYE', 1, scene.another('192.0.2.77'), DIALOG)).toBe(0)
  scene.stage.receives(requestText('CANCEL', 'z9hG4bK-1'))
  expect(scene.stage.layer.serverCount).toBe(101)
})

test('what one address gives to be scanned has a limit; others are read, and it too when the interval ends', () => {
  const message = wireBytes(`${requestText('OPTIONS')}\nSubject: ${'x'.repeat(600)}`)
  const scene = new Scene({ sourceScan_bytes: 3 * message.length, sourceShare_ms: 1000 })
  for (let n = 0; n < 4; n++) scene.sendsBytes(message)
  const counts = () => scene.stage.layer.counts
  expect([scene.served, counts().retransmissionsAbsorbed, scene.admission.refused.source_bytes]).toEqual([
    1, 2, 1,
  ])
  expect(scene.sends('OPTIONS', 1, scene.another('192.0.2.77'))).toBe(1)
  scene.stage.clock.advance(1000)
  scene.sendsBytes(message)
  expect(counts().retransmissionsAbsorbed).toBe(3)
})

test('a short message counts as an ordinary one', () => {
  const scene = new Scene({ sourceScan_bytes: 1024 })
  for (let n = 0; n < 3; n++) scene.sendsBytes(wireBytes('x'))
  expect(scene.admission.refused.source_bytes).toBe(1)
})
