// Builds build/core.wasm from wasm/ when it is stale: `bun scripts/wasm.ts`.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BASE, MEMORY_PAGES } from '../wasm/layout.ts'

const ROOT = join(import.meta.dir, '..')
const OUTPUT = join(ROOT, 'build/core.wasm')
const OUTPUT_HASH = `${OUTPUT}.hash`

// No runtime and no imports, so that the core can do nothing but compute; a fixed memory, since growing it would
// detach the host's views; no assertions, since the core only ever touches the regions of layout.ts.
const FLAGS = [
  ['--runtime', 'stub'],
  ['--use', 'abort='],
  ['--enable', 'simd'],
  ['--initialMemory', String(MEMORY_PAGES)],
  ['--maximumMemory', String(MEMORY_PAGES)],
  ['--lowMemoryLimit', String(BASE)],
  ['-O3', '--noAssert'],
].flat()

/** Everything that the result depends on. */
function hashSources(): string {
  const hash = createHash('sha256')
  const folder = join(ROOT, 'wasm')
  for (const name of readdirSync(folder).sort()) hash.update(name).update(readFileSync(join(folder, name)))
  hash.update(readFileSync(join(ROOT, 'node_modules/assemblyscript/package.json')))
  return hash.update(FLAGS.join(' ')).digest('hex')
}

function isFresh(hash: string): boolean {
  return existsSync(OUTPUT) && existsSync(OUTPUT_HASH) && readFileSync(OUTPUT_HASH, 'utf8') === hash
}

/**
 * Silent when there is nothing to do. Where the sources are wrong it prints what asc says and ends the process.
 * Several processes may build at once: each writes under a name of its own, and the last rename wins.
 */
export async function buildWasm(): Promise<void> {
  const hash = hashSources()
  if (isFresh(hash)) return
  mkdirSync(join(ROOT, 'build'), { recursive: true })
  const unfinished = `build/core.${process.pid}.wasm`
  // A process of its own: asc's types would declare `min`, `i32` and hundreds more as globals of the whole program.
  const asc = Bun.spawn(
    [
      process.execPath,
      'node_modules/assemblyscript/bin/asc.js',
      'wasm/index.ts',
      '--outFile',
      unfinished,
      ...FLAGS,
    ],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  if ((await asc.exited) !== 0) process.exit(1)
  renameSync(join(ROOT, unfinished), OUTPUT)
  writeFileSync(`${OUTPUT_HASH}.${process.pid}`, hash)
  renameSync(`${OUTPUT_HASH}.${process.pid}`, OUTPUT_HASH)
}

if (import.meta.main) await buildWasm()
