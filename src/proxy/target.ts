// From "who" to "where": targets (RFC 3261 section 16.5) and the flow to each (section 16.6 step 7, RFC 3263).

import type { Binding, Location } from '../registrar/location.ts'
import { parseAddress } from '../sip/address.ts'
import { splitList } from '../sip/header.ts'
import { bareHost } from '../sip/host.ts'
import { parseUri, uriTransport } from '../sip/uri.ts'
import type { Address, Flow, TransportName } from '../transport/transport.ts'

export interface Target {
  /** The Request-URI to send. */
  readonly uri: string
  /** Route values to add: the Path of a binding, or what is left of the request's own route set. */
  readonly routes: readonly string[]
  /** The binding it was made of; null for a target that the request itself named. */
  readonly binding: Binding | null
}

export interface TargetRouterParts {
  readonly location: Location
  flowTo(transport: TransportName, peer: Address, local: Address | null): Flow | null
  /** A numeric address at once, or null when it has to be asked for. */
  resolveNow(host: string): string | null
  resolve(host: string): Promise<string | null>
}

/** RFC 3261 section 19.1.2. */
const DEFAULT_PORT = 5060

export function bindingTargets(bindings: readonly Binding[]): Target[] {
  return bindings.map((binding) => ({
    uri: asRequestUri(binding.contact),
    routes: splitList(binding.path),
    binding,
  }))
}

/** Without what no Request-URI may hold (section 16.6 step 2, section 19.1.1 table 1): headers, and a method. */
function asRequestUri(contact: string): string {
  if (!contact.includes('?') && !/;method/i.test(contact)) return contact
  // A user may hold question marks and semicolons.
  const host = contact.indexOf('@') + 1
  const [address = ''] = contact.slice(host).split('?', 1)
  return contact.slice(0, host) + address.replace(/;method(?:=[^;]*)?(?=;|$)/gi, '')
}

export class TargetRouter {
  readonly #parts: TargetRouterParts

  constructor(parts: TargetRouterParts) {
    this.#parts = parts
  }

  /** The way to a target; null when there is none. A promise only when a name must be looked up. */
  flow(target: Target): Flow | null | Promise<Flow | null> {
    const first = target.routes[0]
    if (first !== undefined) {
      const hop = parseAddress(first)
      return hop === null ? null : this.#flowToUri(hop.uri, null)
    }
    const binding = target.binding ?? this.#parts.location.byContact(target.uri)
    return binding === null ? this.#flowToUri(target.uri, null) : this.#flowToBinding(binding)
  }

  #flowToBinding(binding: Binding): Flow | null | Promise<Flow | null> {
    if (binding.flow?.open && !binding.flow.lingering) return binding.flow
    const local = readEndpoint(binding.local)
    if (binding.natted) {
      const source = readEndpoint(binding.source)
      return source === null ? null : this.#parts.flowTo(source.transport, source, local)
    }
    return this.#flowToUri(binding.contact, local)
  }

  #flowToUri(text: string, preferred: Endpoint | null): Flow | null | Promise<Flow | null> {
    const uri = parseUri(text)
    if (uri === null || uri.scheme === 'sips') return null
    const transport = transportOf(uriTransport(uri))
    if (transport === null) return null
    const host = bareHost(uri.params.get('maddr') ?? uri.host)
    const port = uri.port === 0 ? DEFAULT_PORT : uri.port
    // The socket that the phone registered with is the one that its NAT and its firewall know.
    const local = preferred?.transport === transport ? preferred : null
    const address = this.#parts.resolveNow(host)
    if (address !== null) return this.#parts.flowTo(transport, { host: address, port }, local)
    return this.#parts.resolve(host).then((found) => {
      return found === null ? null : this.#parts.flowTo(transport, { host: found, port }, local)
    })
  }
}

interface Endpoint extends Address {
  readonly transport: TransportName
}

/** "udp:127.0.0.1:5060", as a binding keeps it. */
function readEndpoint(text: string): Endpoint | null {
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  const transport = transportOf(text.slice(0, first))
  if (transport === null || last <= first) return null
  return { transport, host: bareHost(text.slice(first + 1, last)), port: Number(text.slice(last + 1)) }
}

/** A URI that names no transport means UDP (RFC 3263 section 4.1, as long as NAPTR and SRV are not asked). */
function transportOf(name: string): TransportName | null {
  switch (name) {
    case '':
    case 'udp':
      return 'udp'
    case 'tcp':
    case 'tls':
    case 'ws':
    case 'wss':
      return name
    default:
      return null
  }
}
