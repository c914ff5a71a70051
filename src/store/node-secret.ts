// What this node must still know after a restart, and nobody else may: the key that seals route sets.

import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const SECRET_BYTES = 32
const FILE = 'node.secret'

/** Read from the data folder, or made there with `fill`. Throws what the file system says when it can't be kept. */
export function nodeSecret(dataFolder: string, fill: (bytes: Uint8Array) => void): Uint8Array {
  const path = join(dataFolder, FILE)
  const kept = readSecret(path)
  if (kept !== null) return kept
  const secret = new Uint8Array(SECRET_BYTES)
  fill(secret)
  mkdirSync(dataFolder, { recursive: true })
  // Written beside and renamed: a crash in between leaves no half secret.
  writeFileSync(`${path}.new`, secret, { mode: 0o600 })
  chmodSync(`${path}.new`, 0o600)
  renameSync(`${path}.new`, path)
  return secret
}

function readSecret(path: string): Uint8Array | null {
  try {
    const secret = new Uint8Array(readFileSync(path))
    return secret.length === SECRET_BYTES ? secret : null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
