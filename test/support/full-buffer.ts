/** What test/support/full-buffer-run.ts sends, and tells of it. */

/** As many as the queue takes, and a few more. */
export const FULL_BUFFER_DATAGRAMS = 1000

export interface FullBufferOutcome {
  /** Before the kernel had no more room. */
  readonly sentAtOnce: number
  readonly received: number
  readonly inOrder: boolean
  /** Datagrams beyond the queue, whose senders were told. */
  readonly refused: number
  readonly elapsed_ms: number
  readonly cpu_ms: number
  /** Afterwards. */
  readonly path: string
}
