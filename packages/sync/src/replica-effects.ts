import type { StoreOperation } from '@vudo/storage'
import type { PeerId } from '@vudo/transport'
import type { SyncErrorCode } from './errors.ts'

/** One channel to one peer's database, as the driver numbers them. */
export type LinkId = number

/** What can happen to a replica, besides the calls of the application. */
export type ReplicaInput =
  /** A channel is open. Both ends begin with a hello. */
  | { readonly type: 'peer-connected'; readonly link: LinkId; readonly peerId: PeerId }
  /** A message arrived; the buffer now belongs to the replica. */
  | { readonly type: 'peer-message'; readonly link: LinkId; readonly bytes: Uint8Array }
  /** The channel took so many of the bytes that were to be sent. */
  | { readonly type: 'peer-sent'; readonly link: LinkId; readonly bytes: number }
  /** The channel ended. */
  | { readonly type: 'peer-gone'; readonly link: LinkId }
  /** Answers `read-document`: everything under the two prefixes, in the order of the keys. */
  | {
      readonly type: 'document-read'
      readonly id: string
      readonly chunks: readonly Uint8Array[]
      readonly proofs: readonly Uint8Array[]
    }
  /** Everything of the `persist` with this token survives a power cut from here on. */
  | { readonly type: 'persisted'; readonly token: number }
  /** That `persist` failed: what is on the disk is uncertain, and nothing more is accepted. */
  | { readonly type: 'persist-failed'; readonly token: number; readonly error: unknown }
  /** Answers `vet`: why the document is to be refused, or `undefined` when it may be opened. */
  | { readonly type: 'vetted'; readonly token: number; readonly refusal: string | undefined }
  /** Time to look whether idle peers really hold the same; the driver knows how often. */
  | { readonly type: 'interval' }
  /** A timer ran out. */
  | { readonly type: 'timer'; readonly link: LinkId }

/** What the driver must do, in order. */
export type ReplicaEffect =
  | { readonly type: 'send'; readonly link: LinkId; readonly bytes: Uint8Array }
  /** Read the chunks and the proofs of a document, and answer with `document-read`. */
  | { readonly type: 'read-document'; readonly id: string }
  /** Open, where it can be stopped, what the pieces make together, and answer with `vetted`. */
  | { readonly type: 'vet'; readonly token: number; readonly pieces: readonly Uint8Array[] }
  /** Write all operations or none; answer with `persisted` only when they are durable. One at a time. */
  | {
      readonly type: 'persist'
      readonly token: number
      readonly operations: readonly StoreOperation[]
    }
  | { readonly type: 'event'; readonly event: ReplicaEvent }
  | { readonly type: 'set-timer'; readonly link: LinkId; readonly inMs: number }
  /** Answer with the timer of live edits when the work of this turn is done, and `LIVE_REST_FACTOR` times its time is over. */
  | { readonly type: 'rest' }
  /** End the channel: the peer broke the protocol. */
  | {
      readonly type: 'disconnect'
      readonly link: LinkId
      readonly code: SyncErrorCode
      readonly message: string
    }

/** Where a change came from: the id of a peer (64 characters of hex), or `local` for this device. */
export type ChangeOrigin = string

/** What the replica tells the outside. */
export type ReplicaEvent =
  | {
      readonly type: 'document:changed'
      readonly id: string
      readonly path: string
      readonly origin: ChangeOrigin
      /** The path has begun to lead to this document. */
      readonly created: boolean
      readonly heads: readonly string[]
    }
  | {
      readonly type: 'document:deleted'
      readonly id: string
      readonly path: string
      readonly origin: ChangeOrigin
    }
  /** Somebody deleted it without knowing all of it: it lies under no path, and what is here stays. */
  | {
      readonly type: 'document:deleted-with-edits'
      readonly id: string
      readonly path: string
      readonly origin: ChangeOrigin
    }
  | {
      readonly type: 'document:quarantined'
      readonly id: string
      readonly path: string | undefined
      readonly peerId: PeerId | undefined
      readonly reason: string
    }
  | {
      readonly type: 'peer:fault'
      readonly peerId: PeerId
      readonly code: SyncErrorCode
      readonly message: string
    }
  | { readonly type: 'warning'; readonly message: string; readonly path: string }
  /** A peer has said what it has of a document: `received` in memory, `stored` durably. */
  | {
      readonly type: 'acknowledged'
      readonly id: string
      readonly peerId: PeerId
      readonly durability: 'received' | 'stored'
      readonly heads: readonly string[]
    }
  /** A peer has told something to those who have a document open; its session proves who it is. */
  | {
      readonly type: 'document:broadcast'
      readonly id: string
      readonly path: string
      readonly peerId: PeerId
      /** The first author whose certificate the peer has shown. */
      readonly author: string | undefined
      readonly content: Uint8Array
    }
  /** No document on this device names the blob any more, durably. */
  | { readonly type: 'blob:unreferenced'; readonly hash: string }
  /** Something about the state of sync may have changed: connections, queues, acknowledgements. */
  | { readonly type: 'progress' }
  /** There is no room for what is to be stored. Nothing is lost that was acknowledged, and nothing more is taken until there is. */
  | { readonly type: 'storage:full' }
  /** There is room again, and everything that waited is stored. */
  | { readonly type: 'storage:writable' }
  /** The store failed. */
  | { readonly type: 'failed'; readonly error: unknown }
