// The C library of this system, for the little that Bun has no way to ask of a socket. Linux only.

import { dlopen, type FFIFunction, type Library } from 'bun:ffi'

/** glibc, and musl on the two architectures that there are releases for. */
const NAMES = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1']

/** null where there is none that has all these functions, which is a normal state. */
export function openCLibrary<Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Library<Functions>['symbols'] | null {
  if (process.platform !== 'linux') return null
  for (const name of NAMES) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // The next name.
    }
  }
  return null
}
