// Runs `sipwitches` as people do: a process of its own, in a folder of its own.

import { join } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'

const MAIN = join(import.meta.dir, '..', '..', 'src', 'main.ts')
const COMMAND_MS_MAX = 30_000

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Standard input; it stays open after this, as a terminal would. */
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
}

export class Shell {
  readonly folder = makeFolder('command')

  path(name: string): string {
    return join(this.folder, name)
  }

  async run(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
    const child = Bun.spawn([process.execPath, MAIN, ...words], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, SIPWITCHES_DOMAIN: 'example.com', ...options.environment },
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      timeout: COMMAND_MS_MAX,
    })
    child.stdin.write(options.input ?? '')
    child.stdin.flush()
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    child.stdin.end()
    return { code, stdout, stderr }
  }

  /** Of a command that must succeed, the answer it gives to --json. */
  async ask(words: readonly string[], options: RunOptions = {}): Promise<unknown> {
    const { code, stdout, stderr } = await this.run([...words, '--json'], options)
    if (code !== 0) throw new Error(`sipwitches ${words.join(' ')} ended with ${code}: ${stderr}`)
    return JSON.parse(stdout)
  }

  remove(): void {
    removeFolder(this.folder)
  }
}
