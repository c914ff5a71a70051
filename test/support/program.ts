// A program that a test runs: its output kept as it comes, each wait for it bounded, its end certain.

import { within } from './deadline.ts'

/** What is kept of a program's output; the oldest goes first. */
const OUTPUT_CHARACTERS = 4 * 1024 * 1024

export interface ProgramOptions {
  readonly folder: string
  readonly environment?: Readonly<Record<string, string>>
  /** Open its standard input for `write`. */
  readonly input?: boolean
}

interface Waiter {
  readonly pattern: RegExp
  readonly found: (match: RegExpExecArray) => void
  readonly failed: (why: Error) => void
}

export class Program {
  readonly name: string
  readonly #child: Bun.Subprocess<'pipe' | 'ignore', 'pipe', 'pipe'>
  readonly #drained: Promise<unknown>
  readonly #waiters = new Set<Waiter>()
  #output = ''

  constructor(command: readonly string[], options: ProgramOptions) {
    this.name = command.join(' ')
    this.#child = Bun.spawn([...command], {
      cwd: options.folder,
      env: { ...process.env, ...options.environment },
      stdin: options.input ? 'pipe' : 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    this.#drained = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
    ]).finally(() => this.#ended())
  }

  get pid(): number {
    return this.#child.pid
  }

  /** That it has used, once it has ended. */
  get cpu_ms(): number {
    return Number(this.#child.resourceUsage()?.cpuTime.total ?? Number.NaN) / 1000
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Standard output and standard error, in the order in which they came. */
  get output(): string {
    return this.#output
  }

  write(text: string | Uint8Array): void {
    const input = this.#child.stdin
    if (input === undefined) throw new Error(`${this.name}: its input is not open`)
    input.write(text)
    input.flush()
  }

  /** Nothing more is written: programs that read to the end of their input end themselves. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  /** The first place in the output, past or to come, that the pattern matches. */
  prints(pattern: RegExp, ms: number): Promise<RegExpExecArray> {
    const match = pattern.exec(this.#output)
    if (match !== null) return Promise.resolve(match)
    if (!this.running) return Promise.reject(this.#silence(pattern))
    const printed = Promise.withResolvers<RegExpExecArray>()
    const waiter: Waiter = { pattern, found: printed.resolve, failed: printed.reject }
    this.#waiters.add(waiter)
    const what = () => `${pattern} in the output of ${this.name}\n${this.#output}`
    return within(ms, what, printed.promise).finally(() => this.#waiters.delete(waiter))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Its exit code, 128 + n when signal n ended it; one that goes on for longer is killed, and that is an error. */
  async exited(ms: number): Promise<number> {
    try {
      const code = await within(ms, () => `the end of ${this.name}\n${this.#output}`, this.#child.exited)
      await within(ms, () => `the end of the output of ${this.name}`, this.#drained)
      return code
    } finally {
      this.kill()
    }
  }

  kill(): void {
    if (this.running) this.#child.kill('SIGKILL')
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const bytes of stream) {
      this.#output = (this.#output + decoder.decode(bytes, { stream: true })).slice(-OUTPUT_CHARACTERS)
      for (const waiter of this.#waiters) {
        const match = waiter.pattern.exec(this.#output)
        if (match !== null) waiter.found(match)
      }
    }
  }

  #ended(): void {
    for (const waiter of this.#waiters) waiter.failed(this.#silence(waiter.pattern))
  }

  #silence(pattern: RegExp): Error {
    return new Error(`${this.name} ended without printing ${pattern}\n${this.#output}`)
  }
}

/** How a program ended, and all that it said. */
export interface Exit {
  readonly code: number
  readonly output: string
}

/** Runs a program to its end. */
export async function run(
  command: readonly string[],
  options: ProgramOptions & { readonly within_ms: number },
): Promise<Exit> {
  const program = new Program(command, options)
  const code = await program.exited(options.within_ms)
  return { code, output: program.output }
}
