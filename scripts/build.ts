// `bun run build`: the whole program as one file, dist/sipwitches-<os>-<arch>, with the worker, the WASM core and the
// SQL schema inside. Runs it once, far from the checkout, to see that it is whole.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commit, VERSION } from '../src/version.ts'
import { buildWasm } from './wasm.ts'

const ROOT = join(import.meta.dir, '..')
const OS = process.platform === 'win32' ? 'windows' : process.platform
const OUTPUT = join(ROOT, 'dist', `sipwitches-${OS}-${process.arch}`)

async function compile(commitId: string): Promise<string> {
  const built = await Bun.build({
    // A worker is found in a compiled program only when it is an entry point too.
    entrypoints: [join(ROOT, 'src/main.ts'), join(ROOT, 'src/store/worker.ts')],
    // Paths inside are relative to src/, as DATABASE_WORKER in config.ts expects.
    root: join(ROOT, 'src'),
    define: { SIPWITCHES_COMMIT: JSON.stringify(commitId) },
    // With a map inside, so that the stack in a log line names the source.
    sourcemap: 'inline',
    // What lies in the folder that the server is started from must not change what it does.
    compile: { outfile: OUTPUT, autoloadDotenv: false, autoloadBunfig: false },
  })
  for (const message of built.logs) console.error(message)
  // The maps are inside; what lies beside them is a copy.
  for (const { kind, path } of built.outputs) if (kind === 'sourcemap') rmSync(path, { force: true })
  const program = built.outputs.find(({ kind }) => kind === 'entry-point')
  if (!built.success || program === undefined) throw new Error('nothing was built')
  return program.path
}

/** An empty folder and no environment: what it needs, it must have within itself. */
function verify(program: string, commitId: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'sipwitches-build-'))
  try {
    const run = Bun.spawnSync([program, 'version', '--json'], { cwd: folder, env: {} })
    const said = run.stdout.toString()
    if (!run.success) throw new Error(`the built program fails: ${said}${run.stderr}`)
    const { version: builtVersion, commit: builtCommit } = JSON.parse(said)
    if (builtVersion !== VERSION || builtCommit !== commitId)
      throw new Error(`it says to be another: ${said}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

await buildWasm()
// An image is built without .git, and is told.
const commitId = process.env.SIPWITCHES_COMMIT || commit()
const program = await compile(commitId)
verify(program, commitId)
const megabytes = (Bun.file(program).size / 1e6).toFixed(0)
console.log(`${program}  ${VERSION} (${commitId}), ${megabytes} MB`)
