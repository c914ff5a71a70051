// A MariaDB server of the test's own: its data folder, its port on loopback, its process; nothing of it stays behind.

import { chownSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder, removeFolder } from './folder.ts'
import { freePort } from './port.ts'
import { Program } from './program.ts'

const PASSWORD = 'geheim'
const INSTALL_MS = 60_000
const READY_MS = 60_000
const STOP_MS = 60_000
const CLIENT_MS = 30_000

export class MariaDb {
  readonly folder: string
  readonly port: number
  #server: Program

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
    this.#server = this.#run()
  }

  /** With a database `sipwitches` and a user of that name who may do there what the server needs. */
  static async start(): Promise<MariaDb> {
    const folder = makeFolder('mariadb')
    const account = mysqlAccount()
    if (account !== null) chownSync(folder, account.uid, account.gid)
    const install = new Program(
      [
        'mariadb-install-db',
        `--datadir=${folder}/data`,
        ...asUser(account),
        '--auth-root-authentication-method=normal',
      ],
      // Beside another that is installed it would find that one's temporary tables.
      { folder, environment: { TMPDIR: folder } },
    )
    if ((await install.exited(INSTALL_MS)) !== 0) {
      removeFolder(folder)
      throw new Error(`no database was made: ${install.output}`)
    }
    const database = new MariaDb(folder, await freePort())
    await database.#ready()
    await database.admin(
      `CREATE DATABASE sipwitches CHARACTER SET utf8mb4;
       CREATE USER sipwitches@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';
       GRANT ALL ON sipwitches.* TO sipwitches@'127.0.0.1';`,
    )
    return database
  }

  get url(): string {
    return this.urlOf('sipwitches')
  }

  /** Of another database on the same server. */
  urlOf(name: string): string {
    return `mysql://sipwitches:${PASSWORD}@127.0.0.1:${this.port}/${name}`
  }

  /** Another database on the same server; its URL. */
  async create(name: string): Promise<string> {
    await this.admin(
      `CREATE DATABASE ${name} CHARACTER SET utf8mb4; GRANT ALL ON ${name}.* TO sipwitches@'127.0.0.1';`,
    )
    return this.urlOf(name)
  }

  get pid(): number {
    return this.#server.pid
  }

  /** CPU time that the server process has used, all its threads; in user mode and in the kernel, ticks of 10 ms. */
  get cpu_ms(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return 10 * (Number(fields[11]) + Number(fields[12]))
  }

  get socket(): string {
    return join(this.folder, 's')
  }

  /** As root, through the `mariadb` program. Answers with the rows, their values by tabs. */
  async admin(sql: string, name = ''): Promise<string[]> {
    const client = new Program(
      [
        'mariadb',
        `--socket=${this.socket}`,
        '--user=root',
        '--batch',
        '--skip-column-names',
        '--raw',
        '-e',
        sql,
        name,
      ],
      { folder: this.folder },
    )
    const code = await client.exited(CLIENT_MS)
    if (code !== 0) throw new Error(`mariadb: ${client.output}`)
    return client.output.split('\n').filter((line) => line !== '')
  }

  /** Frozen: connections are accepted by the kernel, and nothing answers. */
  freeze(): void {
    this.#server.signal('SIGSTOP')
  }

  thaw(): void {
    this.#server.signal('SIGCONT')
  }

  /** Ends it as an administrator does. */
  async stop(): Promise<void> {
    this.#server.signal('SIGTERM')
    await this.#server.exited(STOP_MS)
  }

  /** As after a loss of power, as far as the server can tell. */
  async kill(): Promise<void> {
    this.#server.signal('SIGKILL')
    await this.#server.exited(STOP_MS)
  }

  /** Again, on the same data and port; with other options too. */
  async restart(...more: readonly string[]): Promise<void> {
    this.#server = this.#run(more)
    await this.#ready()
  }

  /** Whatever a test that failed has made of it, it serves again. */
  async revive(): Promise<void> {
    this.thaw()
    if (!this.#server.running) await this.restart()
  }

  async close(): Promise<void> {
    if (this.#server.running) {
      this.thaw()
      await this.stop()
    }
    removeFolder(this.folder)
  }

  #run(more: readonly string[] = []): Program {
    const options = [
      '--no-defaults',
      `--datadir=${this.folder}/data`,
      `--socket=${this.socket}`,
      `--port=${this.port}`,
      '--bind-address=127.0.0.1',
      `--pid-file=${this.folder}/pid`,
      // A server that starts deletes what others have in the same one.
      `--tmpdir=${this.folder}`,
      // Far from UTC, so that a time which is not told apart shows.
      '--default-time-zone=+05:30',
      '--innodb-buffer-pool-size=64M',
      '--innodb-log-file-size=32M',
      '--skip-log-bin',
      '--skip-sync-frm',
      ...more,
    ]
    return new Program(['mariadbd', ...options, ...(process.getuid?.() === 0 ? ['--user=mysql'] : [])], {
      folder: this.folder,
    })
  }

  async #ready(): Promise<void> {
    await this.#server.prints(/ready for connections/, READY_MS)
  }
}

function asUser(account: Account | null): string[] {
  return account === null ? [] : ['--user=mysql']
}

interface Account {
  readonly uid: number
  readonly gid: number
}

/** MariaDB will not run as root; the package's own account does then. Null when we are not root. */
function mysqlAccount(): Account | null {
  if (process.getuid?.() !== 0) return null
  const id = (flag: string) => Number(Bun.spawnSync(['id', flag, 'mysql']).stdout.toString())
  return { uid: id('-u'), gid: id('-g') }
}
