// The call detail record of a real call, read as an administrator would.

import { beforeAll, expect, test } from 'bun:test'
import { run } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, type ServerProcess, serving } from '../support/server-process.ts'
import { MD5_ONLY, SippPhones } from '../support/sipp-phones.ts'

const TEST_MS = 60_000
const QUERY_MS = 10_000
const RING_MS = 300
const TALK_MS = 1200

beforeAll(requirePrograms, TEST_MS)

async function query(server: ServerProcess, sql: string): Promise<readonly Record<string, unknown>[]> {
  const asked = ['sqlite3', '-json', server.databaseFile, sql]
  const { code, output } = await run(asked, { folder: server.folder, within_ms: QUERY_MS })
  expect({ code, output }).toMatchObject({ code: 0 })
  return output.trim() === '' ? [] : JSON.parse(output)
}

test(
  'says who called whom, who answered and how long they talked; a refused one says why',
  async () => {
    const [caller, callee] = accounts(1000, 2)
    if (caller === undefined || callee === undefined) throw new Error('two accounts')
    await serving({ accounts: [caller, callee], settings: MD5_ONLY }, async (server) => {
      const called = await SippPhones.of(server)
      await called.register([callee])
      const answering = await called.take('answer', 1, RING_MS)
      const calling = await SippPhones.of(server)
      await calling.call('call', { from: [caller], to: [callee.number], pause_ms: TALK_MS })
      await answering.succeeded()
      await calling.call('call-refused', { from: [caller], to: ['699'], status: '404' })
      expect(await server.metrics()).toMatch(/^sipwitches_call_records_lost_total 0$/m)
      // What is pending is written before it ends.
      await server.stop()

      const [talk, refusal, ...more] = await query(server, 'SELECT * FROM v1_call ORDER BY started_at')
      expect(more).toEqual([])
      expect(talk).toMatchObject({
        domain: server.domain,
        caller: caller.number,
        caller_name: `Extension ${caller.number}`,
        dialled: callee.number,
        outcome: 'answered',
        status: 200,
        reason: '',
        duration_s: 1,
      })
      expect(talk?.answered_by).toStartWith(
        `sip:${callee.number}@${called.address.host}:${called.address.port}`,
      )
      const times = [talk?.started_at, talk?.ringing_at, talk?.answered_at, talk?.ended_at]
      expect(times.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(time)))).toBe(true)
      expect(times.toSorted()).toEqual(times)
      expect(refusal).toMatchObject({
        ...{ dialled: '699', outcome: 'failed', status: 404, reason: 'nobody has this number' },
        ...{ answered_by: '', ringing_at: null, answered_at: null, duration_s: null },
      })
    })
  },
  TEST_MS,
)
