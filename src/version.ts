// Which program this is.

import { fileURLToPath } from 'node:url'
import { version } from '../package.json'

/** Put in by scripts/build.ts; in a checkout nobody defines it. */
declare const SIPWITCHES_COMMIT: string | undefined

export const VERSION: string = version

/** The commit that was built, or that is checked out; 'unknown' outside of git. */
export function commit(): string {
  if (typeof SIPWITCHES_COMMIT === 'string') return SIPWITCHES_COMMIT
  return checkedOutCommit()
}

function checkedOutCommit(): string {
  try {
    const checkout = fileURLToPath(new URL('..', import.meta.url))
    const git = Bun.spawnSync(['git', 'rev-parse', '--short=12', 'HEAD'], { cwd: checkout, stderr: 'ignore' })
    return git.success ? git.stdout.toString().trim() : 'unknown'
  } catch {
    // No git on this machine.
    return 'unknown'
  }
}
