// How a command ends: the exit codes of sysexits.h, and failures that carry one.

import { SettingProblem } from '../config.ts'
import { DatabaseProblem, type DatabaseProblemKind } from '../store/driver.ts'

export const EXIT = {
  ok: 0,
  /** EX_USAGE: the command line is wrong. */
  usage: 64,
  /** EX_DATAERR: what was given is wrong: a number that exists already, a bad line. */
  data: 65,
  /** EX_UNAVAILABLE: something that is needed is not there. */
  unavailable: 69,
  /** EX_SOFTWARE: our own fault. */
  software: 70,
  /** EX_CANTCREAT: a file cannot be written. */
  cannotCreate: 73,
  /** EX_CONFIG: a setting is wrong. */
  config: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A command cannot do what it was asked; the message says why and what to do. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
  readonly code: ExitCode

  constructor(code: ExitCode, message: string) {
    super(message)
    this.code = code
  }
}

const DATABASE_EXITS = {
  missing: EXIT.unavailable,
  unusable: EXIT.unavailable,
  busy: EXIT.unavailable,
  corrupt: EXIT.data,
  refused: EXIT.data,
  full: EXIT.cannotCreate,
  newer: EXIT.config,
  away: EXIT.unavailable,
  denied: EXIT.config,
  old: EXIT.unavailable,
} as const satisfies Record<DatabaseProblemKind, ExitCode>

/** What to tell and how to end; null for what we did not foresee. */
export function explainFailure(error: unknown): { readonly message: string; readonly code: ExitCode } | null {
  if (error instanceof CommandFailure) return { message: error.message, code: error.code }
  if (error instanceof SettingProblem) return { message: error.message, code: EXIT.config }
  if (error instanceof DatabaseProblem) return { message: error.message, code: DATABASE_EXITS[error.kind] }
  return null
}
