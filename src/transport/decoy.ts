// How Bun's event loop tells us that datagrams wait without reading them itself. It watches a socket by the kernel's
// object and reads it by number: so another object is put under that number which cannot be read, and ours is the
// socket itself under a number of its own. What Bun then does is one call that fails, and its error handler is our
// wake-up, once for a turn however many datagrams wait. An object made for watching others (epoll) is no socket, which
// Bun refuses; and whatever else of Bun's wakes us reads first: eight datagrams at a time, with a buffer, a text and an
// object for each, before and after what we could read ourselves, and no telling which.

import { openCLibrary } from './c-library.ts'

const F_DUPFD_CLOEXEC = 1030
const O_CLOEXEC = 0o2000000

const library = openCLibrary({
  dup3: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  fcntl: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
  eventfd: { args: ['u32', 'i32'], returns: 'i32' },
  close: { args: ['i32'], returns: 'i32' },
})

/** What is no socket, of which nothing is ever read. Open for as long as the process runs. */
let nothing = -1

export class Decoy {
  /** The socket itself, under the number that only we know. */
  readonly fd: number
  readonly #watched: number

  private constructor(fd: number, watched: number) {
    this.fd = fd
    this.#watched = watched
  }

  /**
   * null where there is no such way. Bun must not be waiting for the socket to become writable: it could not end that
   * wait, and its loop would turn for ever.
   */
  static put(watched: number): Decoy | null {
    if (library === null) return null
    if (nothing < 0) nothing = library.eventfd(0, O_CLOEXEC)
    const fd = nothing < 0 ? -1 : library.fcntl(watched, F_DUPFD_CLOEXEC, 0)
    if (fd < 0) return null
    if (library.dup3(nothing, watched, O_CLOEXEC) === watched) return new Decoy(fd, watched)
    library.close(fd)
    return null
  }

  /** Bun has its socket back. It must have, before it closes it: otherwise its loop would go on to watch ours. */
  remove(): void {
    library?.dup3(this.fd, this.#watched, O_CLOEXEC)
    library?.close(this.fd)
  }
}
