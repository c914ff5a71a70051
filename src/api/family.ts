// A family of samples as Prometheus knows it, and how its samples are read from what the server has counted.

import type { Scrape } from './metrics.ts'

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

export interface Family {
  readonly type: 'counter' | 'gauge'
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  samples(scrape: Scrape): readonly Sample[]
}

export function alone(value: number): readonly Sample[] {
  return [{ labels: {}, value }]
}

export function by(label: string, counts: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(counts).map(([name, value]) => ({ labels: { [label]: name }, value }))
}
