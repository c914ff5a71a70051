// Where this machine keeps what for which database.

import { join, resolve } from 'node:path'
import type { DatabaseLocation } from '../config.ts'

export interface Place {
  readonly path: string
  /** What tells databases apart. No user and no password: those may change. */
  readonly database: string
}

export function spoolPlace(folder: string | null, location: DatabaseLocation): Place | null {
  return folder === null ? null : { path: join(folder, 'spool.db'), database: databaseName(location) }
}

/** A database on this machine needs none. */
export function snapshotPlace(folder: string | null, location: DatabaseLocation): Place | null {
  if (folder === null || location.kind === 'sqlite') return null
  return { path: join(folder, 'snapshot.db'), database: databaseName(location) }
}

function databaseName(location: DatabaseLocation): string {
  if (location.kind === 'sqlite') return `sqlite:${resolve(location.path)}`
  const { host, port, socket, database } = location
  return `mysql:${socket === '' ? `${host}:${port}` : socket}/${database}`
}
