// A disk of a few megabytes that a test can fill: in memory, in a mount namespace of its own, gone when that ends.

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFolder, removeFolder } from './folder.ts'
import type { Host } from './namespace.ts'
import { Program } from './program.ts'

const MOUNT_MS = 10_000
const BLOCK_BYTES = 4096
const NAMESPACE = ['unshare', '--mount', '--propagation', 'private']

/** Null when it can be had. */
export function whyNoSmallDisk(): string | null {
  if (process.platform !== 'linux') return 'mount namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'mounting wants root'
  if (!Bun.which('unshare') || !Bun.which('nsenter')) return 'unshare and nsenter of util-linux are not there'
  const { exitCode } = Bun.spawnSync([...NAMESPACE, 'mount', '-t', 'tmpfs', 'none', tmpdir()])
  return exitCode === 0 ? null : 'this machine lets nobody mount a disk'
}

export class SmallDisk {
  /** As programs see it that are run by `host`. */
  readonly folder: string
  readonly #holder: Program

  private constructor(folder: string, holder: Program) {
    this.folder = folder
    this.#holder = holder
  }

  static async make(bytes: number): Promise<SmallDisk> {
    const folder = makeFolder('small-disk')
    // It ends when its input does, and so with this process at the latest.
    const script = `mount -t tmpfs -o size=${bytes} none ${folder} && echo mounted && cat`
    const holder = new Program([...NAMESPACE, 'sh', '-c', script], { folder, input: true })
    await holder.prints(/^mounted$/m, MOUNT_MS)
    return new SmallDisk(folder, holder)
  }

  get host(): Host {
    const enter = ['nsenter', '--target', String(this.#holder.pid), '--mount', '--']
    return { enter, address: '127.0.0.1', device: 'lo' }
  }

  /** As everyone else sees it. */
  get outside(): string {
    return `/proc/${this.#holder.pid}/root${this.folder}`
  }

  /** Not one more block fits. */
  fill(): void {
    const file = openSync(this.#filler, 'a')
    try {
      for (;;) writeSync(file, new Uint8Array(BLOCK_BYTES))
    } catch (problem) {
      if (!(problem instanceof Error && problem.message.includes('ENOSPC'))) throw problem
    } finally {
      closeSync(file)
    }
  }

  free(): void {
    rmSync(this.#filler)
  }

  kill(): void {
    this.#holder.kill()
    removeFolder(this.folder)
  }

  get #filler(): string {
    return join(this.outside, 'filler')
  }
}
