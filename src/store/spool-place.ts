// Where this machine keeps changes for which database.

import { join, resolve } from 'node:path'
import type { DatabaseLocation } from '../config.ts'

export interface SpoolPlace {
  readonly path: string
  readonly database: string
}

export function spoolPlace(folder: string | null, location: DatabaseLocation): SpoolPlace | null {
  return folder === null ? null : { path: join(folder, 'spool.db'), database: databaseName(location) }
}

/** What tells databases apart. No user and no password: those may change. */
function databaseName(location: DatabaseLocation): string {
  if (location.kind === 'sqlite') return `sqlite:${resolve(location.path)}`
  const { host, port, socket, database } = location
  return `mysql:${socket === '' ? `${host}:${port}` : socket}/${database}`
}
