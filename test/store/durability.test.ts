import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { openProvisioning } from '../../src/store/open-provisioning.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Program } from '../support/program.ts'
import { ROWS } from './binding.ts'

const COMMITTER = join(import.meta.dir, 'committer.ts')

/** After how many acknowledgements it is killed: in the middle of a commit, each time of another one. */
const KILLED_AFTER = [1, 57, 400]

for (const count of KILLED_AFTER) {
  test(`what was acknowledged outlives kill -9 after ${count} acknowledgements`, async () => {
    const folder = makeFolder('durability')
    try {
      const path = join(folder, 'sipwitches.db')
      await (await openProvisioning(`sqlite:${path}`, { create: true })).close()
      const database = new Database(path, { create: false, readwrite: true })
      database.run(ROWS)
      const program = new Program([process.execPath, COMMITTER, `sqlite:${path}`], { folder })
      await program.prints(new RegExp(`(?:\\d+\\n){${count}}`), 10_000)
      program.signal('SIGKILL')
      await program.exited(10_000)
      const acknowledged = program.output.split('\n').slice(0, -1)
      const kept = new Set(database.query('SELECT contact_key FROM binding').values().flat())
      database.close()
      expect(acknowledged.length).toBeGreaterThanOrEqual(count)
      expect(acknowledged.filter((n) => !kept.has(`sip:phone${n}@192.0.2.7:5071`))).toEqual([])
    } finally {
      removeFolder(folder)
    }
  }, 30_000)
}
