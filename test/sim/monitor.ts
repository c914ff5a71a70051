// Watches the server's wire from outside, and its tables from inside: the invariants of a run.

import type { Server } from '../../src/server.ts'
import type { BindingRecord, CallRecord } from '../../src/store/store.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'
import type { Carried, NetworkWatcher } from '../support/virtual-network.ts'
import { AnswerRule } from './answer-rule.ts'
import { BranchRule } from './branch-rule.ts'
import type { WorldCounts } from './count.ts'
import type { Fate, Ladder } from './ladder.ts'
import { RecordRule } from './record-rule.ts'
import { type RegistrationHome, RegistrationRule } from './registration-rule.ts'
import { SipText } from './sip-text.ts'
import type { Rule, WireEvent } from './wire-event.ts'

export interface MonitorParts {
  readonly clock: VirtualClock
  readonly ladder: Ladder
  readonly counts: WorldCounts
  readonly serverHost: string
  readonly timerC_ms: number
  stored(): readonly BindingRecord[]
}

interface Expectation {
  readonly holds: () => boolean
  readonly what: string
}

/** Between two seconds: the one whose timer is what makes the server send may not have left its table yet. */
const LEAVING = 1

export class Monitor implements NetworkWatcher, RegistrationHome {
  readonly clock: VirtualClock
  readonly timerC_ms: number
  /** The first thing that was wrong. */
  violation: string | null = null
  readonly #parts: MonitorParts
  readonly #answers: AnswerRule
  readonly #branches: BranchRule
  readonly #registrations: RegistrationRule
  readonly #records: RecordRule
  readonly #rules: readonly Rule[]
  #expectations: Expectation[] = []
  #moment_ms = 0
  /** Since when each request of a phone is on its way, by its branch. */
  readonly #asked_ms = new Map<string, number>()
  readonly #callsWithLoss = new Set<string>()
  readonly #troubles_ms = new Map<string, number>()
  #serverGone_ms = -1
  /** Records of calls that the servers before this one did not write. */
  #recordsLost = 0
  /** The one that runs; null while none does. */
  #server: Server | null = null

  constructor(parts: MonitorParts) {
    this.#parts = parts
    this.clock = parts.clock
    this.timerC_ms = parts.timerC_ms
    this.#answers = new AnswerRule(this)
    this.#branches = new BranchRule(this, this.#answers)
    this.#registrations = new RegistrationRule(this, this.#answers, this.#branches)
    this.#records = new RecordRule(this)
    this.#rules = [this.#answers, this.#branches, this.#registrations, this.#records]
  }

  stored(): readonly BindingRecord[] {
    return this.#parts.stored()
  }

  fail(what: string): void {
    if (this.violation !== null) return
    this.violation = what
    this.#parts.ladder.close()
  }

  expect(holds: () => boolean, what: string): void {
    this.#expectations.push({ holds, what })
  }

  onSent(carried: Carried): void {
    this.#parts.counts.messages++
    const isNewMoment = this.clock.monotonic() !== this.#moment_ms
    const event = this.#read('sent', carried, carried.to.host)
    if (carried.from.host === this.#parts.serverHost) for (const rule of this.#rules) rule.onSent(event)
    else if (!this.#asked_ms.has(event.message.branch)) this.#asked_ms.set(event.message.branch, event.at_ms)
    // What the server does at one moment it may do in any order; before it all was done.
    if (isNewMoment) this.#checkServer(LEAVING)
  }

  onArrival(carried: Carried): void {
    if (this.clock.monotonic() !== this.#moment_ms) this.#checkServer(LEAVING)
    const event = this.#read('arrived', carried, carried.from.host)
    if (carried.to.host === this.#parts.serverHost) for (const rule of this.#rules) rule.onArrival(event)
  }

  onLost(carried: Carried): void {
    this.#parts.counts.lost++
    this.#callsWithLoss.add(this.#read('lost', carried, carried.to.host).message.callId)
  }

  onServerStarted(server: Server): void {
    this.#server = server
    this.#registrations.onServerStarted(server)
  }

  onServerGone(): void {
    this.#recordsLost += this.#server?.callRecorder.lost ?? 0
    this.#server = null
    this.#serverGone_ms = this.clock.monotonic()
    this.#expectations = []
    for (const rule of this.#rules) rule.onServerGone()
  }

  /** Something befell the way to this phone. */
  onTrouble(host: string): void {
    this.#troubles_ms.set(host, this.clock.monotonic())
  }

  /** Wrong, unless something that belongs to it was lost, or the server or the way to it was away meanwhile. */
  onUnanswered(invite: SipText, host: string): void {
    const since_ms = this.#asked_ms.get(invite.branch) ?? 0
    const trouble_ms = Math.max(this.#serverGone_ms, this.#troubles_ms.get(host) ?? -1)
    if (trouble_ms >= since_ms || this.#callsWithLoss.has(invite.callId)) return
    this.fail(`an INVITE of ${host} never got a final answer: ${invite.callId}`)
  }

  onSecond(): void {
    this.#settle()
    for (const rule of this.#rules) rule.onSecond()
    this.#checkServer(0)
  }

  onDayOver(records: readonly CallRecord[]): void {
    this.#records.onDayOver(records, this.#recordsLost + (this.#server?.callRecorder.lost ?? 0))
  }

  /** Nothing is held that no timer of the RFC allows. */
  #checkServer(leaving: number): void {
    if (this.#server === null) return
    const { transactions, location, defects } = this.#server
    if (defects > 0) this.fail('the server counted a defect')
    this.#bounded('server transactions', transactions.serverCount, this.#answers.openCount + leaving)
    this.#bounded('client transactions', transactions.clientCount, this.#branches.openCount + leaving)
    this.#bounded('bindings', location.count, this.#registrations.possibleCount + leaving)
  }

  #bounded(name: string, held: number, most: number): void {
    if (held > most) this.fail(`${held} ${name}, and by their timers there are ${most} at most`)
  }

  #read(fate: Fate, carried: Carried, host: string): WireEvent {
    this.#settle()
    const message = new SipText(carried.bytes.toString('latin1'))
    this.#parts.ladder.message(this.#moment_ms, fate, carried, message)
    return { message, host, reliable: carried.reliable, at_ms: this.#moment_ms }
  }

  #settle(): void {
    const now_ms = this.clock.monotonic()
    if (now_ms === this.#moment_ms) return
    this.#moment_ms = now_ms
    if (this.#expectations.length === 0) return
    const due = this.#expectations
    this.#expectations = []
    for (const { holds, what } of due) if (!holds()) this.fail(what)
  }
}
