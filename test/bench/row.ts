// What is compared, and what is wanted of it: the rows of the table.

import type { ScenarioName } from './load/scenario.ts'

export interface Row {
  readonly name: string
  readonly title: string
  /** A scenario of the load generator, calls by SIPp, or memory. */
  readonly measured: ScenarioName | 'sipp' | 'memory'
  readonly durable: boolean
  /** Ours to Kamailio's, at most. */
  readonly target: number
  readonly note: string
}

const DURABLE_TARGET = 0.3
const CALL_TARGET = 0.8
const REGISTER_TARGET = 0.67

export const RATE_TARGET = 1.3
export const P99_TARGET_MS = 5

export const ROWS: readonly Row[] = [
  inMemory('options', 'OPTIONS, 200', 'options', REGISTER_TARGET),
  inMemory('register', 'REGISTER, 401, REGISTER, 200', 'register', REGISTER_TARGET),
  inMemory('refresh', 'REGISTER with a known nonce, 200', 'refresh', REGISTER_TARGET),
  inMemory('message', 'MESSAGE through the proxy, 200', 'message', CALL_TARGET),
  inMemory('message-407', 'MESSAGE, 407, MESSAGE, 200', 'message-407', CALL_TARGET),
  inMemory('call', 'INVITE, 100, 180, 200, ACK, BYE, 200', 'call', CALL_TARGET),
  inMemory('call-407', 'INVITE, 407, ACK and the call', 'call-407', CALL_TARGET),
  inMemory('register-tcp', 'REGISTER, 401, REGISTER, 200 over TCP', 'register-tcp', REGISTER_TARGET),
  durable('register-durable', 'REGISTER, 401, REGISTER, 200, on disk', 'register', ''),
  durable('refresh-durable', 'REGISTER with a known nonce, 200, on disk', 'refresh', ''),
  {
    ...durable(
      'call-durable',
      'the call, with default settings',
      'call',
      'ours writes call records; Kamailio writes nothing',
    ),
    target: CALL_TARGET,
  },
  { ...inMemory('call-sipp', 'the call by SIPp, at one rate', 'call', CALL_TARGET), measured: 'sipp' },
  {
    ...inMemory('memory', 'bytes for a binding', 'call', 1.5),
    measured: 'memory',
    note: 'ours with the cached record of the account, whose HA1 Kamailio has elsewhere',
  },
]

function inMemory(name: string, title: string, measured: ScenarioName, target: number): Row {
  return { name, title, measured, durable: false, target, note: '' }
}

function durable(name: string, title: string, measured: ScenarioName, note: string): Row {
  return { name, title, measured, durable: true, target: DURABLE_TARGET, note }
}
