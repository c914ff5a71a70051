// What a REGISTER asks for: its Contact headers read into changes (RFC 3261 section 10.3 steps 6 and 7).

import type { Limits } from '../config.ts'
import { parseAddress } from '../sip/address.ts'
import { parseSeconds, splitList } from '../sip/header.ts'
import { HeaderId, type SipRequest } from '../sip/message.ts'
import { parseUri, type SipUri } from '../sip/uri.ts'

export interface ContactRequest {
  /** As written between the angle brackets. */
  readonly text: string
  readonly uri: SipUri
  /** 0 asks for removal. */
  readonly expires_s: number
  /** q in thousandths. */
  readonly priority: number
  readonly instance: string
}

export type RegisterRequest =
  /** No Contact: what is registered? (section 10.2.3) */
  | { readonly kind: 'query' }
  /** `*`: remove all (section 10.2.2). */
  | { readonly kind: 'clear' }
  | { readonly kind: 'contacts'; readonly contacts: readonly ContactRequest[] }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 423; readonly why: string }

export interface ExpiryPolicy {
  readonly expiresMin_s: number
  readonly expiresMax_s: number
  readonly expiresDefault_s: number
}

/** q without a parameter: the highest (section 20.10 leaves it to us). */
const PRIORITY_DEFAULT = 1000

export function readContacts(
  request: SipRequest,
  policy: ExpiryPolicy,
  limits: Pick<Limits, 'contactsPerRegister' | 'contact_characters'>,
): RegisterRequest {
  const values = request.headers(HeaderId.Contact).flatMap(splitList)
  if (values.length === 0) return { kind: 'query' }
  const { contactsPerRegister, contact_characters } = limits
  if (values.length > contactsPerRegister) {
    return refused(403, `more than ${contactsPerRegister} contacts in one request`)
  }
  if (values.includes('*')) {
    if (values.length === 1 && request.expires_s === 0) return { kind: 'clear' }
    return refused(400, '"*" must stand alone, with Expires: 0')
  }
  const contacts: ContactRequest[] = []
  for (const value of values) {
    const contact = readContact(value, request, policy)
    if (contact === null) return refused(400, `not a contact: ${value}`)
    if (contact.text.length > contact_characters) {
      return refused(400, `a contact of more than ${contact_characters} characters`)
    }
    if (contact.expires_s > 0 && contact.expires_s < policy.expiresMin_s) {
      return refused(423, `${contact.expires_s} s is below expires_min_s`)
    }
    contacts.push(contact)
  }
  return { kind: 'contacts', contacts }
}

function refused(status: 400 | 403 | 423, why: string): RegisterRequest {
  return { kind: 'refused', status, why }
}

function readContact(value: string, request: SipRequest, policy: ExpiryPolicy): ContactRequest | null {
  const address = parseAddress(value)
  const uri = address === null ? null : parseUri(address.uri)
  if (address === null || uri === null) return null
  const own = address.params.get('expires')
  // A malformed expires is read as the default (section 20.10), and a request beyond the limit is cut to it.
  const asked = own === undefined ? request.expires_s : parseSeconds(own)
  const expires_s = Math.min(asked ?? policy.expiresDefault_s, policy.expiresMax_s)
  const priority = readPriority(address.params.get('q'))
  if (priority === null) return null
  return { text: address.uri, uri, expires_s, priority, instance: address.params.get('+sip.instance') ?? '' }
}

/** qvalue (section 25.1): 0 to 1 with three decimals. */
function readPriority(q: string | undefined): number | null {
  if (q === undefined) return PRIORITY_DEFAULT
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/u.test(q) ? Math.round(Number(q) * 1000) : null
}
