// The database worker: a thread of its own, on real time, so that it may wait for the disk. It is the only owner of
// SQL; what it does is in service.ts.

import { SystemClock } from '../clock.ts'
import { parseDatabaseUrl } from '../config.ts'
import { IdSource } from '../sip/id.ts'
import { openDriver } from './open-driver.ts'
import { snapshotPlace, spoolPlace } from './place.ts'
import type { Opening, Request } from './protocol.ts'
import { StoreService } from './service.ts'

/** Real time, whatever time the main thread lives in: what is waited for here is a disk and other programs. */
const clock = new SystemClock((error) => {
  throw error
})
const ids = new IdSource()
let started: Promise<StoreService> | null = null

async function start(opening: Opening): Promise<StoreService> {
  const location = parseDatabaseUrl(opening.url)
  const service = new StoreService(opening, {
    clock,
    random: (bytes) => ids.random(bytes),
    openDriver: () => openDriver(location, { node: opening.node, clock }),
    spool: spoolPlace(opening.folder, location),
    snapshot: snapshotPlace(opening.folder, location),
    reply: (message) => postMessage(message),
  })
  await service.start()
  return service
}

async function receive(request: Request): Promise<void> {
  if (request.kind === 'open') {
    started = start(request)
    return
  }
  const service = await started
  if (service === null) throw new Error(`${request.kind} came before open`)
  switch (request.kind) {
    case 'commit':
      return service.commit(request)
    case 'problems':
      return service.report(request)
    case 'spool-limit':
      return service.limitSpool(request.bytes)
    case 'trim-calls':
      return service.trimCalls(request.before)
    case 'close':
      await service.close()
      postMessage({ kind: 'closed', id: request.id })
      return
    default:
      return service.answer(request)
  }
}

declare const self: Worker
self.onmessage = (event: MessageEvent<Request>): void => {
  void receive(event.data)
}
