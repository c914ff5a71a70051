// What processes have used of a processor, as the kernel counts it: to the nanosecond, all threads together.

import { readdirSync, readFileSync } from 'node:fs'

/** us, user and system together, of all these processes. Threads that have ended are not in it. */
export function cpu_us(pids: readonly number[]): number {
  let total_ns = 0
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      total_ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0])
    }
  }
  return total_ns / 1000
}

/** It, and all that it has started: asked when they run, since some servers start their processes one by one. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (pid > 0) parents.set(pid, parentOf(pid))
  }
  const tree = [root]
  for (const member of tree) for (const [pid, parent] of parents) if (parent === member) tree.push(pid)
  return tree
}

/** Field four of the process's stat, behind its name, which may hold anything. */
function parentOf(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    // It has ended since.
    return 0
  }
}
