// The program itself.

import { alone, type Family } from './family.ts'

export const PROCESS_FAMILIES: readonly Family[] = [
  {
    type: 'gauge',
    name: 'sipwitches_build_info',
    help: 'Always 1; the labels say what is running',
    labels: ['version', 'bun', 'schema'],
    samples: ({ build }) => [
      { labels: { version: build.version, bun: build.bun, schema: String(build.schema) }, value: 1 },
    ],
  },
  {
    type: 'gauge',
    name: 'sipwitches_event_loop_delay_seconds',
    help: 'How late the event loop ran since the scrape before; quantile 1 is the worst',
    labels: ['quantile'],
    samples: ({ process: { loopDelay_seconds: delay } }) => [
      { labels: { quantile: '0.5' }, value: delay.p50 },
      { labels: { quantile: '0.99' }, value: delay.p99 },
      { labels: { quantile: '1' }, value: delay.max },
    ],
  },
  {
    type: 'gauge',
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    labels: [],
    samples: (scrape) => alone(scrape.process.residentMemory_bytes),
  },
  {
    type: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'User and system CPU time of all threads',
    labels: [],
    samples: (scrape) => alone(scrape.process.cpu_seconds),
  },
]
