// What this node must still know after a restart: the key that seals route sets, which nobody else may know, and its
// name among the servers of one database.

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RandomFill } from '../sip/id.ts'

const SECRET_BYTES = 32
const SECRET_FILE = 'node.secret'
const NAME_BYTES = 8
const NAME_FILE = 'node.id'

/** Read from the data folder, or made there with `fill`. Throws what the file system says when it can't be kept. */
export function nodeSecret(folder: string, fill: RandomFill): Uint8Array {
  return kept(folder, SECRET_FILE, SECRET_BYTES, fill)
}

/** As `nodeSecret`. */
export function nodeName(folder: string, fill: RandomFill): string {
  return Buffer.from(kept(folder, NAME_FILE, NAME_BYTES, fill)).toString('hex')
}

function kept(folder: string, file: string, length: number, fill: RandomFill): Uint8Array {
  const path = join(folder, file)
  const read = readKept(path, length)
  if (read !== null) return read
  const made = new Uint8Array(length)
  fill(made)
  mkdirSync(folder, { recursive: true })
  // Written beside and renamed: a crash in between leaves no half of it.
  writeFileSync(`${path}.new`, made, { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return made
}

function readKept(path: string, length: number): Uint8Array | null {
  try {
    const bytes = new Uint8Array(readFileSync(path))
    return bytes.length === length ? bytes : null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
