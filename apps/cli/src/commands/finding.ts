/** What one check of `vudo doctor` found. */
export interface Finding {
  /** Stable name of the check. */
  readonly check: string
  /** `bad` makes the exit status 1; `note` may be all right, and has a hint for when it is not. */
  readonly state: 'ok' | 'note' | 'bad'
  readonly message: string
  /** What to do when it is not well. */
  readonly hint?: string | undefined
}
