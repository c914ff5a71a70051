/** One thing that `check` looked at. */
export interface Finding {
  readonly subject: string
  readonly ok: boolean
  /** What was found; when not ok, also how to mend it. */
  readonly text: string
}
