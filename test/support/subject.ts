// What a wire suite needs of the server that it talks to: ours, or another one that shows whether the suite is right.

import type { Account, HostPort } from './server-process.ts'

export interface Subject {
  readonly udp: HostPort
  readonly tcp: HostPort
  /** Where the files of the phones go; removed with the server. */
  readonly folder: string
  /** Those with a binding; a number with two may be there twice. */
  registeredNumbers(): Promise<string[]>
  /** This program serves the same test: it does not outlive it, however the test ends. */
  takesWithIt(guest: { kill(): void }): void
}

/** Starts a server for `test.example` with these extensions, for the length of one scene. */
export type Serve = (
  accounts: readonly Account[],
  scene: (subject: Subject) => Promise<void>,
) => Promise<void>
