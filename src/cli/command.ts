// What a command is, how its arguments are read, and how its help is written.

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { type BootSettings, bootSettings, type SettingName } from '../config.ts'
import { visible } from '../log.ts'
import { CommandFailure, EXIT, type ExitCode } from './exit.ts'

export interface Option {
  /** How its value is called in the help; an option without one is a flag. */
  readonly value?: string
  readonly help: string
}

export interface Command {
  /** As typed: "extension add". */
  readonly name: string
  /** Its arguments as the help shows them: "NUMBER". */
  readonly arguments: string
  readonly argumentsMin: number
  readonly argumentsMax: number
  /** What it does, in a sentence. */
  readonly summary: string
  /** More that is worth knowing, line by line. */
  readonly notes?: readonly string[]
  /** Besides those that every command has. One with the name of a boot setting overrides that setting. */
  readonly options: Readonly<Record<string, Option>>
  run(call: Call): Promise<ExitCode>
}

/** Options of every command. */
const COMMON_OPTIONS: Readonly<Record<string, Option>> = {
  database: { value: 'URL', help: 'the database, as sqlite:./data/sipwitches.db' },
  config: { value: 'FILE', help: 'settings file (default: sipwitches.toml where there is one)' },
  json: { help: 'answer in JSON' },
  help: { help: 'show this' },
}

const SETTINGS: readonly SettingName[] = ['database', 'listen', 'http', 'data', 'domain', 'log']

/** Where a command's words go. */
export interface Output {
  /** A line of the answer. */
  line(text: string): void
  /** A line beside the answer: warnings. */
  note(text: string): void
  /** How far the work is; each takes the place of the one before where that can be shown. */
  progress(text: string): void
}

/** One use of a command. */
export class Call {
  readonly arguments: readonly string[]
  readonly output: Output
  readonly #values: Readonly<Record<string, unknown>>

  constructor(values: Readonly<Record<string, unknown>>, positionals: readonly string[], output: Output) {
    this.#values = values
    this.arguments = positionals
    this.output = output
  }

  get json(): boolean {
    return this.flag('json')
  }

  get wantsHelp(): boolean {
    return this.flag('help')
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** Throws SettingProblem. */
  settings(): BootSettings {
    const flags = Object.fromEntries(SETTINGS.map((name) => [name, this.text(name)]))
    return bootSettings({ file: this.text('config'), environment: process.env, flags })
  }

  /** The answer: as JSON when that is asked for, otherwise in lines for people. */
  answer(json: unknown, lines: readonly string[]): void {
    if (this.json) this.output.line(JSON.stringify(json, null, 2))
    else for (const line of lines) this.output.line(line)
  }
}

/** Throws CommandFailure with a word on how the command is used. */
export function readCall(command: Command, words: readonly string[], output: Output): Call {
  const parsed = parseWords(command, words)
  const call = new Call(parsed.values, parsed.positionals, output)
  if (call.wantsHelp) return call
  const count = parsed.positionals.length
  if (count < command.argumentsMin || count > command.argumentsMax) {
    throw new CommandFailure(EXIT.usage, `usage: ${usageOf(command)}`)
  }
  return call
}

function parseWords(command: Command, words: readonly string[]) {
  const options: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, option] of Object.entries({ ...command.options, ...COMMON_OPTIONS })) {
    options[name] = { type: option.value === undefined ? 'boolean' : 'string' }
  }
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CommandFailure(EXIT.usage, `${reason}\nusage: ${usageOf(command)}`)
  }
}

function usageOf(command: Command): string {
  return ['sipwitches', command.name, command.arguments, '[options]'].filter((word) => word !== '').join(' ')
}

export function helpOf(command: Command): string {
  const options = { ...command.options, ...COMMON_OPTIONS }
  const rows = Object.entries(options).map(([name, option]) => [
    option.value === undefined ? `--${name}` : `--${name} ${option.value}`,
    option.help,
  ])
  const notes = command.notes === undefined ? [] : ['', ...command.notes]
  return [`usage: ${usageOf(command)}`, '', command.summary, ...notes, '', ...columns(rows, '  ')].join('\n')
}

/** Rows in columns as wide as their widest cell. What a row of the database holds must not move a terminal's cursor. */
export function columns(texts: readonly (readonly string[])[], indent = ''): string[] {
  const rows = texts.map((row) => row.map(visible))
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  return rows.map((row) =>
    (indent + row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).trimEnd(),
  )
}
