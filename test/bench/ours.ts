// Our own server, from the sources, as `sipwitches start` runs it.

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, readIfThere, removeFolder } from '../support/folder.ts'
import { Program } from '../support/program.ts'
import type { HostPort } from '../support/server-process.ts'
import { DOMAIN } from './load/text.ts'
import { type BenchSubject, FIRST_NUMBER, onCore, SERVER_CORE } from './subject.ts'

const MAIN = resolve(import.meta.dir, '../../src/main.ts')
const START_MS = 120_000
const STOP_MS = 20_000
const COMMAND_MS = 600_000
const METRICS_MS = 10_000

/** What SIPp and the scenarios want: MD5, and callers from elsewhere. */
const ALWAYS = { auth_algorithms: 'MD5', stranger_methods: 'OPTIONS,INVITE,MESSAGE' }
const IN_MEMORY = { registration_storage: 'memory', call_records: 'none' }

export interface BenchServerOptions {
  readonly accounts: number
  /** As it is by default; otherwise bindings are in memory, and calls leave no record. */
  readonly durable: boolean
  /** Of Bun, for profiling. */
  readonly runtime?: readonly string[]
  /** Bun tells each pause of its garbage collection. */
  readonly tellsPauses?: boolean
}

export class BenchServer implements BenchSubject {
  readonly folder = makeFolder('bench-server')
  readonly #options: BenchServerOptions
  #udp: HostPort = { host: '127.0.0.1', port: 0 }
  #tcp: HostPort = { host: '127.0.0.1', port: 0 }
  #http = ''
  #program: Program | null = null
  #pausesRead = 0

  constructor(options: BenchServerOptions) {
    this.#options = options
  }

  get udp(): HostPort {
    return this.#udp
  }

  get pid(): number {
    if (this.#program === null) throw new Error('it was not started')
    return this.#program.pid
  }

  get tcp(): HostPort {
    return this.#tcp
  }

  get databaseUrl(): string {
    return `sqlite:${this.#database}`
  }

  async start(): Promise<void> {
    await this.prepare()
    await this.startPrepared()
  }

  /** Accounts and settings, before the start. */
  async prepare(): Promise<void> {
    const { accounts, durable } = this.#options
    const file = join(this.folder, 'accounts.csv')
    const lines = Array.from({ length: accounts }, (_, n) => {
      const number = FIRST_NUMBER + n
      return `${number},secret-${number},Extension ${number}`
    })
    writeFileSync(file, ['number,password,name', ...lines, ''].join('\n'))
    const rows = Object.entries(durable ? ALWAYS : { ...ALWAYS, ...IN_MEMORY }).map(
      ([name, value]) => `REPLACE INTO setting (name, value) VALUES ('${name}', '${value}');`,
    )
    await this.#run([process.execPath, MAIN, 'import', file])
    await this.#run(['sqlite3', this.#database, rows.join('\n')])
  }

  async startPrepared(): Promise<void> {
    const command = [process.execPath, ...(this.#options.runtime ?? []), MAIN, 'start']
    const { tellsPauses = false } = this.#options
    // A pipe that nobody empties in time would hold the server up.
    const telling = tellsPauses ? ['sh', '-c', 'exec "$@" 2>"$0"', this.#pauses, ...command] : command
    this.#program = this.#spawn(onCore(SERVER_CORE, telling))
    await this.#program.prints(/^ready$/m, START_MS).catch((problem: unknown) => {
      throw new Error(`${problem}\n${lastWords(readIfThere(this.#pauses))}`, { cause: problem })
    })
    this.#udp = this.#announced(/\budp:\/\/([^\s/]+):(\d+)/)
    this.#tcp = this.#announced(/\btcp:\/\/([^\s/]+):(\d+)/)
    const { host, port } = this.#announced(/\bhttp:\/\/([^\s/]+):(\d+)/)
    this.#http = `http://${host}:${port}`
  }

  pids(): readonly number[] {
    return this.#program === null ? [] : [this.#program.pid]
  }

  get output(): string {
    return this.#program?.output ?? ''
  }

  /** The longest that its event loop stood still since this was asked before. */
  async longestStall_ms(): Promise<number> {
    const answer = await fetch(`${this.#http}/metrics`, { signal: AbortSignal.timeout(METRICS_MS) })
    const found = /^sipwitches_event_loop_delay_seconds\{quantile="1"\} (\S+)/m.exec(await answer.text())
    return Number(found?.[1]) * 1000
  }

  /** The longest pause of the garbage collection since this was asked before, where they are told. */
  longestPause_ms(): number {
    const told = readIfThere(this.#pauses)
    const fresh = told.slice(this.#pausesRead)
    this.#pausesRead = told.length
    return Math.max(0, ...[...fresh.matchAll(/\bp=([\d.]+)ms/g)].map(([, pause]) => Number(pause)))
  }

  async stop(): Promise<void> {
    this.#program?.signal('SIGTERM')
    const code = await this.#program?.exited(STOP_MS)
    if (code !== 0) throw new Error(`the server ended with ${code}\n${this.output}`)
  }

  async remove(): Promise<void> {
    this.#program?.kill()
    await this.#program?.exited(STOP_MS).catch(() => {})
    removeFolder(this.folder)
  }

  get #pauses(): string {
    return join(this.folder, 'pauses.log')
  }

  get #database(): string {
    return join(this.folder, 'sipwitches.db')
  }

  #announced(pattern: RegExp): HostPort {
    const [, host, port] = pattern.exec(this.output) ?? []
    if (host === undefined || port === undefined) throw new Error(`no ${pattern} in\n${this.output}`)
    return { host, port: Number(port) }
  }

  async #run(command: readonly string[]): Promise<void> {
    this.#program = this.#spawn(command)
    const code = await this.#program.exited(COMMAND_MS)
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${this.output}`)
  }

  #spawn(command: readonly string[]): Program {
    return new Program(command, {
      folder: this.folder,
      environment: {
        SIPWITCHES_DATABASE: this.databaseUrl,
        SIPWITCHES_LISTEN: 'udp://127.0.0.1:0,tcp://127.0.0.1:0',
        SIPWITCHES_HTTP: '127.0.0.1:0',
        SIPWITCHES_DATA: this.folder,
        SIPWITCHES_DOMAIN: DOMAIN,
        SIPWITCHES_LOG: 'warn',
        ...(this.#options.tellsPauses ? { BUN_JSC_logGC: '1' } : {}),
      },
    })
  }
}

/** What a server said beside its pauses. */
function lastWords(told: string): string {
  return told
    .split('\n')
    .filter((line) => /^(?:sipwitches|\{)/.test(line))
    .join('\n')
}
