// Where it was measured.

import { readFileSync } from 'node:fs'
import { arch, cpus, release, totalmem } from 'node:os'
import { version } from '../../package.json'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memory_bytes: number
  readonly system: string
  readonly versions: Readonly<Record<string, string>>
}

export function thisMachine(): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model ?? arch(),
    cores: processors.length,
    memory_bytes: totalmem(),
    system: `${distribution()}, Linux ${release()}`,
    versions: {
      sipwitches: version,
      bun: Bun.version,
      kamailio: firstMatch(['kamailio', '-v'], /kamailio (\d[\w.]*)/),
      sqlite3: firstMatch(['sqlite3', '--version'], /^(\S+)/),
      sipp: firstMatch(['sipp', '-v'], /SIPp v(\d[\w.]*)/),
    },
  }
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? ''
  } catch {
    // ENOENT: it has no name.
    return 'Linux'
  }
}

function firstMatch(command: string[], pattern: RegExp): string {
  const { stdout, stderr } = Bun.spawnSync(command)
  return pattern.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'
}
