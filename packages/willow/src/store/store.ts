/**
 * What a store of Willow entries can do, whichever way it keeps them: the entries of one
 * namespace, among which none prunes another (Willow data model, "store" and "join").
 *
 * There is no way to put an entry in without the write check of Meadowcap.
 */
import type { Subscription } from '@vudo/events'
import type {
  Area,
  AreaOfInterest,
  AuthorisedEntry,
  Entry,
  Path,
  Range3d,
  WriteDenial,
} from '@vudo/meadowcap'

/** An entry as a store holds it. Shared: nobody may change its bytes. */
export interface HeldEntry extends AuthorisedEntry {
  /** Bytes of the payload that are here, counted from its start; `entry.payloadLength` when all of it is. */
  readonly available: bigint
  /**
   * 32 bytes, big-endian: WILLIAM3 of `available`, the token's capability and the entry. What
   * {@link Summary.fingerprint} sums up (Willow'25, "fingerprints").
   */
  readonly fingerprint: Uint8Array
}

/** Where an entry lies: at most one is held per subspace and path. */
export interface EntryAddress {
  /** 32 bytes. */
  readonly subspaceId: Uint8Array
  readonly path: Path
}

/** A set of entries in a few numbers. */
export interface Summary {
  readonly count: number
  /** 32 bytes, big-endian: the fingerprints of the entries, summed modulo 2^256. All zero for no entries. */
  readonly fingerprint: Uint8Array
  /** Payload lengths, summed, whether the bytes are here or not. */
  readonly payloadBytes: bigint
  /** The least timestamp; `undefined` for no entries. */
  readonly minTimestamp: bigint | undefined
  /** The greatest timestamp; `undefined` for no entries. */
  readonly maxTimestamp: bigint | undefined
}

/** One part of a range that was split. */
export interface RangePart {
  readonly range: Range3d
  readonly summary: Summary
}

/** Why an entry was not even considered: what the write check says, or one of these. */
export type Rejection =
  /** It is of another namespace than the store. */
  | 'other-namespace'
  /** The deny list names its place or its payload. */
  | 'denied'
  /** It is dated further ahead of the clock than this node's policy allows. */
  | 'too-far-ahead'
  | WriteDenial

/** What became of an entry. */
export type InsertOutcome =
  /** It is held now. `pruned` are entries that it replaced, the first `MAX_REPORTED_PRUNED` of `prunedCount`. */
  | {
      readonly status: 'inserted'
      readonly pruned: readonly Entry[]
      readonly prunedCount: number
    }
  /** It was held already; the token stays the one that was held. */
  | { readonly status: 'duplicate' }
  /** A newer entry at its path or above is held: nothing changed. */
  | { readonly status: 'obsolete' }
  | { readonly status: 'rejected'; readonly reason: Rejection }

/** How entries are put in. */
export interface InsertOptions {
  readonly signal?: AbortSignal | undefined
  /** Handed on with the events, so that who forwards news does not send it back to where it came from. */
  readonly origin?: string | undefined
}

/** The order in which entries come. */
export type EntryOrder =
  /** Subspace, then path: the order of the store itself, the cheapest. */
  | 'subspace'
  /** Path, then timestamp, then subspace: one place in all subspaces together. */
  | 'path'
  /** The newest first (timestamp, then subspace, then path, all descending). */
  | 'newest'

/** How entries are read. */
export interface ReadOptions {
  /** @defaultValue `'subspace'` */
  readonly order?: EntryOrder | undefined
  /**
   * At most this many.
   *
   * @defaultValue all
   */
  readonly limit?: number | undefined
  /** Ends the reading: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/** What happened in a store, after it was durable. */
export type StoreEvent =
  /** An entry came in. */
  | { readonly type: 'entry:insert'; readonly held: HeldEntry; readonly origin: string | undefined }
  /** A newer entry, `by`, replaced this one. */
  | { readonly type: 'entry:prune'; readonly entry: Entry; readonly by: Entry }
  /** It was given up here, and would come back with the next sync. */
  | { readonly type: 'entry:forget'; readonly entry: Entry }
  /** More of its payload is here, or, after forgetting, less. */
  | {
      readonly type: 'payload:change'
      readonly held: HeldEntry
      readonly origin: string | undefined
    }

/** Which events somebody wants. */
export interface SubscribeOptions {
  /**
   * Only events of entries in this area.
   *
   * @defaultValue all
   */
  readonly area?: Area | undefined
  /**
   * Events kept for a slow reader; beyond it the oldest is dropped and counted in `dropped`.
   *
   * @defaultValue 256
   */
  readonly bufferSize?: number | undefined
  /** Ends the subscription without an error. */
  readonly signal?: AbortSignal | undefined
}

/** What must not come in any more: entries of an area, or those with a payload. */
export type DenyRule =
  | { readonly area: Area; readonly payloadDigest?: undefined }
  | { readonly payloadDigest: Uint8Array; readonly area?: undefined }

/** Receives the payload of one entry, in order. Who opens it closes it. */
export interface PayloadWriter {
  /** Where the next byte belongs: what was here before, plus what was written. */
  readonly offset: bigint
  /**
   * Takes the next bytes; settles when there is room for more. With the last byte the whole
   * is checked against length and digest: it becomes available, or all of it is destroyed.
   *
   * @param bytes - The caller's again when the call settles.
   * @throws `WillowError` `ERR_PAYLOAD_MISMATCH` or `ERR_ENTRY_GONE`.
   */
  write(bytes: Uint8Array): Promise<void>
  /** Keeps what has arrived, in whole pieces of `PAYLOAD_CHUNK_BYTES`, for later. Idempotent. */
  close(): Promise<void>
}

/** Entries of one namespace, kept so that none prunes another. */
export interface WillowStore {
  /** 32 bytes. */
  readonly namespaceId: Uint8Array
  /** Entries held. */
  readonly count: number

  /**
   * Checks the token, then puts the entry in unless a newer one at its path or above is held,
   * and removes all older ones at its path and below: durable, all of it or nothing.
   *
   * @throws `WillowError` `ERR_WILLOW_STORE_CLOSED`, or `StoreError` of the storage below.
   */
  insert(authorised: AuthorisedEntry, options?: InsertOptions): Promise<InsertOutcome>
  /**
   * As {@link insert} for up to `MAX_BATCH_ENTRIES`, in their order, in one transaction. The
   * signatures are verified together, by the verifier that the store was given.
   *
   * @returns One outcome per entry, in the same order.
   * @throws `RangeError` for more entries.
   */
  insertMany(
    authorised: readonly AuthorisedEntry[],
    options?: InsertOptions,
  ): Promise<InsertOutcome[]>

  /** The entry at exactly this place, or `undefined`. */
  get(address: EntryAddress): Promise<HeldEntry | undefined>
  /**
   * The entries of a 3d range. What is held during all of the reading comes once; what comes
   * or goes meanwhile may or may not.
   */
  entries(range: Range3d, options?: ReadOptions): AsyncIterable<HeldEntry>
  /** As {@link entries}, for an area. */
  query(area: Area, options?: ReadOptions): AsyncIterable<HeldEntry>
  /**
   * The newest entries of an area within both limits, the newest first. Entries of the same
   * timestamp come in descending order of subspace, then path.
   */
  queryNewest(interest: AreaOfInterest, options?: ReadOptions): AsyncIterable<HeldEntry>

  /** Count, fingerprint and more of a 3d range, of one moment. */
  summarise(range: Range3d): Promise<Summary>
  /**
   * Cuts a range into at most `parts` that tile it, each with at least one entry and about
   * equally many, of one moment: between subspaces when it has entries of several, else
   * between paths. One part, the range itself, when it holds at most one entry.
   *
   * @param parts - 2 to `MAX_SPLIT_PARTS`.
   */
  split(range: Range3d, parts: number): Promise<RangePart[]>

  /** Events from now on, each in the order of the changes. */
  subscribe(options?: SubscribeOptions): Subscription<StoreEvent>

  /** Receives the payload of an entry; it goes on where an earlier writer ended.
   *
   * @throws `WillowError` `ERR_ENTRY_GONE` when the entry is not held, `ERR_PAYLOAD_BUSY` when it has a writer.
   */
  writePayload(entry: Entry, options?: InsertOptions): Promise<PayloadWriter>
  /**
   * The payload of the entry at a place, from byte `from` on, as far as it is here: look at
   * `available` for whether that is all. `undefined` when no entry is held there.
   *
   * @throws While reading: `WillowError` `ERR_PAYLOAD_DAMAGED` or `ERR_ENTRY_GONE`.
   */
  readPayload(
    address: EntryAddress,
    options?: PayloadReadOptions,
  ): Promise<AsyncIterable<Uint8Array> | undefined>

  /** Gives up one entry and its payload, here only. Tells whether there was one. */
  forgetEntry(address: EntryAddress): Promise<boolean>
  /** Gives up all entries of an area, here only, except those of `keep`. Tells how many. */
  forgetArea(area: Area, options?: { readonly keep?: Area | undefined }): Promise<number>
  /** Gives up the bytes of one payload, here only. Tells whether there were any. */
  forgetPayload(address: EntryAddress): Promise<boolean>

  /**
   * Refuses such entries from now on; does not touch what is held.
   *
   * @throws `WillowError` `ERR_DENY_LIMIT` above `MAX_DENY_RULES`.
   */
  deny(rule: DenyRule): Promise<void>
  /** Takes a rule back. Tells whether it was there. */
  allow(rule: DenyRule): Promise<boolean>
  /** The rules that hold. */
  readonly denied: readonly DenyRule[]

  /** Completes what was begun and frees everything. Idempotent. */
  close(): Promise<void>
  /** As {@link close}. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Which part of a payload is read. */
export interface PayloadReadOptions {
  /** @defaultValue 0 */
  readonly from?: bigint | undefined
  readonly signal?: AbortSignal | undefined
}
