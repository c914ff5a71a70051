// Runs a script of the tests where there is no network but a loopback of its own: what it feeds to a server names hosts
// that must never be reached.

import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { Program } from './program.ts'
import { accounts, ServerProcess } from './server-process.ts'

const MARK = 'outcome: '

/** What the script hands to `tell`. It must end by itself, with 0, within the time. */
export async function runIsolated(script: string, args: readonly string[], ms: number): Promise<unknown> {
  const path = join(import.meta.dir, script)
  const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, path, ...args]
  // In a process namespace the server cannot outlive the script, however that ends.
  const namespaces = ['unshare', '--net', '--pid', '--fork', '--kill-child']
  const program = new Program([...namespaces, ...inside], { folder: import.meta.dir })
  const code = await program.exited(ms)
  const line = program.output.split('\n').findLast((each) => each.startsWith(MARK))
  if (code !== 0 || line === undefined) throw new Error(`${script} ended with ${code}\n${program.output}`)
  return JSON.parse(line.slice(MARK.length))
}

/** The script's outcome, for the test that runs it. */
export function tell(outcome: unknown): void {
  console.log(`${MARK}${JSON.stringify(outcome)}`)
}

/** What a server must not show, however it was treated. */
export interface Damage {
  readonly defects: number
  readonly stackTraces: readonly string[]
}

/** The server of test/fixture/README.md: it answers for example.com; its one extension is unknown to senders. */
export async function servingExample(scene: (server: ServerProcess) => Promise<void>): Promise<Damage> {
  const server = new ServerProcess({ accounts: accounts(101, 1) })
  try {
    await server.prepare()
    addDomain(server)
    await server.start()
    await scene(server)
    const defects = metric(await server.metrics(), 'sipwitches_defects_total')
    await server.stop()
    return { defects, stackTraces: server.log.match(/^.*\bat .*\.ts:\d+.*$/gm) ?? [] }
  } catch (problem) {
    server.showLog()
    throw problem
  } finally {
    await server.remove()
  }
}

function addDomain(server: ServerProcess): void {
  const database = new Database(server.databaseFile, { readwrite: true })
  try {
    database.run("INSERT INTO domain (name, realm) VALUES ('example.com', 'example.com')")
  } finally {
    database.close()
  }
}

/** One sample without labels. */
export function metric(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)
  if (match === null) throw new Error(`no ${name} in the metrics`)
  return Number(match[1])
}
