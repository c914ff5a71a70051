// What the benchmark wants of the machine, and how to get what is missing.

import { readdirSync, readFileSync } from 'node:fs'
import { LOAD_CORE, SERVER_CORE } from './subject.ts'

const PACKAGES: Readonly<Record<string, string>> = {
  taskset: 'util-linux',
  setsid: 'util-linux',
  kamailio: 'kamailio',
  sqlite3: 'sqlite3',
  sipp: 'sip-tester',
}
const MODULES = '/usr/lib'

/** Some of the programs live in sbin, which is not on everyone's path. */
export function widenPath(): void {
  process.env.PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`
}

/** A sentence for each thing that is missing. */
export function missing(): string[] {
  if (process.platform !== 'linux') return ['It reads /proc and gives each process its core: it wants Linux.']
  const packages = new Set(
    Object.entries(PACKAGES).flatMap(([program, name]) => (Bun.which(program) === null ? [name] : [])),
  )
  if (!hasModule('db_sqlite.so')) packages.add('kamailio-sqlite-modules')
  const problems: string[] = []
  if (packages.size > 0) {
    const list = [...packages].join(' ')
    problems.push(
      `Missing Debian packages: ${list}. As root: test/install-programs, or apt-get install ${list}`,
    )
  }
  const cores = allowedCores(readFileSync('/proc/self/status', 'latin1'))
  if (!cores.has(SERVER_CORE) || !cores.has(LOAD_CORE)) {
    problems.push(
      `It wants the cores ${SERVER_CORE} and ${LOAD_CORE}, one for the server, one for the load; ` +
        `this process has ${[...cores].join(', ')}. Run it on a machine, or in a container, that has both.`,
    )
  }
  return problems
}

function hasModule(name: string): boolean {
  return readdirSync(MODULES).some((folder) => {
    try {
      return readdirSync(`${MODULES}/${folder}/kamailio/modules`).includes(name)
    } catch {
      // ENOENT: another folder.
      return false
    }
  })
}

/** "Cpus_allowed_list: 0-1,4" */
export function allowedCores(status: string): ReadonlySet<number> {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1]
  if (list === undefined) return new Set()
  const cores = list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, n) => first + n)
  })
  return new Set(cores)
}
