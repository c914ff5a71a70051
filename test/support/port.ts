// Ports for programs that cannot pick one and tell us (SIPp, baresip).

/**
 * Below the kernel's ephemeral range (32768 and up on Linux), so that nobody who asks for port 0 is given one of them
 * between our look and the program's bind; below 6000, where SIPp looks for media ports; and of four digits, since
 * sipsak 0.9.8 leaves out the fifth.
 */
const FIRST_PORT = 2000
const LAST_PORT = 6000
/** Test processes that run at once begin at different places. */
const PORTS_PER_PROCESS = 100

let next = FIRST_PORT + ((process.pid * PORTS_PER_PROCESS) % (LAST_PORT - FIRST_PORT))

/** A port that is free for UDP and TCP alike; in one process never the same twice, until all were given. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tried = FIRST_PORT; tried < LAST_PORT; tried++) {
    const port = next
    next = next + 1 < LAST_PORT ? next + 1 : FIRST_PORT
    if (await isFree(host, port)) return port
  }
  throw new Error(`no port between ${FIRST_PORT} and ${LAST_PORT} is free on ${host}`)
}

/** Can be bound for UDP and TCP: the way to see, too, that a server which has ended gave its ports back. */
export async function isFree(host: string, port: number): Promise<boolean> {
  try {
    const udp = await Bun.udpSocket({ hostname: host, port })
    udp.close()
    const tcp = Bun.listen({ hostname: host, port, socket: { data() {} } })
    tcp.stop(true)
    return true
  } catch {
    return false
  }
}
