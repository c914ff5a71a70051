// The spool on a disk that is full to the last byte. It is mounted here and not in a namespace: SQLite, which runs in
// this process, finds no file through another's.

import { afterEach, beforeEach, expect, test } from 'bun:test'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseProblem } from '../../src/store/driver.ts'
import { Spool } from '../../src/store/spool.ts'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { run } from '../support/program.ts'
import { whyNoSmallDisk } from '../support/small-disk.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { binding, save } from './binding.ts'

const MOUNT_MS = 10_000
/** Of what 8 MB in reserve must hold. */
const WRITES_LEAST = 5000
const WRITES_MOST = 50_000

let disk: string
let spool: Spool

const why = whyNoSmallDisk()

beforeEach(async () => {
  if (why !== null) return
  disk = makeFolder('disk')
  await mount('mount', '-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk)
  spool = new Spool({
    path: join(disk, 'spool.db'),
    database: 'x',
    clock: new VirtualClock(),
    limit_bytes: Number.POSITIVE_INFINITY,
    onNotice() {},
  })
})
afterEach(async () => {
  if (why !== null) return
  spool.close()
  await mount('umount', disk)
  removeFolder(disk)
})

async function mount(...command: readonly string[]): Promise<void> {
  const { code, output } = await run(command, { folder: '/', within_ms: MOUNT_MS })
  if (code !== 0) throw new Error(output)
}

const filler = () => join(disk, 'filler')

function fill(): void {
  const file = openSync(filler(), 'a')
  try {
    for (;;) writeSync(file, Buffer.alloc(4096, 1))
  } catch {
    closeSync(file)
  }
}

/** Until it refuses; how many it took. */
function writeAll(name: string): number {
  for (let n = 0; n < WRITES_MOST; n++) {
    try {
      spool.append([save(binding(1, `${name}${n}`))])
    } catch (error) {
      expect(error).toBeInstanceOf(DatabaseProblem)
      expect(String(error)).toContain('is full. Make room')
      return n
    }
  }
  return WRITES_MOST
}

function drainAll(): number {
  let drained = 0
  for (;;) {
    const seqs = spool.first(500).map(({ seq }) => seq)
    if (seqs.length === 0) return drained
    spool.remove(seqs)
    drained += seqs.length
  }
}

test.skipIf(why !== null)(
  `takes writes from its reserve, refuses the rest, is emptied and filled again${why === null ? '' : ` (${why})`}`,
  () => {
    fill()
    const taken = writeAll('a')
    expect(taken).toBeGreaterThan(WRITES_LEAST)
    expect(spool.rows).toBe(taken)
    expect(drainAll()).toBe(taken)
    expect(writeAll('b')).toBeGreaterThan(WRITES_LEAST)
    // Room again: no need for the reserve.
    rmSync(filler())
    spool.append([save(binding(1, 'c'))])
    expect(drainAll()).toBeGreaterThan(WRITES_LEAST)
  },
  60_000,
)
