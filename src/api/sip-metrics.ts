// Messages and transactions, what was turned away, who is registered, and calls.

import { MethodId } from '../../wasm/layout.ts'
import { alone, by, type Family, type Sample } from './family.ts'
import type { MessageCount } from './metrics.ts'

/** Anyone can invent a method, and each new label value would stay for ever (RFC 3261 section 7.1 leaves them open). */
const METHODS: ReadonlySet<unknown> = new Set(
  Object.values(MethodId).filter((name) => typeof name === 'string' && name !== MethodId[MethodId.Other]),
)

function messageSamples(counts: readonly MessageCount[]): readonly Sample[] {
  return counts.map(({ method, transport, direction, count }) => ({
    labels: { method: METHODS.has(method) ? method : 'other', transport, direction },
    value: count,
  }))
}

export const SIP_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_messages_total',
    help: 'SIP messages by method, transport and direction; a response counts under the method of its CSeq',
    labels: ['method', 'transport', 'direction'],
    samples: (scrape) => messageSamples(scrape.messages),
  },
  {
    type: 'counter',
    name: 'sipwitches_responses_total',
    help: 'SIP responses sent, by class of their status code',
    labels: ['class'],
    samples: (scrape) => by('class', scrape.responses),
  },
  {
    type: 'counter',
    name: 'sipwitches_parse_failures_total',
    help: 'Messages that break the grammar, by what is wrong with them',
    labels: ['reason'],
    samples: (scrape) => by('reason', scrape.parseFailures),
  },
  {
    type: 'gauge',
    name: 'sipwitches_transactions',
    help: 'Transactions open now, by state machine',
    labels: ['kind'],
    samples: ({ transactions }) =>
      Object.entries(transactions).map(([kind, { open }]) => ({ labels: { kind }, value: open })),
  },
  {
    type: 'counter',
    name: 'sipwitches_transactions_started_total',
    help: 'Transactions begun, by state machine',
    labels: ['kind'],
    samples: ({ transactions }) =>
      Object.entries(transactions).map(([kind, { started }]) => ({ labels: { kind }, value: started })),
  },
  {
    type: 'gauge',
    name: 'sipwitches_answers_kept_seconds',
    help: 'For how long a final answer is given again: 32, or less when more come than there is room for',
    labels: [],
    samples: (scrape) => alone(scrape.answersKept_seconds),
  },
  {
    type: 'counter',
    name: 'sipwitches_defects_total',
    help: 'Faults of the program that ended a transaction with 500; 0 by design, the log has the stack',
    labels: [],
    samples: (scrape) => alone(scrape.defects),
  },
]

export const OVERLOAD_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_refused_total',
    help: 'What was turned away because of a limit, by that limit',
    labels: ['limit'],
    samples: ({ overload }) => by('limit', overload.refused),
  },
  {
    type: 'counter',
    name: 'sipwitches_refused_unanswered_total',
    help: 'Requests and messages turned away without an answer, which would have cost too much',
    labels: [],
    samples: ({ overload }) => alone(overload.unanswered),
  },
  {
    type: 'gauge',
    name: 'sipwitches_pressure',
    help: '0: all is served; 1: new calls and first registrations are rationed by source; 2: none begins',
    labels: [],
    samples: ({ overload }) => alone(overload.pressure),
  },
  {
    type: 'gauge',
    name: 'sipwitches_sources',
    help: 'Addresses that sent something within the last second',
    labels: [],
    samples: ({ overload }) => alone(overload.sources),
  },
  {
    type: 'gauge',
    name: 'sipwitches_connections',
    help: 'Stream connections open now',
    labels: [],
    samples: ({ overload }) => alone(overload.connections),
  },
]

export const REGISTRAR_FAMILIES: readonly Family[] = [
  {
    type: 'gauge',
    name: 'sipwitches_bindings',
    help: 'Registered contacts',
    labels: [],
    samples: (scrape) => alone(scrape.bindings),
  },
  {
    type: 'counter',
    name: 'sipwitches_authentication_failures_total',
    help: 'Requests whose credentials were refused, by reason',
    labels: ['reason'],
    samples: (scrape) => by('reason', scrape.authenticationFailures),
  },
]

export const CALL_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_call_records_lost_total',
    help: 'Call detail records, and ends of calls, that the database did not take',
    labels: [],
    samples: (scrape) => alone(scrape.callRecordsLost),
  },
]
