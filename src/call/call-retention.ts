// How long call detail records are kept: the setting `call_keep_days`.

import type { Clock, Timer, Wakeable } from '../clock.ts'
import { LIMITS } from '../config.ts'
import type { LiveSettings } from '../directory/settings.ts'
import type { Store } from '../store/store.ts'

const DAY_ms = 86_400_000

export class CallRetention implements Wakeable {
  readonly #clock: Clock
  readonly #store: Pick<Store, 'trimCalls'>
  readonly #settings: LiveSettings
  #timer: Timer

  constructor(clock: Clock, store: Pick<Store, 'trimCalls'>, settings: LiveSettings) {
    this.#clock = clock
    this.#store = store
    this.#settings = settings
    this.#timer = clock.after(LIMITS.storeCallTrim_ms, this, 0)
  }

  onTimer(): void {
    const days = this.#settings.current.callKeep_days
    if (days > 0) this.#store.trimCalls(this.#clock.now() - days * DAY_ms)
    this.#timer = this.#clock.after(LIMITS.storeCallTrim_ms, this, 0)
  }

  close(): void {
    this.#timer.cancel()
  }
}
