// The program started while its MariaDB is not there.

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { resolve } from 'node:path'
import { within } from '../support/deadline.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { MariaDb } from '../support/mariadb.ts'
import { Program } from '../support/program.ts'

const MAIN = resolve(import.meta.dir, '../../src/main.ts')
const START_MS = 30_000
const EXIT_MS = 20_000
const BACK_MS = 30_000
/** As a phone of extension 1 would have left it. */
const BINDING = `
  INSERT INTO binding (extension_id, contact, contact_key, call_id, cseq, q, expires_at, registered_at, user_agent,
      instance, path, source, local, natted)
    VALUES (1, '<sip:101@192.0.2.7>', 'sip:101@192.0.2.7', 'x', 1, 1, UTC_TIMESTAMP() + INTERVAL 1 HOUR,
      UTC_TIMESTAMP(), '', '', '', 'udp:192.0.2.7:5060', 'udp:192.0.2.1:5060', 0)`

let server: MariaDb
let folder: string

beforeAll(async () => {
  server = await MariaDb.start()
  folder = makeFolder('snapshot')
}, 120_000)
afterAll(async () => {
  removeFolder(folder)
  await server.close()
}, 120_000)

function start(data = folder): Program {
  return new Program([process.execPath, MAIN, 'start'], {
    folder: data,
    environment: {
      SIPWITCHES_DATABASE: server.url,
      SIPWITCHES_LISTEN: 'udp://127.0.0.1:0',
      SIPWITCHES_HTTP: '127.0.0.1:0',
      SIPWITCHES_DATA: data,
      SIPWITCHES_DOMAIN: 'test.example',
    },
  })
}

async function httpOf(program: Program): Promise<string> {
  await program.prints(/^ready$/m, START_MS)
  return /^http (\S+)$/m.exec(program.output)?.[1] ?? ''
}

/** Asked again until it says so. */
async function says(url: string, pattern: RegExp, ms: number): Promise<string> {
  let text = ''
  const ask = async () => {
    while (!pattern.test(text)) text = await (await fetch(url, { signal: AbortSignal.timeout(ms) })).text()
    return text
  }
  return within(ms, () => `${pattern} from ${url}, only ${text}`, ask())
}

test('a start without the database goes on from the snapshot, says so, and comes back by itself', async () => {
  const first = start()
  await httpOf(first)
  first.signal('SIGTERM')
  expect(await first.exited(EXIT_MS)).toBe(0)
  await server.admin(BINDING, 'sipwitches')
  const second = start()
  await says(`${await httpOf(second)}/metrics`, /^sipwitches_snapshot_age_seconds /m, START_MS)
  second.signal('SIGKILL')
  await second.exited(EXIT_MS)

  await server.kill()
  const third = start()
  try {
    const http = await httpOf(third)
    expect(third.output).toMatch(/^database away: /m)
    expect(third.output).toMatch(/^started from the snapshot of 20\d\d-/m)
    expect(third.output).toMatch(/^extensions 2$/m)
    expect(third.output).not.toContain('geheim')
    const readiness = await fetch(`${http}/readyz`)
    expect(readiness.status).toBe(200)
    expect(await readiness.json()).toMatchObject({
      status: 'degraded',
      reasons: [expect.any(String), expect.stringMatching(/started from the snapshot of 20/)],
    })
    await says(`${http}/metrics`, /^sipwitches_bindings 1$/m, START_MS)
    await says(`${http}/metrics`, /^sipwitches_database_up 0$/m, START_MS)
    await server.restart()
    await says(`${http}/readyz`, /"status":"ready"/, BACK_MS)
    await says(`${http}/metrics`, /^sipwitches_database_up 1$/m, START_MS)
  } finally {
    third.signal('SIGTERM')
    expect(await third.exited(EXIT_MS)).toBe(0)
  }
}, 180_000)

test('a first start without the database ends with one sentence', async () => {
  const empty = makeFolder('snapshot')
  server.freeze()
  try {
    const program = start(empty)
    expect(await program.exited(START_MS)).toBe(69)
    expect(program.output.trim().split('\n')).toEqual([expect.stringMatching(/does not answer|not answer/)])
  } finally {
    server.thaw()
    removeFolder(empty)
  }
}, 60_000)
