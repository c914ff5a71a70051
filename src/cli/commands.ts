// All commands, by name. Each is loaded when it is called, so that `version` need not load the whole server.

import type { Command } from './command.ts'

export interface CommandEntry {
  /** First word, and the second one of a family. */
  readonly name: string
  readonly summary: string
  load(): Promise<Command>
}

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'start',
    summary: 'run the server',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'check',
    summary: 'look for what would keep the server from running well, and say how to mend it',
    load: async () => (await import('./check.ts')).check,
  },
  {
    name: 'extension add',
    summary: 'add a number and give it a password',
    load: async () => (await import('./extension.ts')).extensionAdd,
  },
  {
    name: 'extension list',
    summary: 'list all numbers',
    load: async () => (await import('./extension.ts')).extensionList,
  },
  {
    name: 'extension show',
    summary: 'show one number and what is registered for it',
    load: async () => (await import('./extension.ts')).extensionShow,
  },
  {
    name: 'extension set',
    summary: 'change the name, password, user or limits of a number',
    load: async () => (await import('./extension.ts')).extensionSet,
  },
  {
    name: 'extension remove',
    summary: 'remove a number, and its user when it owns no other',
    load: async () => (await import('./extension.ts')).extensionRemove,
  },
  {
    name: 'import',
    summary: 'add many numbers from a CSV file',
    load: async () => (await import('./import.ts')).importCommand,
  },
  {
    name: 'registrations',
    summary: 'list the registered contacts',
    load: async () => (await import('./registrations.ts')).registrations,
  },
  {
    name: 'schema',
    summary: 'print the SQL of the schema, and the version that the database has',
    load: async () => (await import('./schema.ts')).schema,
  },
  {
    name: 'version',
    summary: 'say which program this is',
    load: async () => (await import('./version.ts')).version,
  },
]
