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
