// Socket options which Bun sets otherwise, or not at all, set by the C library on the socket's descriptor. Linux only:
// elsewhere the sockets keep what the system gives them, and UdpSocket lives with the errors.

import { ptr } from 'bun:ffi'
import { openCLibrary } from './c-library.ts'

const SOL_SOCKET = 1
const SO_RCVBUF = 8
/** Above net.core.rmem_max, for who has CAP_NET_ADMIN. */
const SO_RCVBUFFORCE = 33
const IPPROTO_IP = 0
const IP_RECVERR = 11
const IPPROTO_IPV6 = 41
const IPV6_RECVERR = 25

type SetOption = (fd: number, level: number, option: number, value: number) => boolean

/**
 * Bun asks for ICMP errors. They then come back from the next call on the socket, whatever peer that is for, and cut
 * its sendMany short: one phone gone would cost the others their datagrams. Unasked for, they are not reported at all.
 */
export function ignoreIcmpErrors(fd: number): boolean {
  const ipv4 = setOption?.(fd, IPPROTO_IP, IP_RECVERR, 0) ?? false
  const ipv6 = setOption?.(fd, IPPROTO_IPV6, IPV6_RECVERR, 0) ?? false
  return ipv4 || ipv6
}

/** The default holds some 250 datagrams: less than a burst of registrations while the collector pauses us. */
export function raiseReceiveBuffer(fd: number, bytes: number): boolean {
  if (setOption === null) return false
  return setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) || setOption(fd, SOL_SOCKET, SO_RCVBUF, bytes)
}

const setOption = load()

function load(): SetOption | null {
  const library = openCLibrary({
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
  })
  if (library === null) return null
  const cell = new Int32Array(1)
  return (fd, level, option, value) => {
    cell[0] = value
    return library.setsockopt(fd, level, option, ptr(cell), cell.byteLength) === 0
  }
}
