import type { Prop } from '@automerge/automerge'

/** One change of a document. */
export interface HistoryEntry {
  /** 64 characters of hex; `view([hash])` shows the document right after it. */
  readonly hash: string
  /** Who made it, a public key as 64 characters of hex; `undefined` when that is not known here. */
  readonly author: string | undefined
  /** When its author's clock says it was made, in milliseconds since 1970; `undefined` for initial values. Nothing is decided by it. */
  readonly timeMs: number | undefined
  readonly message: string | undefined
  /** Hashes of the changes that it builds on, sorted. */
  readonly parents: readonly string[]
  /** Single operations in it. */
  readonly operations: number
}

/** One of several values of a place. */
export interface ConflictingValue {
  /** Who wrote it, a public key as 64 characters of hex, if known. */
  readonly author: string | undefined
  readonly value: unknown
}

/** A place that several wrote without knowing of each other. */
export interface Conflict {
  readonly place: readonly Prop[]
  /** In the order that all devices agree on: the last one is what the document shows. */
  readonly values: readonly ConflictingValue[]
}

/** Which value a reader takes: what the document shows, the first one, a list of all, or what a function makes of them. */
export type ConflictResolver =
  | 'latest'
  | 'first'
  | 'all'
  | ((values: readonly ConflictingValue[]) => unknown)
