// Sends more than a slow link takes, in a network of its own. test/transport/udp-path.test.ts says what must come of
// it.

import { SystemClock } from '../../src/clock.ts'
import { LIMITS } from '../../src/config.ts'
import { LocalAddresses } from '../../src/transport/local.ts'
import { UdpTransport } from '../../src/transport/udp.ts'
import { message, Station } from '../transport/station.ts'
import { FULL_BUFFER_DATAGRAMS, type FullBufferOutcome } from './full-buffer.ts'
import { tell } from './isolated.ts'

const LINK = 'qdisc add dev lo root tbf rate 16mbit burst 4kb limit 4mb'
const BEYOND_DATAGRAMS = 200

const link = Bun.spawnSync(['tc', ...LINK.split(' ')])
if (link.exitCode !== 0) throw new Error(`tc: ${link.stderr}`)
// An MTU that one token bucket can hold.
Bun.spawnSync(['ip', 'link', 'set', 'lo', 'mtu', '1500'])

const path = process.argv[2] === 'kernel' ? 'kernel' : 'runtime'
const clock = new SystemClock((error) => {
  throw error
})
const turn = (): Promise<void> => new Promise((resolve) => clock.soon(resolve))

async function listen(): Promise<{ station: Station; transport: UdpTransport }> {
  const limits = { ...LIMITS, udpSendQueue_datagrams: FULL_BUFFER_DATAGRAMS }
  const context = { clock, limits, addresses: new LocalAddresses(clock, limits), log: { warn() {} } }
  const transport = new UdpTransport([{ host: '127.0.0.1', port: 0 }], context, path)
  const station = new Station(transport)
  await station.listen()
  while (transport.paths[0] !== path) await turn()
  return { station, transport }
}

const [server, phone] = [await listen(), await listen()]
const flow = server.station.flowTo(phone.station.address)!
let refused = 0
const sender = { onSendFailed: () => refused++ }
const bodyOf = (n: number) => message(`${n} ${'x'.repeat(1000)}`)
const start_ms = clock.monotonic()
const before = process.cpuUsage()
let sentAtOnce = 0
for (let n = 0; sentAtOnce + FULL_BUFFER_DATAGRAMS + BEYOND_DATAGRAMS > n; n++) {
  flow.send(bodyOf(n), sender)
  sentAtOnce = server.transport.counts.messagesOut
}
const accepted = sentAtOnce + FULL_BUFFER_DATAGRAMS
await phone.station.receives(accepted)
const { user, system } = process.cpuUsage(before)
const elapsed_ms = clock.monotonic() - start_ms
while (server.transport.paths[0] !== path) await turn()
const outcome: FullBufferOutcome = {
  sentAtOnce,
  received: phone.station.received.length - sentAtOnce,
  inOrder: phone.station.received.every(({ bytes }, n) => bytes.equals(bodyOf(n))),
  refused,
  elapsed_ms,
  cpu_ms: (user + system) / 1000,
  path: server.transport.paths[0]!,
}
tell(outcome)
await Promise.all([server.transport.close(), phone.transport.close()])
clock.close()
