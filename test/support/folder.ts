// A fresh folder for one test's files, and waiting for what a program writes there.

import { existsSync, type FSWatcher, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { within } from './deadline.ts'

export function makeFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `sipwitches-${name}-`))
}

export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true })
}

export function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'latin1') : ''
}

/** The file's text as soon as there is enough of it; looked at each time the kernel says that the file has changed. */
export async function fileWith(path: string, enough: (text: string) => boolean, ms: number): Promise<string> {
  const grown = Promise.withResolvers<string>()
  const look = () => {
    const text = readIfThere(path)
    if (enough(text)) grown.resolve(text)
  }
  const watcher: FSWatcher = watch(dirname(path), (_event, name) => {
    if (name === null || name === basename(path)) look()
  })
  try {
    look()
    return await within(ms, () => `enough in ${path}, only ${readIfThere(path).length} bytes`, grown.promise)
  } finally {
    watcher.close()
  }
}
