import { expect, test } from 'bun:test'
import { passes } from '../../support/deadline.ts'
import type { Line } from './line.ts'
import { Load } from './load.ts'
import { scenarioOf } from './scenario.ts'
import { Account } from './slot.ts'
import { answersTo } from './text.ts'

const SLOTS = 8
const WAIT_MS = 20

/** A line whose other end answers each request with a status, and calls with `answersTo`, in a later turn. */
function lineTo(answer: (request: string) => readonly string[], sent: string[] = []): Line {
  const line: Line = {
    transport: 'UDP',
    host: '127.0.0.11',
    port: 5070,
    send(text) {
      sent.push(text)
      queueMicrotask(() => {
        for (const response of answer(text)) heard(response, line)
      })
    },
  }
  return line
}

let heard: Load['onMessage'] = () => {}

function loadOf(scenario: Parameters<typeof scenarioOf>[0], line: Line): Load {
  const accounts = Array.from({ length: 20 }, (_, n) => new Account(String(100 + n), 'secret', line))
  const load = new Load(scenarioOf(scenario, 0), accounts, accounts, SLOTS)
  heard = load.onMessage
  return load
}

/** As a registrar and proxy without a memory would. */
function status(code: string, request: string): string {
  const [, ...rest] = answersTo(
    request.replace(/^\w+/, 'OPTIONS'),
    lineTo(() => []),
  )[0]!.split('\r\n')
  return [`SIP/2.0 ${code}`, ...rest].join('\r\n')
}

test('so many conversations as were asked for, and no more', async () => {
  const sent: string[] = []
  const load = loadOf(
    'options',
    lineTo((request) => [status('200 OK', request)], sent),
  )
  await load.run(20)
  expect(load.tally()).toMatchObject({ done: 20, failed: 0, late: 0 })
  expect(sent).toHaveLength(20)
})

test('an answer that is not the one expected has failed', async () => {
  const load = loadOf(
    'options',
    lineTo((request) => [status('500 Server Error', request)]),
  )
  await load.run(3)
  expect(load.tally()).toMatchObject({ done: 0, failed: 3 })
  expect(load.lastFailure).toStartWith('SIP/2.0 500')
})

test('calls are confirmed and ended', async () => {
  const sent: string[] = []
  const load = loadOf(
    'call',
    lineTo(
      (request) =>
        answersTo(
          request,
          lineTo(() => []),
        ),
      sent,
    ),
  )
  await load.run(2)
  expect(load.tally()).toMatchObject({ done: 2, failed: 0 })
  const methods = sent.map((text) => text.slice(0, text.indexOf(' '))).toSorted()
  expect(methods).toEqual(['ACK', 'ACK', 'BYE', 'BYE', 'INVITE', 'INVITE'])
})

test('calls stay up: once there are as many as wanted, each new one ends the oldest', async () => {
  const sent: string[] = []
  const line = lineTo(
    (request) =>
      answersTo(
        request,
        lineTo(() => []),
      ),
    sent,
  )
  const scenario = scenarioOf('call-held', 3)
  const accounts = [new Account('100', 'secret', line)]
  const callIds = (method: string) =>
    sent.filter((text) => text.startsWith(method)).map((text) => /^Call-ID: (.*)$/m.exec(text)?.[1])
  for (const count of [3, 5]) {
    const load = new Load(scenario, accounts, accounts, 1)
    heard = load.onMessage
    await load.run(count)
    expect(load.tally()).toMatchObject({ done: count, failed: 0 })
  }
  expect(callIds('INVITE')).toHaveLength(8)
  expect(callIds('BYE')).toEqual(callIds('INVITE').slice(0, 5))
})

test('what is not answered in time is late', async () => {
  const accounts = [
    new Account(
      '100',
      'secret',
      lineTo(() => []),
    ),
  ]
  const load = new Load(scenarioOf('options', 0), accounts, [], 2, WAIT_MS)
  await load.run(2)
  expect(load.tally()).toMatchObject({ done: 0, late: 2 })
})

test('a fixed rate begins as many as it says', async () => {
  const accounts = [
    new Account(
      '100',
      'secret',
      lineTo((request) => [status('200 OK', request)]),
    ),
  ]
  // As many slots as may be due at once after a pause of the machine.
  const load = new Load(scenarioOf('options', 0), accounts, [], 1000)
  heard = load.onMessage
  load.startOpen(1000)
  await passes(10 * WAIT_MS)
  load.stop()
  await load.drained()
  const { done, failed, late, elapsed_ms } = load.tally()
  expect({ failed, late }).toEqual({ failed: 0, late: 0 })
  expect(Math.abs(done - elapsed_ms)).toBeLessThan(elapsed_ms / 2)
})
