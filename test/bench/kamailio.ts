// Kamailio as the yardstick: kamailio.cfg, its fastest allocator, one worker.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, removeFolder } from '../support/folder.ts'
import { freePort } from '../support/port.ts'
import { Program, run } from '../support/program.ts'
import type { HostPort } from '../support/server-process.ts'
import { ha1Of } from './load/digest.ts'
import { DOMAIN } from './load/text.ts'
import { type BenchSubject, FIRST_NUMBER, onCore, SERVER_CORE } from './subject.ts'

const CONFIGURATION = resolve(import.meta.dir, 'kamailio.cfg')
const HOST = '127.0.0.1'
const START_MS = 60_000
const STOP_MS = 20_000
const COMMAND_MS = 10_000
const WORKER_MEMORY_MB = 64

export interface KamailioOptions {
  readonly accounts: number
  /** Each binding is in its database before the 200 leaves. */
  readonly durable: boolean
  /** Passwords follow from the numbers, instead of a table of them: its file would be too long to read. */
  readonly computedPasswords: boolean
  /** That its processes share. All of it is touched at the start. */
  readonly memory_MB: number
}

export class BenchKamailio implements BenchSubject {
  readonly folder = makeFolder('bench-kamailio')
  readonly #options: KamailioOptions
  #port = 0
  #program: Program | null = null

  constructor(options: KamailioOptions) {
    this.#options = options
  }

  get udp(): HostPort {
    return { host: HOST, port: this.#port }
  }

  get pid(): number {
    if (this.#program === null) throw new Error('it was not started')
    return this.#program.pid
  }

  get tcp(): HostPort {
    return this.udp
  }

  async start(): Promise<void> {
    this.#port = await freePort(HOST)
    const configuration = join(this.folder, 'kamailio.cfg')
    const location = join(this.folder, 'location.db')
    writeFileSync(configuration, readFileSync(CONFIGURATION, 'utf8').replace('LOCATION_FILE', location))
    const { accounts, durable, computedPasswords, memory_MB } = this.#options
    const ha1s = Array.from({ length: computedPasswords ? 0 : accounts }, (_, n) => {
      const number = String(FIRST_NUMBER + n)
      return `$sht(ha1=>${number}) = "${ha1Of(number, DOMAIN, `secret-${number}`)}";\n`
    })
    writeFileSync(join(this.folder, 'accounts.cfg'), ha1s.join(''))
    if (durable) await this.#makeDatabase(location)
    const command = ['setsid', 'kamailio', '-f', configuration, '-DD', '-E', '-x', 'tlsf', '-X', 'tlsf']
    command.push('-m', String(memory_MB), '-M', String(WORKER_MEMORY_MB))
    command.push('-Y', this.folder, '-w', this.folder)
    command.push('-l', `udp:${HOST}:${this.#port}`, '-l', `tcp:${HOST}:${this.#port}`)
    if (durable) command.push('-A', 'WRITE_THROUGH')
    if (computedPasswords) command.push('-A', 'COMPUTED_PASSWORDS')
    this.#program = new Program(onCore(SERVER_CORE, command), { folder: this.folder })
    await this.#program.prints(/: ready$/m, START_MS)
  }

  /** It forks; all are of the session that setsid made. */
  pids(): readonly number[] {
    const session = this.#program?.pid
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0 && sessionOf(pid) === session)
  }

  /** Bytes of its shared memory that are in use. */
  async sharedMemory_bytes(): Promise<number> {
    const socket = `unixs:${join(this.folder, 'kamailio_ctl')}`
    const command = ['kamcmd', '-s', socket, 'core.shmmem']
    const { code, output } = await run(command, { folder: this.folder, within_ms: COMMAND_MS })
    if (code !== 0) throw new Error(`kamcmd core.shmmem ended with ${code}\n${output}`)
    return Number(/real_used: (\d+)/.exec(output)?.[1])
  }

  async stop(): Promise<void> {
    this.#program?.signal('SIGTERM')
    const code = await this.#program?.exited(STOP_MS)
    if (code !== 0) throw new Error(`Kamailio ended with ${code}\n${this.#program?.output}`)
  }

  async remove(): Promise<void> {
    for (const pid of this.pids()) end(pid)
    await this.#program?.exited(STOP_MS).catch(() => {})
    removeFolder(this.folder)
  }

  /** Its own scripts, as kamdbctl would run them. */
  async #makeDatabase(file: string): Promise<void> {
    const folder = '/usr/share/kamailio/db_sqlite'
    for (const script of ['standard-create.sql', 'usrloc-create.sql']) {
      const command = ['sqlite3', file, `.read ${join(folder, script)}`]
      const { code, output } = await run(command, { folder: this.folder, within_ms: COMMAND_MS })
      if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${output}`)
    }
  }
}

/** Field six of the process's stat, behind its name, which may hold anything. */
function sessionOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3])
  } catch {
    return 0
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: it has ended.
  }
}
