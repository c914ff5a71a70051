// The socket below the app.

import type { Hono } from 'hono'
import { LIMITS } from '../config.ts'
import type { Address } from '../transport/transport.ts'

export interface HttpListener {
  /** The port is the real one where 0 was asked for. */
  readonly address: Address
  readonly url: string
  /** Answers what has been asked, takes nothing new. */
  stop(): Promise<void>
}

/** The message is a whole sentence for whoever started the program. */
export class HttpListenError extends Error {
  override readonly name = 'HttpListenError'
}

export function startHttp(address: Address, app: Hono): HttpListener {
  const server = listen(address, app)
  const port = server.port ?? address.port
  return {
    address: { host: address.host, port },
    url: `http://${authority(address.host, port)}`,
    stop: () => server.stop(),
  }
}

function listen({ host, port }: Address, app: Hono): Bun.Server<undefined> {
  try {
    return Bun.serve({ hostname: host, port, fetch: app.fetch, maxRequestBodySize: LIMITS.httpBody_bytes })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error
    throw new HttpListenError(
      `Cannot listen for HTTP on ${authority(host, port)}: ${reasonOf(code)} (SIPWITCHES_HTTP sets the address).`,
    )
  }
}

function reasonOf(code: unknown): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'another program uses that port'
    case 'EACCES':
      return 'ports below 1024 need more rights than this user has'
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address'
    default:
      return String(code)
  }
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
