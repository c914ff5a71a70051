// The programs `sqlite3` and `mariadb` as an administrator types into them: one process, statement after statement.

import { Program } from './program.ts'

const ANSWER_MS = 20_000

export class SqlShell {
  readonly #program: Program
  #asked = 0

  private constructor(program: Program) {
    this.#program = program
  }

  /** `sqlite:PATH` or `mysql://user:password@host:port/name`; `enter` comes before the command. */
  static async open(url: string, folder: string, enter: readonly string[] = []): Promise<SqlShell> {
    const shell = new SqlShell(new Program([...enter, ...command(url)], { folder, input: true }))
    await shell.run('SELECT 1;')
    return shell
  }

  /** The rows, their values by tabs. When it resolves all of it is committed: the program has answered. */
  async run(sql: string): Promise<string[]> {
    const mark = `answered-${++this.#asked}`
    const from = this.#program.output.length
    this.#program.write(`${sql}\nSELECT '${mark}';\n`)
    await this.#program.prints(new RegExp(`^${mark}$`, 'm'), ANSWER_MS)
    const lines = this.#program.output.slice(from).split('\n')
    const rows = lines.slice(0, lines.indexOf(mark))
    const wrong = rows.find((row) => /^(?:Parse error|Runtime error|Error)\b|^ERROR \d+/.test(row))
    if (wrong !== undefined) throw new Error(`${wrong}\n${sql}`)
    return rows
  }

  async value(sql: string): Promise<string> {
    const [value] = await this.run(sql)
    if (value === undefined) throw new Error(`no row: ${sql}`)
    return value
  }

  async close(): Promise<void> {
    this.#program.endInput()
    await this.#program.exited(ANSWER_MS)
  }

  kill(): void {
    this.#program.kill()
  }
}

function command(url: string): string[] {
  if (url.startsWith('sqlite:')) {
    // Like any program that shares the file it waits for another's write.
    return ['sqlite3', '-batch', '-cmd', '.timeout 10000', '-cmd', '.mode tabs', url.slice('sqlite:'.length)]
  }
  const { hostname, port, username, password, pathname } = new URL(url)
  const account = [`--host=${hostname}`, `--port=${port}`, `--user=${username}`, `--password=${password}`]
  return [
    'mariadb',
    '--no-defaults',
    ...account,
    '--batch',
    '--skip-column-names',
    '--raw',
    '--unbuffered',
    pathname.slice(1),
  ]
}
