// A hashed timing wheel: setting and cancelling cost the same few nanoseconds however many timers there are.
// SIP sets several timers for each message and cancels nearly all of them, which is what a heap is worst at.
// It knows ticks, not time: the clock drives it.

import type { Timer, Wakeable } from './clock.ts'

/** A power of two. With the clock's tick of 8 ms one rotation is 32.8 s: Timers B, F and H (32 s) need only one. */
const SLOTS = 4096
const SLOT_MASK = SLOTS - 1
/** Where an entry is that is in no slot: being fired, fired, or cancelled. */
const NO_SLOT = -1

/** A timer, and the head of each list: lists are circular and intrusive, so that leaving one needs no search. */
class Entry implements Timer {
  next: Entry = this
  previous: Entry = this
  slot = NO_SLOT

  constructor(
    readonly wheel: TimingWheel,
    readonly who: Wakeable,
    readonly which: number,
    /** Absolute, not "rounds left": visiting a slot then writes nothing, and a stalled process stays right. */
    readonly due_tick: number,
  ) {}

  cancel(): void {
    this.wheel.cancel(this)
  }
}

export class TimingWheel {
  readonly #heads: Entry[] = []
  /** One bit for each slot that holds something, so that the next one is found without walking the empty ones. */
  readonly #occupied = new Uint32Array(SLOTS / 32)
  readonly #firing: Entry
  readonly #onError: (error: unknown) => void
  #tick = 0
  #size = 0

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
    const nobody: Wakeable = { onTimer() {} }
    for (let slot = 0; slot < SLOTS; slot++) this.#heads.push(new Entry(this, nobody, 0, 0))
    this.#firing = new Entry(this, nobody, 0, 0)
  }

  /** Timers set and neither fired nor cancelled. */
  get size(): number {
    return this.#size
  }

  /** Fires when the wheel is turned to `due_tick` or beyond; a tick that has passed already counts as the next one. */
  set(due_tick: number, now_tick: number, who: Wakeable, which: number): Timer {
    // While it is empty nobody turns the wheel, and there is nothing to pass over.
    if (this.#size === 0 && now_tick > this.#tick) this.#tick = now_tick
    const entry = new Entry(this, who, which, Math.max(due_tick, this.#tick + 1))
    const slot = entry.due_tick & SLOT_MASK
    entry.slot = slot
    append(this.#heads[slot]!, entry)
    this.#occupied[slot >>> 5]! |= 1 << (slot & 31)
    this.#size++
    return entry
  }

  cancel(entry: Entry): void {
    if (entry.next === entry) return
    unlink(entry)
    this.#size--
    if (entry.slot !== NO_SLOT) this.#vacate(entry.slot)
    entry.slot = NO_SLOT
  }

  /** The tick to turn to next: never later than the first timer due, earlier when its slot comes by before it. */
  nextTick(): number | null {
    if (this.#size === 0) return null
    const first = (this.#tick + 1) & SLOT_MASK
    const distance = this.#distanceFrom(first)
    return distance === null ? null : this.#tick + 1 + distance
  }

  /** Turns to `tick` and wakes who is due, in the order of ticks. After a stall of over a rotation only roughly so. */
  turn(tick: number): void {
    const from = this.#tick + 1
    const steps = Math.min(tick - this.#tick, SLOTS)
    if (steps <= 0) return
    this.#tick = tick
    for (let step = 0; step < steps; ) {
      const distance = this.#distanceFrom((from + step) & SLOT_MASK)
      if (distance === null || step + distance >= steps) break
      step += distance
      this.#collect((from + step) & SLOT_MASK, tick)
      step++
    }
    this.#fire()
  }

  clear(): void {
    for (const head of this.#heads) while (head.next !== head) this.cancel(head.next)
    while (this.#firing.next !== this.#firing) this.cancel(this.#firing.next)
  }

  /** How many slots lie between this one and the next occupied one, going round; 0 when it is occupied itself. */
  #distanceFrom(slot: number): number | null {
    const words = this.#occupied.length
    const firstWord = slot >>> 5
    for (let n = 0; n <= words; n++) {
      const word = (firstWord + n) % words
      let bits = this.#occupied[word]!
      // Of the first word only what is at or after the slot; all of it when coming round again.
      if (n === 0) bits &= -1 << (slot & 31)
      if (bits === 0) continue
      const lowest = 31 - Math.clz32(bits & -bits)
      return (word * 32 + lowest - slot + SLOTS) & SLOT_MASK
    }
    return null
  }

  /** Takes all that is due out of the slot before anyone is woken: who is woken may set and cancel as it likes. */
  #collect(slot: number, tick: number): void {
    const head = this.#heads[slot]!
    let entry = head.next
    while (entry !== head) {
      const following = entry.next
      if (entry.due_tick <= tick) {
        unlink(entry)
        entry.slot = NO_SLOT
        append(this.#firing, entry)
      }
      entry = following
    }
    this.#vacate(slot)
  }

  #fire(): void {
    while (this.#firing.next !== this.#firing) {
      const entry = this.#firing.next
      unlink(entry)
      this.#size--
      try {
        entry.who.onTimer(entry.which)
      } catch (error) {
        this.#onError(error)
      }
    }
  }

  #vacate(slot: number): void {
    const head = this.#heads[slot]!
    if (head.next === head) this.#occupied[slot >>> 5]! &= ~(1 << (slot & 31))
  }
}

function append(head: Entry, entry: Entry): void {
  entry.previous = head.previous
  entry.next = head
  head.previous.next = entry
  head.previous = entry
}

function unlink(entry: Entry): void {
  entry.previous.next = entry.next
  entry.next.previous = entry.previous
  entry.next = entry
  entry.previous = entry
}
