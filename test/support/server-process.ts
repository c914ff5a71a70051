// The real server as its own process, in a fresh folder and on free ports, as an operator would start it.

import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as v from 'valibot'
import { passes } from './deadline.ts'
import { makeFolder, removeFolder } from './folder.ts'
import type { Host } from './namespace.ts'
import { Program, run } from './program.ts'
import { SqlShell } from './sql-shell.ts'
import type { Subject } from './subject.ts'

const CHECKOUT = resolve(import.meta.dir, '../..')
const START_MS = 20_000
const STOP_MS = 10_000
const COMMAND_MS = 30_000
const LOOK_EVERY_MS = 20
/** The last of the log that is shown when a test fails. */
const LOG_SHOWN_CHARACTERS = 20_000

export interface Account {
  readonly number: string
  readonly password: string
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface ServerOptions {
  readonly accounts?: readonly Account[]
  /** Rows of the table `setting`, written before the start. */
  readonly settings?: Readonly<Record<string, string>>
  /** The port to listen at, for UDP and TCP; left out, the server picks two and says which. */
  readonly port?: number
  /** A host of a test's own network to run on, instead of the loopback. */
  readonly host?: Host
  /** A compiled server to run instead of the sources. */
  readonly binary?: string
  /** URL of the database; left out, a file in the server's folder. */
  readonly database?: string | undefined
  /** How its programs reach that database, where the server itself is to go another way. */
  readonly shell?: string
  /** Where the server keeps what is its own, instead of the folder with its database. */
  readonly data?: string
  /** Level of the log; `info` tells of each registration. */
  readonly log?: 'info' | 'warn'
}

const READINESS = v.object({ status: v.string(), reasons: v.array(v.string()), since: v.string() })
export type Readiness = v.InferOutput<typeof READINESS>

/** Accounts from..from+count-1, each with a password of its own. */
export function accounts(from: number, count: number): Account[] {
  return Array.from({ length: count }, (_, index) => ({
    number: String(from + index),
    password: `secret-${from + index}`,
  }))
}

export class ServerProcess implements Subject {
  readonly domain = 'test.example'
  readonly folder = makeFolder('server')
  readonly #options: ServerOptions
  readonly #guests: { kill(): void }[] = []
  #program: Program | null = null
  #earlierLog = ''
  #udp: HostPort
  #tcp: HostPort
  #http: HostPort = { host: '127.0.0.1', port: 0 }

  constructor(options: ServerOptions) {
    this.#options = options
    const host = options.host?.address ?? '127.0.0.1'
    const { port = 0 } = options
    this.#udp = { host, port }
    this.#tcp = { host, port }
  }

  get udp(): HostPort {
    return this.#udp
  }

  get tcp(): HostPort {
    return this.#tcp
  }

  get baseUrl(): string {
    return `http://${this.#http.host}:${this.#http.port}`
  }

  get database(): string {
    return this.#options.database ?? `sqlite:${this.databaseFile}`
  }

  /** The file that the database is in, where it is left to the server. */
  get databaseFile(): string {
    return join(this.folder, 'sipwitches.db')
  }

  get pid(): number {
    return this.#running().pid
  }

  get running(): boolean {
    return this.#program?.running ?? false
  }

  /** Output of this and of earlier runs. */
  get log(): string {
    return this.#earlierLog + (this.#program?.output ?? '')
  }

  /** Ports 0 at first; after that the ports it was given then, so that phones find it again. */
  async start(): Promise<void> {
    const program = new Program(this.#command('start'), {
      folder: this.folder,
      environment: this.#environment(),
    })
    this.#program = program
    await program.prints(/^ready$/m, START_MS)
    this.#udp = this.#announced(/\budp:\/\/([^\s/]+):(\d+)/)
    this.#tcp = this.#announced(/\btcp:\/\/([^\s/]+):(\d+)/)
    this.#http = this.#announced(/\bhttp:\/\/([^\s/]+):(\d+)/)
  }

  /** Writes the database before the first start: commands work with the server stopped. */
  async prepare(): Promise<void> {
    const { accounts = [], settings = {} } = this.#options
    const file = join(this.folder, 'accounts.csv')
    const lines = accounts.map(({ number, password }) => `${number},${password},Extension ${number}`)
    writeFileSync(file, ['number,password,name', ...lines, ''].join('\n'))
    await this.cli('import', file)
    for (const [name, value] of Object.entries(settings)) await this.set(name, value)
  }

  /** Writes a live setting as any SQL client would. */
  async set(name: string, value: string): Promise<void> {
    const shell = await this.shell()
    await shell.run(`REPLACE INTO setting (name, value) VALUES ('${name}', '${value}');`)
    await shell.close()
  }

  /** The program with which an administrator writes to the database, whether the server runs or not. */
  async shell(): Promise<SqlShell> {
    const { host, shell: url = this.database } = this.#options
    const shell = await SqlShell.open(url, this.folder, host?.enter)
    this.takesWithIt(shell)
    return shell
  }

  /** Ends it as a service manager (SIGTERM) or a terminal (SIGINT) does: it must end by itself, and well. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<void> {
    const program = this.#running()
    program.signal(signal)
    const code = await program.exited(STOP_MS)
    if (code !== 0) throw new Error(`the server ended with ${code} on ${signal}`)
  }

  /** SIGKILL: it has no say in it. */
  async kill(): Promise<void> {
    const program = this.#running()
    program.kill()
    await program.exited(STOP_MS)
  }

  /** Starts again after `stop` or `kill`: same database, same ports. */
  async restart(): Promise<void> {
    this.#earlierLog = this.log
    await this.start()
  }

  /** Runs a command of the program on this server's database; its output, or an error when it fails. */
  async cli(...args: readonly string[]): Promise<string> {
    const [command, ...rest] = args
    if (command === undefined) throw new Error('no command')
    const { code, output } = await run(this.#command(command, ...rest), {
      folder: this.folder,
      environment: this.#environment(),
      within_ms: COMMAND_MS,
    })
    if (code !== 0) throw new Error(`sipwitches ${args.join(' ')} ended with ${code}\n${output}`)
    return output
  }

  async registeredNumbers(): Promise<string[]> {
    const rows: readonly { readonly number: string }[] = JSON.parse(await this.cli('registrations', '--json'))
    return rows.map(({ number }) => number)
  }

  async metrics(): Promise<string> {
    const response = await fetch(`${this.baseUrl}/metrics`, { signal: AbortSignal.timeout(COMMAND_MS) })
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`)
    return await response.text()
  }

  /** What `/readyz` says. */
  async readiness(): Promise<Readiness> {
    const response = await fetch(`${this.baseUrl}/readyz`, { signal: AbortSignal.timeout(COMMAND_MS) })
    return v.parse(READINESS, await response.json())
  }

  /** How long it took to, in ms. */
  async becomes(status: Readiness['status'], within_ms: number): Promise<number> {
    const began_ms = performance.now()
    for (;;) {
      const readiness = await this.readiness()
      const passed_ms = performance.now() - began_ms
      if (readiness.status === status) return passed_ms
      if (passed_ms > within_ms) throw new Error(`not ${status} but ${JSON.stringify(readiness)}`)
      await passes(LOOK_EVERY_MS)
    }
  }

  takesWithIt(guest: { kill(): void }): void {
    this.#guests.push(guest)
  }

  /** Whatever state it is in: no process and no file is left. */
  async remove(): Promise<void> {
    for (const guest of this.#guests) guest.kill()
    if (this.#program?.running) await this.kill()
    removeFolder(this.folder)
  }

  showLog(): void {
    const log = this.log
    const cut =
      log.length > LOG_SHOWN_CHARACTERS ? `[... ${log.length - LOG_SHOWN_CHARACTERS} characters]\n` : ''
    console.error(`--- log of the server\n${cut}${log.slice(-LOG_SHOWN_CHARACTERS)}\n---`)
  }

  #command(...args: readonly string[]): string[] {
    const { binary, host } = this.#options
    const program = binary === undefined ? [process.execPath, join(CHECKOUT, 'src/main.ts')] : [binary]
    return [...(host?.enter ?? []), ...program, ...args]
  }

  #environment(): Record<string, string> {
    return {
      SIPWITCHES_DATABASE: this.database,
      SIPWITCHES_LISTEN: `udp://${this.#udp.host}:${this.#udp.port},tcp://${this.#tcp.host}:${this.#tcp.port}`,
      SIPWITCHES_HTTP: `${this.#http.host}:${this.#http.port}`,
      SIPWITCHES_DATA: this.#options.data ?? this.folder,
      SIPWITCHES_DOMAIN: this.domain,
      SIPWITCHES_LOG: this.#options.log ?? 'info',
    }
  }

  #running(): Program {
    if (this.#program === null) throw new Error('the server was not started')
    return this.#program
  }

  #announced(pattern: RegExp): HostPort {
    const match = pattern.exec(this.#running().output)
    const [, host, port] = match ?? []
    if (host === undefined || port === undefined) {
      throw new Error(`the server is ready but printed no ${pattern}\n${this.#running().output}`)
    }
    return { host, port: Number(port) }
  }
}

/** A started server for the length of one test. It must stop cleanly; its log is shown when the test fails. */
export async function serving(
  options: ServerOptions,
  scene: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  const server = new ServerProcess(options)
  try {
    await server.prepare()
    await server.start()
    await scene(server)
    if (server.running) await server.stop()
  } catch (problem) {
    server.showLog()
    throw problem
  } finally {
    await server.remove()
  }
}
