// Identifiers that must be unique and, towards attackers, unguessable: branches and tags.

/** RFC 3261 section 8.1.1.7: the start of every branch that obeys it. */
export const MAGIC_COOKIE = 'z9hG4bK'

const POOL_BYTES = 4096
const ID_BYTES = 10

/** Fills the bytes given; crypto.getRandomValues outside tests, a seeded generator in the simulator. */
export type RandomFill = (bytes: Uint8Array) => void

export class IdSource {
  readonly #fill: RandomFill
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #at = POOL_BYTES

  constructor(fill: RandomFill = (bytes) => crypto.getRandomValues(bytes)) {
    this.#fill = fill
  }

  /** 80 random bits in hex: section 19.3 asks for 32 at least. */
  tag(): string {
    if (this.#at + ID_BYTES > POOL_BYTES) {
      this.#fill(this.#pool)
      this.#at = 0
    }
    const id = this.#pool.toString('hex', this.#at, this.#at + ID_BYTES)
    this.#at += ID_BYTES
    return id
  }

  /**
   * A branch of a proxy: unique, then a hash that tells a loop from a spiral (section 16.6 step 8): see `loopHashOf`.
   */
  branch(loopHash: string): string {
    return `${MAGIC_COOKIE}${this.tag()}.${loopHash}`
  }

  /** A UUID that begins with the time, so that rows made one after the other lie together (RFC 9562 section 5.7). */
  uuid(now: number): string {
    const time = now.toString(16).padStart(12, '0')
    const random = this.tag()
    const variant = (8 | (Number.parseInt(random[3]!, 16) & 3)).toString(16)
    return (
      `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-` +
      `${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`
    )
  }

  random(bytes: Uint8Array): void {
    this.#fill(bytes)
  }
}

/** The loop part of a branch that `IdSource.branch` made, or null when it cannot have made this one. */
export function loopHashOf(branch: string): string | null {
  const dot = MAGIC_COOKIE.length + 2 * ID_BYTES
  return branch.startsWith(MAGIC_COOKIE) && branch[dot] === '.' ? branch.slice(dot + 1) : null
}
