import { expect, test } from 'bun:test'
import { Traffic } from '../../src/transaction/traffic.ts'
import { requestOf, responseOf } from '../support/message.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { RecordingFlow, requestText, responseText } from './stage.ts'

const clock = new VirtualClock()
const udp = new RecordingFlow(clock, false)
const tcp = new RecordingFlow(clock, true)

test('messages by method, transport and direction; responses by class', () => {
  const traffic = new Traffic(null)
  traffic.received(requestOf(requestText('INVITE')), udp)
  traffic.received(requestOf(requestText('INVITE')), tcp)
  traffic.received(requestOf(requestText('DANCE')), tcp)
  traffic.received(responseOf(responseText(200, 'INVITE')), udp)
  traffic.sent('INVITE', 486, Buffer.alloc(0), udp)
  traffic.sent('UPDATE', 0, Buffer.alloc(0), tcp)
  const said = traffic
    .messages()
    .map(({ method, transport, direction, count }) => [method, transport, direction, count])
  expect(said.map((each) => each.join(' ')).sort()).toEqual([
    'INVITE tcp in 1',
    'INVITE udp in 2',
    'INVITE udp out 1',
    'Other tcp in 1',
    'UPDATE tcp out 1',
  ])
  expect([1, 2, 3, 4, 5, 6].map((digit) => traffic.responses(digit))).toEqual([0, 0, 0, 1, 0, 0])
})

test('a trace hears of each, with its bytes', () => {
  const heard: string[] = []
  const traffic = new Traffic((direction, bytes, flow) =>
    heard.push(`${direction} ${bytes.length} ${flow.transport}`),
  )
  const request = requestOf(requestText('OPTIONS'))
  traffic.received(request, udp)
  traffic.sent('OPTIONS', 200, Buffer.from('abc'), tcp)
  expect(heard).toEqual([`in ${request.bytes.length} udp`, 'out 3 tcp'])
})
