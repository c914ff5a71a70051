// From the words of the command line to one command, and from its outcome to the exit code.

import { columns, helpOf, type Output, readCall } from './command.ts'
import { COMMANDS, type CommandEntry } from './commands.ts'
import { CommandFailure, EXIT, type ExitCode, explainFailure } from './exit.ts'

/** Never throws: whatever goes wrong is told on standard error and in the exit code. */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  try {
    return await dispatch(words)
  } catch (error) {
    const known = explainFailure(error)
    if (known === null) {
      STANDARD_OUTPUT.note(
        `sipwitches: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      )
      return EXIT.software
    }
    for (const line of known.message.split('\n')) STANDARD_OUTPUT.note(`sipwitches: ${line}`)
    return known.code
  }
}

/** A terminal goes back to the start of the line and clears it, so that the next line overwrites the progress. */
const SAME_LINE = '\r\u001b[K'

class StandardOutput implements Output {
  #progressShown = false

  line(text: string): void {
    this.#endProgress()
    process.stdout.write(`${text}\n`)
  }

  note(text: string): void {
    this.#endProgress()
    process.stderr.write(`${text}\n`)
  }

  progress(text: string): void {
    if (!process.stderr.isTTY) {
      this.note(text)
      return
    }
    process.stderr.write(`${SAME_LINE}${text}`)
    this.#progressShown = true
  }

  #endProgress(): void {
    if (this.#progressShown) process.stderr.write(SAME_LINE)
    this.#progressShown = false
  }
}

const STANDARD_OUTPUT = new StandardOutput()

async function dispatch(words: readonly string[]): Promise<ExitCode> {
  const [first, second] = words
  if (first === undefined || first === '--help' || first === 'help') {
    STANDARD_OUTPUT.line(globalHelp(COMMANDS))
    return first === undefined ? EXIT.usage : EXIT.ok
  }
  const entry = COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`)
  if (entry === undefined) return familyHelp(first, second)
  const command = await entry.load()
  const call = readCall(command, words.slice(entry.name.split(' ').length), STANDARD_OUTPUT)
  if (call.wantsHelp) {
    STANDARD_OUTPUT.line(helpOf(command))
    return EXIT.ok
  }
  return await command.run(call)
}

/** "extension" alone, or with a word that none of its commands is called. */
function familyHelp(first: string, second: string | undefined): ExitCode {
  const family = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
  if (family.length > 0 && second === '--help') {
    STANDARD_OUTPUT.line(globalHelp(family))
    return EXIT.ok
  }
  const names = (family.length > 0 ? family : COMMANDS).map(({ name }) => name)
  const asked = family.length > 0 && second !== undefined ? `${first} ${second}` : first
  throw new CommandFailure(EXIT.usage, `there is no command "${asked}"; there are: ${names.join(', ')}`)
}

function globalHelp(commands: readonly CommandEntry[]): string {
  return [
    'usage: sipwitches COMMAND [options]',
    '',
    ...columns(
      commands.map(({ name, summary }) => [name, summary]),
      '  ',
    ),
    '',
    'Every command takes --help, --json, --database URL and --config FILE.',
  ].join('\n')
}
