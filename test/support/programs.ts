// The programs from the distribution which tests run, and the package that brings each (test/install-programs).

import { resolve } from 'node:path'

const INSTALLER = resolve(import.meta.dir, '../install-programs')

/** Installs what is missing where that may be done; says what is missing, and stops the tests, where it may not. */
export function requirePrograms(): void {
  const { exitCode, stdout, stderr } = Bun.spawnSync([INSTALLER])
  if (exitCode !== 0) throw new Error(`${stdout}${stderr}`.trim())
}

/** Namespaces want root and ip(8); null when both are there, otherwise why they cannot be had. */
export function whyNoNamespaces(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'network namespaces want root'
  return Bun.which('ip') === null ? 'network namespaces want ip(8) of iproute2' : null
}
