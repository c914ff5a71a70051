// A hundred thousand phones: what it costs to import their numbers, and to start on them. Held to CPU time, which is
// nearly the same on a busy machine; the promise in seconds (20 for an import, 3 for a start) is measured by
// `bun run scale`.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import { join } from 'node:path'
import { importNumbers, PHONES, register, startOnce } from '../scale/phones.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { MariaDb } from '../support/mariadb.ts'

const TEST_MS = 300_000
/** Of the command and of the database server together. */
const IMPORT_CPU_MS = 15_000
/** Most of it is MariaDB's own, which was seen to take 10 to 17 s for the same work on one machine. */
const IMPORT_MARIADB_CPU_MS = 30_000
const START_CPU_MS = 6000

let folder: string
beforeEach(() => {
  folder = makeFolder('scale')
})
afterEach(() => removeFolder(folder))

test(
  'with SQLite',
  async () => {
    const url = `sqlite:${join(folder, 'sipwitches.db')}`
    expect((await importNumbers(folder, url, PHONES)).cpu_ms).toBeLessThan(IMPORT_CPU_MS)
    await register(url, PHONES)
    expect((await startOnce(folder, url, 0)).cpu_ms).toBeLessThan(START_CPU_MS)
  },
  TEST_MS,
)

test(
  'with MariaDB',
  async () => {
    const mariadb = await MariaDb.start()
    try {
      const before_ms = mariadb.cpu_ms
      const { cpu_ms } = await importNumbers(folder, mariadb.url, PHONES)
      expect(cpu_ms + mariadb.cpu_ms - before_ms).toBeLessThan(IMPORT_MARIADB_CPU_MS)
      await register(mariadb.url, PHONES)
      expect((await startOnce(folder, mariadb.url, 0)).cpu_ms).toBeLessThan(START_CPU_MS)
    } finally {
      await mariadb.close()
    }
  },
  TEST_MS,
)
