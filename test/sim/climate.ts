// How rough the world of one seed is. Each trouble is there in some seeds only, so that each is also had alone.

import type { Random } from '../support/random.ts'

export interface Climate {
  readonly delay_ms: number
  readonly jitter_ms: number
  readonly loss: number
  readonly duplication: number
  readonly timerC_s: number
  readonly numbers: readonly string[]
  readonly phonesPerNumber: number
  readonly tcpShare: number
  readonly day_ms: number
  /** Between two acts of somebody. */
  readonly pace_ms: number
  readonly troubles: readonly Trouble[]
  /** Between two troubles. */
  readonly calm_ms: number
}

export type Trouble = 'kill' | 'restart' | 'partition' | 'slow-store' | 'failing-store' | 'vanish' | 'storm'

const TROUBLES: readonly Trouble[] = [
  'kill',
  'restart',
  'partition',
  'slow-store',
  'failing-store',
  'vanish',
  'storm',
]

export function climateOf(random: Random): Climate {
  const rough = (most: number) => (random.next() < 0.5 ? 0 : random.next() * most)
  const numbers = Array.from({ length: 2 + random.below(4) }, (_, n) => `${101 + n}`)
  return {
    delay_ms: random.pick([0, 1, 20, 150]),
    jitter_ms: rough(300),
    loss: rough(0.25),
    duplication: rough(0.3),
    timerC_s: random.pick([20, 40, 185]),
    numbers,
    phonesPerNumber: 1 + random.below(3),
    tcpShare: random.pick([0, 0.3, 0.3, 1]),
    day_ms: 40_000 + random.below(80_000),
    pace_ms: 800 + random.below(3000),
    troubles: TROUBLES.filter(() => random.next() < 0.3),
    calm_ms: 4000 + random.below(20_000),
  }
}
