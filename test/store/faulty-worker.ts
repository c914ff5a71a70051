// The product's worker with two faults to order: a look-up in the domain "crash" ends it, one in "hang" makes it spin
// for ever. The name is a file: when it is there already, the fault has been and nothing happens; "always" is no file.

import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import type { Request } from '../../src/store/protocol.ts'
import '../../src/store/worker.ts'

declare const self: Worker
const product = self.onmessage

self.onmessage = (event: MessageEvent<Request>): void => {
  if (event.data.kind === 'find') meet(event.data.domain, event.data.name)
  product?.call(self, event)
}

function meet(fault: string, once: string): void {
  if ((fault !== 'crash' && fault !== 'hang') || existsSync(once)) return
  if (once !== 'always') writeFileSync(once, fault)
  if (fault === 'crash') throw new Error('as ordered')
  // To be seen as long as it goes on.
  for (;;) appendFileSync(once, '.')
}
