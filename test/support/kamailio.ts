// Kamailio, with the configuration of test/peer, on free ports of the loopback and in a fresh folder.

import { copyFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { makeFolder, removeFolder } from './folder.ts'
import { freePort } from './port.ts'
import { Program, run } from './program.ts'
import type { Account, HostPort } from './server-process.ts'
import type { Subject } from './subject.ts'

const CONFIGURATION = resolve(import.meta.dir, '../peer/kamailio.cfg')
const HOST = '127.0.0.1'
const START_MS = 10_000
const STOP_MS = 10_000
const COMMAND_MS = 10_000
const SHARED_MEMORY_MB = 64
const WORKER_MEMORY_MB = 8

class Kamailio implements Subject {
  readonly folder = makeFolder('kamailio')
  readonly udp: HostPort
  readonly tcp: HostPort
  readonly #program: Program
  readonly #guests: { kill(): void }[] = []

  constructor(port: number, accounts: readonly Account[]) {
    this.udp = { host: HOST, port }
    this.tcp = { host: HOST, port }
    const configuration = join(this.folder, 'kamailio.cfg')
    copyFileSync(CONFIGURATION, configuration)
    const passwords = accounts.map(({ number, password }) => `$sht(password=>${number}) = "${password}";\n`)
    writeFileSync(join(this.folder, 'accounts.cfg'), passwords.join(''))
    // A process group of its own, so that its workers can be ended even when it can't end them itself any more.
    const command = ['setsid', 'kamailio', '-f', configuration, '-DD', '-E', '-x', 'tlsf']
    command.push('-m', String(SHARED_MEMORY_MB), '-M', String(WORKER_MEMORY_MB))
    command.push('-Y', this.folder, '-w', this.folder)
    command.push('-l', `udp:${HOST}:${port}`, '-l', `tcp:${HOST}:${port}`)
    this.#program = new Program(command, { folder: this.folder })
  }

  get log(): string {
    return this.#program.output
  }

  async ready(): Promise<void> {
    await this.#program.prints(/: ready$/m, START_MS)
  }

  async registeredNumbers(): Promise<string[]> {
    const socket = `unixs:${join(this.folder, 'kamailio_ctl')}`
    const { code, output } = await run(['kamcmd', '-s', socket, 'ul.dump', 'brief'], {
      folder: this.folder,
      within_ms: COMMAND_MS,
    })
    if (code !== 0) throw new Error(`kamcmd ul.dump ended with ${code}\n${output}`)
    return [...output.matchAll(/^\s*AoR: (\S+)$/gm)].map(([, number = '']) => number)
  }

  takesWithIt(guest: { kill(): void }): void {
    this.#guests.push(guest)
  }

  async stop(): Promise<void> {
    this.#program.signal('SIGTERM')
    const code = await this.#program.exited(STOP_MS)
    if (code !== 0) throw new Error(`Kamailio ended with ${code}`)
  }

  /** Whatever state it is in: no process and no file is left. */
  async remove(): Promise<void> {
    for (const guest of this.#guests) guest.kill()
    try {
      this.#program.signal('SIGTERM')
      await this.#program.exited(STOP_MS)
    } finally {
      this.#killWorkers()
      removeFolder(this.folder)
    }
  }

  /** Those which it did not end itself. */
  #killWorkers(): void {
    try {
      process.kill(-this.#program.pid, 'SIGKILL')
    } catch {
      // ESRCH, as it should be: the whole group has ended.
    }
  }
}

/** A started Kamailio for the length of one scene. It must stop cleanly; its log is shown when the scene fails. */
export async function servingKamailio(
  accounts: readonly Account[],
  scene: (subject: Subject) => Promise<void>,
): Promise<void> {
  const kamailio = new Kamailio(await freePort(HOST), accounts)
  try {
    await kamailio.ready()
    await scene(kamailio)
    await kamailio.stop()
  } catch (problem) {
    console.error(`--- log of Kamailio\n${kamailio.log}\n---`)
    throw problem
  } finally {
    await kamailio.remove()
  }
}
