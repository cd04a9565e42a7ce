/** One change of a batch. Keys have 0 to `MAX_KEY_BYTES` bytes, values 0 to `MAX_VALUE_BYTES`. */
export type StoreOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'delete'; readonly key: Uint8Array }

/** A change that may belong to another view of the same store, so that one atomic batch can span views. */
export type WriteOperation = StoreOperation & {
  /**
   * The view whose key it is.
   *
   * @defaultValue the one whose `write` is called
   */
  readonly view?: StoreView | undefined
}

/** A record as a scan gives it; both buffers belong to the caller. */
export interface StoreEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** Which keys a scan covers, in the order of their bytes. */
export type ScanRange =
  /** All keys that begin with these bytes; an empty prefix is everything. */
  | { readonly prefix: Uint8Array }
  /** The keys from `from` on and before `to`; without `to`, to the end. */
  | { readonly from: Uint8Array; readonly to?: Uint8Array | undefined }

/** How a scan runs. */
export interface ScanOptions {
  /**
   * At most this many records.
   *
   * @defaultValue no limit
   */
  readonly limit?: number | undefined
  /** True begins at the end of the range. */
  readonly reverse?: boolean | undefined
  /** Ends the scan: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/** Keys and values of bytes, apart from those of every other view. */
export interface StoreView {
  /** Of the whole store. */
  readonly durability: Durability
  /**
   * The value of `key`, in a buffer that belongs to the caller, or `undefined`. A
   * damaged record counts as absent and goes into quarantine.
   *
   * @throws `StoreError` `ERR_STORE_CLOSED`, `ERR_STORE_LIMIT` or `ERR_STORE_FAILED`.
   */
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  /** The values of `keys`, in the same order, as {@link get} would give them at one moment. */
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /**
   * All of `operations` or none of them, durable when the call settles (with
   * `durability: 'relaxed'`, as soon as the platform likes). Later operations on
   * the same key win. Writes take effect in the order of the calls, and those that
   * arrive while another one is being synced share one sync.
   *
   * A write that failed may still be found after the next start: nobody knows what
   * a disk kept that reported an error. Writing the same again is safe.
   *
   * @param operations - Copied before the call returns; the buffers stay the caller's.
   * @throws `StoreError` `ERR_STORE_FULL`, `ERR_STORE_FAILED`, `ERR_STORE_LIMIT` or `ERR_STORE_CLOSED`.
   */
  write(operations: readonly WriteOperation[]): Promise<void>
  /**
   * The records of a range, in the order of their keys' bytes, as they were when
   * the scan began. Damaged records are skipped and go into quarantine.
   *
   * @throws `StoreError` `ERR_STORE_CLOSED`, `ERR_STORE_LIMIT` or `ERR_STORE_FAILED`.
   */
  scan(range: ScanRange, options?: ScanOptions): AsyncIterable<StoreEntry>
  /**
   * The part of the store named `name`, with keys of its own. Views may be nested.
   *
   * @param name - 1 to `MAX_VIEW_NAME_BYTES` of `a-z`, `A-Z`, `0-9`, `.`, `_` and `-`.
   * @throws `RangeError` for another name.
   */
  sub(name: string): StoreView
}

/** Whether a settled write has reached the disk (`strict`) or only the platform (`relaxed`). */
export type Durability = 'strict' | 'relaxed'

/** An open store, and its root view. Who opened it closes it. */
export interface Store extends StoreView {
  /** Damaged records met since the store was opened; one that could not be moved counts at each meeting. */
  readonly damaged: number
  /** Completes the writes that were accepted and frees everything. Idempotent. */
  close(): Promise<void>
  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void>
}
