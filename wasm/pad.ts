// The end of a message to be hashed: MD5, SHA-256 and SHA-512 all close it in the same way.

import { SCRATCH } from './layout'

/** Room for two blocks of 128 bytes, after the message schedule. */
export const PADDING = SCRATCH + 1024

/**
 * Copies what is left after the last whole block to PADDING, and puts the one bit and the zeros behind it. The pointer
 * to the end, before which the caller writes the length.
 */
export function pad(tail: i32, tailBytes: i32, blockBytes: i32, lengthBytes: i32): i32 {
  const end = PADDING + (tailBytes + 1 + lengthBytes > blockBytes ? blockBytes * 2 : blockBytes)
  memory.copy(PADDING, tail, tailBytes)
  store<u8>(PADDING + tailBytes, 0x80)
  memory.fill(PADDING + tailBytes + 1, 0, end - PADDING - tailBytes - 1)
  return end
}
