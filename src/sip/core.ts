// The WASM core, instantiated once when the program loads. Only the scanner and the digest touch its memory.

import { readFileSync } from 'node:fs'
import path from '../../build/core.wasm' with { type: 'file' }

/** What wasm/index.ts exports; every other datum passes through the memory, as wasm/layout.ts says. */
export interface Core {
  readonly memory: WebAssembly.Memory
  /** Fills INDEX for the message of that length at INPUT; a Problem. */
  scan(length: number): number
  /** Fills DIGEST for the value of that length at CREDENTIALS; 1 when it is valid. */
  scanCredentials(length: number): number
  /** 1 when the response in the credentials scanned last fits HA1 and the method of that length at METHOD. */
  checkResponse(algorithm: number, methodLength: number): number
  /** Hashes that many bytes of HASH_INPUT into HASH_OUTPUT. */
  hash(algorithm: number, length: number): void
  /** Makes a keyed hash, with MAC_KEY, of that many bytes of HASH_INPUT into HASH_OUTPUT. */
  mac(length: number): void
}

// Synchronous, so that no one has to wait for it; the file is a few KiB, and inside a compiled program it is embedded.
const module = new WebAssembly.Module(readFileSync(path))

// The cast: TypeScript cannot know a module's exports; test/wasm/abi.test.ts proves that they are these.
export const core = new WebAssembly.Instance(module).exports as unknown as Core

/** The whole memory; it never grows, so this view stays valid. */
export const memory = Buffer.from(core.memory.buffer)
