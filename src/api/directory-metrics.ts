// Which records are in memory, and how they come and go.

import { alone, by, type Family } from './family.ts'

export const DIRECTORY_FAMILIES: readonly Family[] = [
  {
    type: 'counter',
    name: 'sipwitches_directory_lookups_total',
    help: 'Look-ups of a name: its record was in memory, was not, or nobody was known to have the name',
    labels: ['result'],
    samples: ({ directory }) =>
      by('result', { hit: directory.hits, miss: directory.misses, negative: directory.negativeHits }),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_reads_total',
    help: 'Records wanted from the database: asked for, or merged with the same question under way',
    labels: ['outcome'],
    samples: ({ directory }) => by('outcome', { sent: directory.lookups, merged: directory.merged }),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_entries',
    help: 'Names in memory: of extensions with a registered phone, of others, and those that nobody has',
    labels: ['kind'],
    samples: ({ directory }) =>
      by('kind', { active: directory.active, other: directory.others, unknown: directory.unknown }),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_bytes',
    help: 'Memory that these take, estimated',
    labels: [],
    samples: ({ directory }) => alone(directory.bytes),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_invalidations_total',
    help: 'Names whose rows were changed',
    labels: [],
    samples: ({ directory }) => alone(directory.invalidations),
  },
  {
    type: 'counter',
    name: 'sipwitches_directory_evictions_total',
    help: 'Records of extensions without a registered phone that made room for others',
    labels: [],
    samples: ({ directory }) => alone(directory.evictions),
  },
  {
    type: 'gauge',
    name: 'sipwitches_directory_staleness_seconds',
    help: 'Since when changes of rows were last looked for',
    labels: [],
    samples: ({ directory }) => alone(directory.staleness_seconds),
  },
]
