// Promise P2: what was acknowledged with 200 is there after kill -9. Phones register as fast as they can, the server is
// killed at a random moment of that, started again, and every phone that has its 200 is called.

import { beforeAll, expect, test } from 'bun:test'
import { requirePrograms } from '../support/programs.ts'
import { Random } from '../support/random.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'

const PHONES = 1000
const PHONES_PER_SECOND = 800
const CALLS_PER_SECOND = 200
const ROUNDS = Number(process.env.SIPWITCHES_TEST_KILLS ?? 3)
const ROUND_MS = 60_000
/** SIGKILL must come while there is still something to lose. */
const LAST_ACKNOWLEDGED = PHONES - 100

const seed = Number(process.env.SIPWITCHES_TEST_SEED ?? crypto.getRandomValues(new Uint32Array(1))[0])

beforeAll(requirePrograms, ROUND_MS)

async function killedWhileRegistering(server: ServerProcess, moment: number): Promise<void> {
  const phones = accounts(10_000, PHONES)
  const bank = await SippPhones.of(server)
  const registering = await bank.startRegistering(phones, { perSecond: PHONES_PER_SECOND })
  await registering.logged(moment)
  await server.kill()
  registering.stop()
  // Nothing more can be acknowledged: what SIPp has logged by its end is all that was promised.
  const acknowledged = (await registering.ended()).log
  expect(acknowledged.length).toBeGreaterThanOrEqual(moment)
  expect(acknowledged.length).toBeLessThan(PHONES)

  await server.restart()
  const kept = new Set(await server.registeredNumbers())
  expect(acknowledged.filter((number) => !kept.has(number))).toEqual([])

  const answering = await bank.take('answer', acknowledged.length)
  const callers = await SippPhones.of(server)
  const from = acknowledged.map(() => phones[0]!)
  await callers.call('call', { from, to: acknowledged, perSecond: CALLS_PER_SECOND })
  const { log } = await answering.succeeded()
  expect(log.toSorted()).toEqual(acknowledged.toSorted())
}

const random = new Random(seed)
for (let round = 1; round <= ROUNDS; round++) {
  const moment = 1 + random.below(LAST_ACKNOWLEDGED)
  const replay = `SIPWITCHES_TEST_SEED=${seed}`
  test(
    `kill -9 after ${moment} acknowledged registrations loses none of them (round ${round}, ${replay})`,
    async () => {
      await serving({ accounts: accounts(10_000, PHONES), settings: MD5_ONLY }, (server) =>
        killedWhileRegistering(server, moment),
      )
    },
    ROUND_MS,
  )
}
