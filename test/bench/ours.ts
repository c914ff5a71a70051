// Our own server, from the sources, as `sipwitches start` runs it.

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { Program, run } from '../support/program.ts'
import type { HostPort } from '../support/server-process.ts'
import { DOMAIN } from './load/text.ts'
import { type BenchSubject, FIRST_NUMBER, onCore, SERVER_CORE } from './subject.ts'

const MAIN = resolve(import.meta.dir, '../../src/main.ts')
const START_MS = 60_000
const STOP_MS = 20_000
const COMMAND_MS = 120_000

export class BenchServer implements BenchSubject {
  readonly #folder = makeFolder('bench-server')
  readonly #accounts: number
  readonly #settings: Readonly<Record<string, string>>
  readonly #options: readonly string[]
  #udp: HostPort = { host: '127.0.0.1', port: 0 }
  #program: Program | null = null

  constructor(
    accounts: number,
    settings: Readonly<Record<string, string>>,
    /** Of Bun, for profiling. */
    options: readonly string[] = [],
  ) {
    this.#accounts = accounts
    this.#settings = settings
    this.#options = options
  }

  get udp(): HostPort {
    return this.#udp
  }

  get folder(): string {
    return this.#folder
  }

  async start(): Promise<void> {
    await this.#prepare()
    const command = [process.execPath, ...this.#options, MAIN, 'start']
    this.#program = new Program(onCore(SERVER_CORE, command), {
      folder: this.#folder,
      environment: this.#environment(),
    })
    const [, host = '', port] = await this.#program.prints(/\budp:\/\/([^\s/]+):(\d+)[\s\S]*^ready$/m, START_MS)
    this.#udp = { host, port: Number(port) }
  }

  pids(): readonly number[] {
    return this.#program === null ? [] : [this.#program.pid]
  }

  get output(): string {
    return this.#program?.output ?? ''
  }

  async stop(): Promise<void> {
    this.#program?.signal('SIGTERM')
    const code = await this.#program?.exited(STOP_MS)
    if (code !== 0) throw new Error(`the server ended with ${code}\n${this.output}`)
  }

  async remove(): Promise<void> {
    this.#program?.kill()
    removeFolder(this.#folder)
  }

  async #prepare(): Promise<void> {
    const file = join(this.#folder, 'accounts.csv')
    const lines = Array.from({ length: this.#accounts }, (_, n) => {
      const number = FIRST_NUMBER + n
      return `${number},secret-${number},Extension ${number}`
    })
    writeFileSync(file, ['number,password,name', ...lines, ''].join('\n'))
    const rows = Object.entries(this.#settings).map(
      ([name, value]) => `REPLACE INTO setting (name, value) VALUES ('${name}', '${value}');`,
    )
    await this.#run([process.execPath, MAIN, 'import', file])
    await this.#run(['sqlite3', join(this.#folder, 'sipwitches.db'), rows.join('\n')])
  }

  async #run(command: readonly string[]): Promise<void> {
    const { code, output } = await run(command, {
      folder: this.#folder,
      environment: this.#environment(),
      within_ms: COMMAND_MS,
    })
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${output}`)
  }

  #environment(): Record<string, string> {
    return {
      SIPWITCHES_DATABASE: `sqlite:${join(this.#folder, 'sipwitches.db')}`,
      SIPWITCHES_LISTEN: 'udp://127.0.0.1:0,tcp://127.0.0.1:0',
      SIPWITCHES_HTTP: '127.0.0.1:0',
      SIPWITCHES_DATA: this.#folder,
      SIPWITCHES_DOMAIN: DOMAIN,
      SIPWITCHES_LOG: 'warn',
    }
  }
}
