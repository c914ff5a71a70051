// Whom a URI names among ours: RFC 3261 section 19.1.6, RFC 3966.

import { lowerCase } from '../sip/header.ts'
import { utf8 } from '../sip/message.ts'
import { parseUri, resolveEscapes } from '../sip/uri.ts'
import type { DomainRecord } from '../store/store.ts'

export interface Domains {
  readonly defaultDomain: DomainRecord
  /** The domain of ours that a host and port stand for, or null. */
  domainOf(host: string, port: number): DomainRecord | null
}

export interface Account {
  readonly domain: DomainRecord
  /** A number or a user's name; '' for the domain itself. */
  readonly name: string
}

/** `broken`: no sip or tel URI. `foreign`: in no domain of ours. */
export function accountOf(uri: string, domains: Domains): Account | 'broken' | 'foreign' {
  return lowerCase(uri.slice(0, 4)) === 'tel:' ? telAccount(uri.slice(4), domains) : sipAccount(uri, domains)
}

function sipAccount(text: string, { domainOf }: Domains): Account | 'broken' | 'foreign' {
  const uri = parseUri(text)
  if (uri === null) return 'broken'
  const domain = domainOf(uri.host, uri.port)
  // Section 16.4: an maddr of ours has led here and is done with; any other leads on to somebody else.
  const maddr = uri.params.get('maddr')
  if (domain === null || (maddr !== undefined && domainOf(maddr, uri.port) === null)) return 'foreign'
  const name = utf8(resolveEscapes(uri.user))
  const isNumber = lowerCase(uri.params.get('user') ?? '') === 'phone'
  return { domain, name: (isNumber ? subscriberNumber(name) : null) ?? name }
}

/** A number of the domain that is its context, otherwise of the default one (RFC 3966 section 5.1.5). */
function telAccount(text: string, domains: Domains): Account | 'broken' | 'foreign' {
  const name = subscriberNumber(resolveEscapes(text))
  if (name === null) return 'broken'
  const [, context = ''] = /;phone-context=([^;]*)/i.exec(text) ?? []
  const isDomain = context !== '' && !context.startsWith('+')
  const domain = isDomain ? domains.domainOf(lowerCase(context), 0) : domains.defaultDomain
  return domain === null ? 'foreign' : { domain, name }
}

/** Without visual separators and parameters; null when it is no telephone-subscriber (RFC 3966 section 3). */
function subscriberNumber(text: string): string | null {
  const [number = ''] = text.split(';', 1)
  const digits = number.replace(/[-.()]/g, '')
  return /^(?:\+\d+|[0-9a-f*#]+)$/i.test(digits) ? digits : null
}
