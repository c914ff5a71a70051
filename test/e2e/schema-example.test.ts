// The example of docs/schema.md, typed as it stands there: the phone of that extension registers and is called.

import { beforeAll, expect, test } from 'bun:test'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { documentExample } from '../house/source.ts'
import { ACTS_WITHIN_MS } from '../store/watcher.ts'
import { run } from '../support/program.ts'
import { requirePrograms } from '../support/programs.ts'
import { accounts, type HostPort, serving } from '../support/server-process.ts'
import { WirePhone } from '../support/wire.ts'
import { WireAccount } from '../support/wire-account.ts'

const TEST_MS = 60_000
const SHELL_MS = 10_000
/** As the example has it. */
const ANN = { number: '103', password: 'open sesame' }

beforeAll(requirePrograms, TEST_MS)

/** How one try to register ends, by the algorithm named. */
async function registers(server: HostPort, algorithm: string): Promise<string> {
  const phone = await WirePhone.udp(server)
  const wire = new WireAccount(phone, ANN)
  wire.sendsRegister({ cseq: 1 })
  const authorization = wire.authorization(await wire.challenged(algorithm))
  wire.sendsRegister({ cseq: 2, authorization })
  const outcome = await phone.expects('200').then(
    () => '200',
    (error: unknown) => String(error).match(/SIP\/2\.0 (\d+)/)?.[1] ?? String(error),
  )
  phone.close()
  return outcome
}

test(
  'an extension added by sqlite3 registers within a second, though it was refused just before',
  async () => {
    await serving({ accounts: accounts(1000, 1) }, async (server) => {
      expect(await registers(server.udp, 'SHA-256')).toBe('403')
      symlinkSync(server.folder, join(server.folder, 'data'))
      const typed = await run(['sh', '-ec', documentExample('docs/schema.md', 'sh')], {
        folder: server.folder,
        within_ms: SHELL_MS,
      })
      const committed = performance.now()
      expect(typed).toEqual({ code: 0, output: '' })
      let outcome = ''
      do outcome = await registers(server.udp, 'SHA-256')
      while (outcome !== '200' && performance.now() - committed < ACTS_WITHIN_MS)
      expect(outcome).toBe('200')
      expect(await registers(server.udp, 'MD5')).toBe('200')
      expect(new Set(await server.registeredNumbers())).toEqual(new Set([ANN.number]))
    })
  },
  TEST_MS,
)
