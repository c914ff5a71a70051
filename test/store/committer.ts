// A program of its own that commits one binding after the other and prints the number of each one when it is
// acknowledged, until it is killed.

import { writeSync } from 'node:fs'
import { SystemClock } from '../../src/clock.ts'
import { SqlStore } from '../../src/store/client.ts'
import { binding, save } from './binding.ts'

/** Commits under way at once. */
const LANES = 20
/** Far more than are made before the test kills it. */
const BINDINGS_MAX = 1_000_000

const clock = new SystemClock((error) => {
  throw error
})
const store = new SqlStore(process.argv[2] ?? '', clock, {
  onInvalidation() {},
  onAvailability() {},
  onNotice() {},
})
await store.boot()

async function commitAll(lane: number): Promise<void> {
  for (let n = lane; n < BINDINGS_MAX; n += LANES) {
    await store.commit([save(binding(1, `phone${n}`))])
    // Written at once: what is printed was acknowledged.
    writeSync(1, `${n}\n`)
  }
}

await Promise.all(Array.from({ length: LANES }, (_, lane) => commitAll(lane)))
