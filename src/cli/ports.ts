// Are the ports free, or held by ourselves?

import { LIMITS } from '../config.ts'
import type { Address, ListenAddress } from '../transport/transport.ts'
import type { Finding } from './finding.ts'

/** A port that the running server holds is no fault. */
export async function checkPorts(
  listen: readonly ListenAddress[],
  http: Address,
): Promise<readonly Finding[]> {
  const running = await isServerRunning(http)
  const findings = [await checkPort(`http://${authority(http)}`, running, () => bindTcp(http))]
  // One after the other: [::] takes the port of 0.0.0.0 too, for as long as it is held.
  for (const address of listen) {
    const bind = address.transport === 'udp' ? bindUdp : bindTcp
    findings.push(
      await checkPort(`${address.transport}://${authority(address)}`, running, () => bind(address)),
    )
  }
  return findings
}

async function checkPort(name: string, running: boolean, bind: () => Promise<void>): Promise<Finding> {
  try {
    await bind()
    return { subject: name, ok: true, text: 'free' }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    if (code === 'EADDRINUSE' && running)
      return { subject: name, ok: true, text: 'held by the running server' }
    return { subject: name, ok: false, text: mending(code, name) }
  }
}

function mending(code: string, name: string): string {
  const port = name.slice(name.lastIndexOf(':') + 1)
  const [kind, list] = name.startsWith('udp') ? ['UDP', '-lnup'] : ['TCP', '-lntp']
  const other = name.startsWith('http') ? 'SIPWITCHES_HTTP' : 'SIPWITCHES_LISTEN'
  switch (code) {
    case 'EADDRINUSE':
      return (
        `another program (another SIP server, as a rule) holds this ${kind} port; ` +
        `ss ${list} 'sport = :${port}' names it. End it, or set ${other}`
      )
    case 'EACCES':
      return `this user may not open port ${port}; take one above 1023 by ${other}, or grant CAP_NET_BIND_SERVICE`
    case 'EADDRNOTAVAIL':
      return `this machine has no such address; name one of its own, or 0.0.0.0, in ${other}`
    default:
      return `cannot be opened (${code}); set ${other}`
  }
}

async function bindTcp({ host, port }: Address): Promise<void> {
  Bun.listen({ hostname: host, port, socket: { data() {} } }).stop(true)
}

async function bindUdp({ host, port }: Address): Promise<void> {
  const socket = await Bun.udpSocket({ hostname: host, port, socket: { error() {} } })
  socket.close()
}

/** Whether it is us who answer at the HTTP address. */
async function isServerRunning({ host, port }: Address): Promise<boolean> {
  const reachable = { host: host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host, port }
  try {
    const answer = await fetch(`http://${authority(reachable)}/healthz`, {
      signal: AbortSignal.timeout(LIMITS.checkHttp_ms),
    })
    return (await answer.text()).includes('sipwitches')
  } catch {
    // Nobody there, or somebody who speaks something else: not us in either case.
    return false
  }
}

function authority({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
