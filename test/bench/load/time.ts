// The clock of the load generator: real time.

import { SystemClock } from '../../../src/clock.ts'

export const clock = new SystemClock((error) => {
  throw error
})
