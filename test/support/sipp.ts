// SIPp: many phones in one process, played by the scenarios in test/e2e/scenario.

import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileWith, readIfThere } from './folder.ts'
import { Program } from './program.ts'
import type { HostPort } from './server-process.ts'

const SCENARIOS = resolve(import.meta.dir, '../e2e/scenario')
/** Until it has bound its sockets. */
const BIND_MS = 5000
/** Of the record of what went wrong, shown when calls fail. */
const ERRORS_SHOWN_CHARACTERS = 6000

export interface SippOptions {
  /** A file of test/e2e/scenario, without its ending. */
  readonly scenario: string
  /** Another folder that it is in. */
  readonly scenarios?: string
  /** Where its files go. */
  readonly folder: string
  readonly local: HostPort
  /** Where the first request goes; a phone that is called needs none. */
  readonly server?: HostPort
  readonly transport?: 'udp' | 'tcp'
  /** How many calls it makes or takes before it ends. */
  readonly calls: number
  readonly callsPerSecond?: number
  /** How many calls may be open at once; left out, SIPp slows down when calls take long. */
  readonly callsOpen?: number
  /** How long the scenario's <pause/> lasts. */
  readonly pause_ms?: number
  /** One line of fields for each call, [field0] and on. */
  readonly users?: readonly (readonly string[])[]
  /** Values of the scenario's own keywords: [expires]. */
  readonly keys?: Readonly<Record<string, string>>
  /** What takes the place of `{{name}}` in the scenario: SIPp allows no keyword where a status is expected. */
  readonly parts?: Readonly<Record<string, string>>
  /** Write down how long each call took to ring. */
  readonly times?: boolean
  readonly within_ms: number
}

export interface SippResult {
  readonly exitCode: number
  readonly succeeded: number
  readonly failed: number
  readonly retransmissions: number
  /** What the scenario's <log> actions wrote. */
  readonly log: readonly string[]
  /** SIPp's own words on what was unexpected. */
  readonly errors: string
}

let runs = 0

/** One SIPp process. Started by `startSipp`, which returns when its sockets are bound. */
export class Sipp {
  readonly #options: SippOptions
  readonly #program: Program
  readonly #files: string

  constructor(options: SippOptions) {
    this.#options = options
    this.#files = join(options.folder, `sipp-${++runs}-${options.scenario}`)
    this.#program = new Program(this.#command(), { folder: options.folder })
  }

  /** The statistics are opened right after the sockets are bound: their header line says that it can be called. */
  async bound(): Promise<void> {
    try {
      await fileWith(this.#file('statistics'), (text) => text.includes('\n'), BIND_MS)
    } catch (problem) {
      this.#program.kill()
      throw new Error(`SIPp ${this.#options.scenario} did not start\n${this.#program.output}`, {
        cause: problem,
      })
    }
  }

  /** Lines that <log> actions have written so far, once there are as many. */
  async logged(lines: number): Promise<readonly string[]> {
    const text = await fileWith(
      this.#file('log'),
      (text) => linesOf(text).length >= lines,
      this.#options.within_ms,
    )
    return linesOf(text)
  }

  /** To its end, whatever came of it. */
  async ended(): Promise<SippResult> {
    const exitCode = await this.#program.exited(this.#options.within_ms).catch((problem: unknown) => {
      throw new Error(this.#account(this.#result(-1)), { cause: problem })
    })
    return this.#result(exitCode)
  }

  /** To its end: an error unless every call went as the scenario says. */
  async succeeded(): Promise<SippResult> {
    const result = await this.ended()
    if (result.exitCode === 0 && result.failed === 0 && result.succeeded === this.#options.calls)
      return result
    throw new Error(this.#account(result))
  }

  /** Ends it now, its calls unfinished; it still writes what came of the others. */
  stop(): void {
    this.#program.signal('SIGTERM')
  }

  /** Begins no further call, and ends when those that are up have gone their way. */
  finish(): void {
    this.#program.signal('SIGUSR1')
  }

  /** Of each call so far, from the first INVITE to the 180, in ms. */
  times_ms(): readonly number[] {
    // SIPp names this file itself.
    const rows = readIfThere(`${this.#file('scenario')}_${this.#program.pid}_rtt.csv`)
    return linesOf(rows)
      .slice(1)
      .map((row) => Number(row.split(';')[1]))
  }

  kill(): void {
    this.#program.kill()
  }

  #command(): string[] {
    const { local, server, transport, calls, callsPerSecond, pause_ms, users, keys, within_ms } =
      this.#options
    const { callsOpen, times } = this.#options
    const command = ['sipp', '-sf', this.#scenario(), '-nostdin', '-m', String(calls)]
    command.push('-i', local.host, '-p', String(local.port), '-mi', local.host, '-ci', local.host)
    command.push('-t', transport === 'tcp' ? 't1' : 'u1')
    // SIPp's own bound is the softer one: it still writes what was missing. Ours kills.
    command.push('-timeout', `${Math.ceil((within_ms * 3) / 4 / 1000)}s`, '-timeout_error')
    command.push('-trace_stat', '-stf', this.#file('statistics'), '-fd', '1')
    command.push('-trace_err', '-error_file', this.#file('errors'))
    command.push('-trace_logs', '-log_file', this.#file('log'))
    if (times) command.push('-trace_rtt', '-rtt_freq', '1')
    if (callsPerSecond !== undefined) command.push('-r', String(callsPerSecond))
    if (callsOpen !== undefined) command.push('-l', String(callsOpen))
    if (pause_ms !== undefined) command.push('-d', String(pause_ms))
    if (users !== undefined) command.push('-inf', this.#injection(users))
    for (const [name, value] of Object.entries(keys ?? {})) command.push('-key', name, value)
    if (server !== undefined) command.push(`${server.host}:${server.port}`)
    return command
  }

  #file(kind: 'statistics' | 'errors' | 'log' | 'users' | 'scenario'): string {
    return `${this.#files}.${kind}`
  }

  #scenario(): string {
    const { scenario, scenarios = SCENARIOS, parts } = this.#options
    const source = join(scenarios, `${scenario}.xml`)
    const xml = readFileSync(source, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const part = parts?.[name]
      if (part === undefined) throw new Error(`${source} wants {{${name}}}`)
      return part
    })
    writeFileSync(this.#file('scenario'), xml)
    return this.#file('scenario')
  }

  #injection(users: readonly (readonly string[])[]): string {
    const lines = users.map((fields) => `${fields.join(';')};`)
    writeFileSync(this.#file('users'), ['SEQUENTIAL', ...lines, ''].join('\n'))
    return this.#file('users')
  }

  #result(exitCode: number): SippResult {
    const statistics = lastRow(readIfThere(this.#file('statistics')))
    const count = (column: string) => Number(statistics.get(column) ?? 0)
    return {
      exitCode,
      succeeded: count('SuccessfulCall(C)'),
      failed: count('FailedCall(C)'),
      retransmissions: count('Retransmissions(C)'),
      log: linesOf(readIfThere(this.#file('log'))),
      errors: readIfThere(this.#file('errors')),
    }
  }

  #account(result: SippResult): string {
    const { scenario, calls } = this.#options
    const { succeeded, failed, exitCode } = result
    const counts = `${succeeded} of ${calls} calls succeeded, ${failed} failed, exit code ${exitCode}`
    const said = result.errors === '' ? this.#program.output : result.errors
    return `SIPp ${scenario}: ${counts}\n${said.slice(0, ERRORS_SHOWN_CHARACTERS)}`
  }
}

/** Runs SIPp up to the moment at which it can be called. */
export async function startSipp(options: SippOptions): Promise<Sipp> {
  const sipp = new Sipp(options)
  await sipp.bound()
  return sipp
}

/** The field that makes SIPp answer a challenge with this account: its keyword cannot be nested in a scenario. */
export function authentication(username: string, password: string): string {
  return `[authentication username=${username} password=${password}]`
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

function lastRow(statistics: string): ReadonlyMap<string, string> {
  const [header = '', ...rows] = linesOf(statistics)
  const values = (rows.at(-1) ?? '').split(';')
  return new Map(header.split(';').map((name, index) => [name, values[index] ?? '']))
}
