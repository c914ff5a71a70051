// Keeps one database worker alive: looks whether it still moves, ends it when it does not, and starts the next.

import type { Clock, Timer, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import { IdSource } from '../sip/id.ts'
import { Backoff } from './backoff.ts'
import { type Opening, type Reply, type Request, Work } from './protocol.ts'

export interface SupervisorOptions {
  readonly clock: Clock
  /** The worker's program. */
  readonly program: URL
  readonly opening: Omit<Opening, 'kind' | 'again'>
  readonly onReply: (reply: Reply) => void
  /** Another worker is there; it knows of no message that was sent before. */
  readonly onRestarted: () => void
  readonly onNotice: (sentence: string) => void
}

enum Wake {
  Look = 0,
  Start = 1,
}

const LOOKS_MAX = Math.ceil(LIMITS.storeWorkerSilence_ms / LIMITS.storeWorkerLook_ms)
const LOOKS_PATIENT_MAX = Math.ceil(LIMITS.storeBoot_ms / LIMITS.storeWorkerLook_ms)

export class Supervisor implements Wakeable {
  readonly #options: SupervisorOptions
  readonly #backoff: Backoff
  #worker: Worker | null = null
  /** The timers that are set, so that none outlives the supervisor. */
  readonly #timers = new Map<Wake, Timer>()
  #beats = 0
  /** Looks in a row that found the worker where it was. Not a time: this process may have been stopped itself. */
  #silentLooks = 0
  #startedAt_ms = 0
  /** The next one is started at once, unless workers die one after the other. */
  #diedEarly = false
  restarts = 0

  constructor(options: SupervisorOptions) {
    this.#options = options
    const ids = new IdSource()
    this.#backoff = new Backoff((bytes) => ids.random(bytes))
    this.#start(false)
  }

  /** Lost while there is no worker: what waits for an answer is sent again to the next. */
  send(request: Request): void {
    this.#worker?.postMessage(request)
  }

  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    const worker = this.#worker
    this.#worker = null
    worker?.terminate()
  }

  onTimer(which: Wake): void {
    this.#timers.delete(which)
    if (which === Wake.Look) this.#look()
    else this.#startNext()
  }

  #set(which: Wake, delay_ms: number): void {
    this.#timers.get(which)?.cancel()
    this.#timers.set(which, this.#options.clock.after(delay_ms, this, which))
  }

  #start(again: boolean): void {
    const { program, opening, onReply } = this.#options
    opening.work[Work.Patient] = 1
    const worker = new Worker(program)
    worker.onmessage = (event: MessageEvent<Reply>) => {
      if (worker === this.#worker) onReply(event.data)
    }
    // Not every death comes with an error (Bun gives none for an unhandled rejection), but each with 'close'.
    let cause = 'no reason given'
    worker.onerror = (event) => {
      cause = event.message
    }
    worker.addEventListener('close', () => this.#onDeath(worker, `ended unexpectedly (${cause})`))
    worker.postMessage({ kind: 'open', ...opening, again } satisfies Request)
    this.#worker = worker
    this.#startedAt_ms = this.#options.clock.monotonic()
    this.#silentLooks = 0
    this.#set(Wake.Look, LIMITS.storeWorkerLook_ms)
  }

  #look(): void {
    const { work } = this.#options.opening
    const beats = work[Work.Beats] ?? 0
    this.#silentLooks = beats === this.#beats ? this.#silentLooks + 1 : 0
    this.#beats = beats
    const worker = this.#worker
    // It says so when it does what takes its time, as the check of a large file does.
    const looksMax = work[Work.Patient] === 1 ? LOOKS_PATIENT_MAX : LOOKS_MAX
    if (this.#silentLooks < looksMax || worker === null) {
      this.#set(Wake.Look, LIMITS.storeWorkerLook_ms)
      return
    }
    this.#onDeath(worker, 'was stuck and has been ended')
    worker.terminate()
  }

  #onDeath(worker: Worker, how: string): void {
    if (worker !== this.#worker) return
    this.#worker = null
    this.#timers.get(Wake.Look)?.cancel()
    this.#options.onNotice(`The database worker ${how}; another one takes over.`)
    const lived_ms = this.#options.clock.monotonic() - this.#startedAt_ms
    if (lived_ms >= LIMITS.storeWell_ms) {
      this.#backoff.reset()
      this.#diedEarly = false
    }
    if (this.#diedEarly) this.#set(Wake.Start, this.#backoff.next())
    else this.#startNext()
    this.#diedEarly = true
  }

  #startNext(): void {
    this.restarts++
    this.#start(true)
    this.#options.onRestarted()
  }
}
