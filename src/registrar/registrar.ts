// The registrar: RFC 3261 section 10.3, with Path (RFC 3327). Who asks has been proved before (auth/identity.ts).

import type { Clock } from '../clock.ts'
import type { Limits } from '../config.ts'
import type { Directory } from '../directory/directory.ts'
import type { LiveSettings } from '../directory/settings.ts'
import { splitList } from '../sip/header.ts'
import { formatHostPort, hostText } from '../sip/host.ts'
import { HeaderId, MethodId, own, type SipRequest, utf8 } from '../sip/message.ts'
import { canonicalUri, parseUri, type SipUri, sameUri } from '../sip/uri.ts'
import { rowText } from '../store/row-text.ts'
import {
  type BindingChange,
  type ExtensionRecord,
  type SightingChange,
  type Store,
  StoreUnavailable,
} from '../store/store.ts'
import type { Address, Flow } from '../transport/transport.ts'
import type { AssertedIdentity, Exchange, Handler, Verdict } from '../ua/uas.ts'
import { type ContactRequest, readContacts } from './contact.ts'
import type { Binding, Location } from './location.ts'

export type RegistrationEvent = 'registered' | 'refreshed' | 'unregistered' | 'expired'

export interface RegistrarParts {
  readonly clock: Clock
  readonly location: Location
  readonly directory: Directory
  readonly settings: LiveSettings
  readonly store: Store
  readonly limits: Pick<Limits, 'contactsPerRegister' | 'contact_characters' | 'routesPerMessage'>
  onRegistration(event: RegistrationEvent, binding: Binding, callId: string): void
}

/** Seconds that a phone is told to wait while its binding can't be made durable. */
const STORE_RETRY_s = 10

/** A phone that goes on refreshing is seen again once an hour: what it costs to write that is not worth more. */
const SIGHTING_ms = 3_600_000

/** What one REGISTER makes of an extension's bindings. */
interface Outcome {
  readonly bindings: readonly Binding[]
  readonly changes: readonly (BindingChange | SightingChange)[]
  readonly events: readonly { readonly event: RegistrationEvent; readonly binding: Binding }[]
}

type Decision = Outcome | { readonly status: number; readonly why: string; readonly reason?: string }

export class Registrar implements Handler {
  readonly #parts: RegistrarParts
  #date = ''
  #dated_s = 0

  constructor(parts: RegistrarParts) {
    this.#parts = parts
  }

  handle(exchange: Exchange): Verdict | Promise<Verdict> {
    if (exchange.request.methodId !== MethodId.REGISTER) return 'next'
    const { asserted } = exchange
    if (asserted === null) throw new Error('a REGISTER came to the registrar unproved')
    const { settings, limits, location } = this.#parts
    const asked = readContacts(exchange.request, settings.current, limits)
    switch (asked.kind) {
      case 'refused':
        exchange.answer(asked.status, asked.why, {
          headers: asked.status === 423 ? `Min-Expires: ${settings.current.expiresMin_s}\r\n` : '',
        })
        return 'done'
      case 'query':
        this.#accept(exchange, location.of(asserted.extensionId))
        return 'done'
      case 'clear':
        return this.#settle(exchange, asserted, this.#clear(exchange.request, asserted))
      case 'contacts':
        return this.#settle(exchange, asserted, this.#apply(exchange, asserted, asked.contacts))
    }
  }

  /** Bindings whose time has come, told by the location: gone from memory already, now from the database too. */
  expire(bindings: readonly Binding[]): void {
    for (const binding of bindings) this.#parts.onRegistration('expired', binding, binding.callId)
    this.#forget(bindings)
  }

  /** An extension that ceased to be, or may no longer register: its bindings end at once. */
  drop(extension: ExtensionRecord): void {
    const bindings = this.#parts.location.of(extension.id)
    this.#parts.location.replace(extension.id, [])
    for (const binding of bindings) this.#parts.onRegistration('unregistered', binding, binding.callId)
    this.#forget(bindings)
  }

  #forget(bindings: readonly Binding[]): void {
    const rows = bindings.filter(({ stored }) => stored)
    this.#parts.store.commit(rows.map(removal)).catch(() => {
      // Rows that outlive their bindings do no harm: `expires_at` is in them, and the next start clears them.
    })
  }

  /** Memory first, in the order of arrival; the 200 leaves when the change is durable (promise P2). */
  #settle(exchange: Exchange, asserted: AssertedIdentity, decision: Decision): Verdict | Promise<Verdict> {
    if ('status' in decision) {
      exchange.answer(
        decision.status,
        decision.why,
        decision.reason === undefined ? {} : { reason: decision.reason },
      )
      return 'done'
    }
    this.#parts.location.replace(asserted.extensionId, decision.bindings)
    return decision.changes.length === 0
      ? this.#conclude(exchange, decision)
      : this.#commit(exchange, decision)
  }

  async #commit(exchange: Exchange, decision: Outcome): Promise<Verdict> {
    try {
      await this.#parts.store.commit(decision.changes)
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      exchange.answer(503, `the binding can't be made durable: ${error.message}`, {
        headers: `Retry-After: ${STORE_RETRY_s}\r\n`,
      })
      return 'done'
    }
    return this.#conclude(exchange, decision)
  }

  #conclude(exchange: Exchange, decision: Outcome): Verdict {
    this.#accept(exchange, decision.bindings)
    for (const { event, binding } of decision.events) {
      this.#parts.onRegistration(event, binding, exchange.request.callId)
    }
    return 'done'
  }

  #clear(request: SipRequest, asserted: AssertedIdentity): Decision {
    const bindings = this.#parts.location.of(asserted.extensionId)
    if (bindings.some((binding) => isOutOfOrder(request, binding))) return outOfOrder()
    return {
      bindings: [],
      changes: bindings.filter(({ stored }) => stored).map(removal),
      events: bindings.map((binding) => ({ event: 'unregistered', binding })),
    }
  }

  /** Section 10.3 step 7: all of the request's contacts, or none of them. */
  #apply(exchange: Exchange, asserted: AssertedIdentity, contacts: readonly ContactRequest[]): Decision {
    const { request } = exchange
    const path = request.has(HeaderId.Path) ? request.headers(HeaderId.Path).flatMap(splitList) : []
    if (path.length > this.#parts.limits.routesPerMessage) return { status: 400, why: 'too many Path values' }
    const before = this.#parts.location.of(asserted.extensionId)
    let bindings = before
    const changes: (BindingChange | SightingChange)[] = []
    const events: { event: RegistrationEvent; binding: Binding }[] = []
    for (const contact of contacts) {
      const held = bindings.find((binding) => isSame(binding, contact))
      // A contact may stand twice in one request: the second is not late after the first.
      if (held !== undefined && before.includes(held) && isOutOfOrder(request, held)) return outOfOrder()
      if (held !== undefined) bindings = bindings.filter((binding) => binding !== held)
      if (contact.expires_s === 0) {
        if (held === undefined) continue
        if (held.stored) changes.push(removal(held))
        events.push({ event: 'unregistered', binding: held })
        continue
      }
      const binding = this.#bind(exchange, asserted, contact, path.join(', '), held)
      bindings = [...bindings, binding]
      if (this.#isDurable) changes.push({ kind: 'save', binding }, ...sightingOf(binding, held))
      events.push({ event: held === undefined ? 'registered' : 'refreshed', binding })
    }
    const most = this.#bindingsMax(asserted)
    if (bindings.length > most && events.some(({ event }) => event === 'registered')) {
      return {
        status: 403,
        why: `more than ${most} contacts for ${asserted.number}`,
        reason: 'Too Many Contacts',
      }
    }
    return { bindings, changes, events }
  }

  #bind(
    exchange: Exchange,
    asserted: AssertedIdentity,
    contact: ContactRequest,
    path: string,
    held: Binding | undefined,
  ): Binding {
    const { request } = exchange
    const { flow } = exchange.transaction
    const now = this.#parts.clock.now()
    const natted = isNatted(request, flow)
    // What is as it was keeps its text, and no text keeps its message alive.
    const same = (was: string | undefined, is: string): string => (was === is ? was : own(is))
    return {
      extensionId: asserted.extensionId,
      number: asserted.number,
      contact: same(held?.contact, contact.text),
      contactKey: held?.contactKey ?? own(canonicalUri(contact.uri)),
      callId: same(held?.callId, request.callId),
      cseq: request.cseq,
      priority: contact.priority,
      expiresAt: now + contact.expires_s * 1000,
      registeredAt: now,
      userAgent: utf8(same(held?.userAgent, request.header(HeaderId.UserAgent) ?? '')),
      instance: same(held?.instance, contact.instance),
      path: same(held?.path, path),
      source: same(held?.source, `${flow.transport}:${addressText(request.source ?? flow.peer)}`),
      local: same(held?.local, `${flow.transport}:${addressText(flow.local)}`),
      natted,
      // Its row outlives the setting: whoever removes the binding removes that too.
      stored: this.#isDurable || (held?.stored ?? false),
      flow: flow.reliable && (natted || isOwnContact(request, contact.uri)) ? flow : null,
    }
  }

  get #isDurable(): boolean {
    return this.#parts.settings.current.registrationStorage === 'durable'
  }

  #bindingsMax(asserted: AssertedIdentity): number {
    const record = this.#parts.directory.peek(asserted.domain, asserted.number)
    return record?.maxBindings ?? this.#parts.settings.current.maxBindings
  }

  /** The same for all answers of one second. */
  #dateLine(now: number): string {
    const second = Math.floor(now / 1000)
    if (second !== this.#dated_s) {
      this.#dated_s = second
      this.#date = `Date: ${new Date(now).toUTCString()}\r\n`
    }
    return this.#date
  }

  /** Section 10.3 step 8: every current binding, with what is left of its time. */
  #accept(exchange: Exchange, bindings: readonly Binding[]): void {
    const now = this.#parts.clock.now()
    let headers = this.#dateLine(now)
    for (const binding of bindings) {
      const left_s = Math.max(1, Math.ceil((binding.expiresAt - now) / 1000))
      const q = binding.priority === 1000 ? '' : `;q=${binding.priority / 1000}`
      headers += `Contact: <${binding.contact}>;expires=${left_s}${q}\r\n`
    }
    for (const path of exchange.request.headers(HeaderId.Path)) headers += `Path: ${path}\r\n`
    exchange.answer(200, 'registered', { headers: `${headers}Supported: path\r\n` })
  }
}

/** A phone that says which one it is (RFC 5626 section 4.1); one whose instance no row can hold stays unseen. */
function sightingOf(binding: Binding, held: Binding | undefined): readonly SightingChange[] {
  const { extensionId, instance, userAgent, registeredAt: seenAt } = binding
  if (instance === '' || instance !== rowText(instance)) return []
  if (held?.instance === instance && hourOf(held.registeredAt) === hourOf(seenAt)) return []
  return [{ kind: 'sighting', extensionId, instance, userAgent: rowText(userAgent), seenAt }]
}

function hourOf(time: number): number {
  return Math.floor(time / SIGHTING_ms)
}

function outOfOrder(): Decision {
  return { status: 500, why: 'CSeq is not above the one that made this binding', reason: 'CSeq Out Of Order' }
}

/** Section 10.3 step 7: within one Call-ID the CSeq has to rise. */
function isOutOfOrder(request: SipRequest, binding: Binding): boolean {
  return request.callId === binding.callId && request.cseq <= binding.cseq
}

function isSame(binding: Binding, { text, uri }: ContactRequest): boolean {
  if (binding.contact === text) return true
  const held = parseUri(binding.contact)
  return held !== null && sameUri(held, uri)
}

function removal(binding: Binding): BindingChange {
  return { kind: 'remove', extensionId: binding.extensionId, contactKey: binding.contactKey }
}

/** The Via names another host than the one the request came from: something between translates addresses. */
function isNatted(request: SipRequest, flow: Flow): boolean {
  return request.viaHost.toLowerCase() !== hostText((request.source ?? flow.peer).host)
}

/**
 * The contact is the sender itself (same host and port as its Via), so its connection leads there. A contact
 * elsewhere, registered by someone on its behalf, is called where it says.
 */
function isOwnContact(request: SipRequest, contact: SipUri): boolean {
  return contact.host === request.viaHost.toLowerCase() && contact.port === request.viaPort
}

function addressText(address: Address): string {
  return formatHostPort(address.host, address.port)
}
