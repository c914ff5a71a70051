// A server that is measured: started alone on one core, with the accounts of the benchmark.

import type { HostPort } from '../support/server-process.ts'

export interface BenchSubject {
  readonly folder: string
  readonly udp: HostPort
  readonly tcp: HostPort
  /** Of the process that started all others. */
  readonly pid: number
  /** All its processes. */
  pids(): readonly number[]
  start(): Promise<void>
  stop(): Promise<void>
  /** Whatever state it is in. */
  remove(): Promise<void>
}

export const FIRST_NUMBER = 100_000

/** The core that the server has, and that of everything else. */
export const SERVER_CORE = 0
export const LOAD_CORE = 1

export function onCore(core: number, command: readonly string[]): string[] {
  return ['taskset', '-c', String(core), ...command]
}
