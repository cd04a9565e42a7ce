/**
 * What the two ends of a client link say to each other: the *client*, in the application's
 * thread, and the *server*, in the worker that has the engine. Both are one program of one
 * version, so the messages are structured clones and no wire format, and neither end
 * distrusts the other; what the server hands on has been vetted by the engine.
 */
import type { ChangeOrigin } from './replica-effects.ts'
import type { DatabaseEvents, SyncSummary } from './sync-types.ts'

/** An error as it crosses. */
export interface SentError {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
  readonly hint: string | undefined
  readonly stack: string | undefined
  readonly cause: SentError | undefined
}

/** A question with one answer. */
export interface CallMessage {
  readonly type: 'call'
  /** Counts up; names the call in its answer. */
  readonly id: number
  readonly name: string
  /** As `packValue` gives it. */
  readonly args: PackedValue
}

/** Whoever asked has given up. */
export interface CancelMessage {
  readonly type: 'cancel'
  readonly id: number
}

/** The answer of a call. */
export type AnswerMessage =
  | { readonly type: 'answer'; readonly id: number; readonly result: PackedValue }
  | { readonly type: 'failed'; readonly id: number; readonly error: SentError }

/** A value whose instances of classes, which a structured clone would make plain, are told apart. */
export interface PackedValue {
  readonly value: unknown
  readonly marks: readonly ValueMark[]
}

/** What stood at a place of a packed value. */
export type ValueMark =
  | { readonly place: ValuePlace; readonly kind: 'counter'; readonly value: number }
  | { readonly place: ValuePlace; readonly kind: 'immutable-string'; readonly value: string }
  | { readonly place: ValuePlace; readonly kind: 'error'; readonly value: SentError }
  /** Its pairs stand there, as a list. */
  | { readonly place: ValuePlace; readonly kind: 'map' }

/** Keys and indexes from the root. */
export type ValuePlace = readonly (string | number)[]

/** One change as Automerge makes it. */
export interface RawChange {
  readonly bytes: Uint8Array
  /** From which its actor derives; `undefined`: from the nonce that the server gave for the document. */
  readonly nonce: Uint8Array | undefined
}

/** Edits of one document, each after those that it builds on. */
export interface DocumentEdits {
  /** Of the document, as hex. */
  readonly id: string
  /** As the server last told it. Edits of an older one were made before the client learnt of a refusal: they are void. */
  readonly epoch: number
  readonly changes: readonly RawChange[]
}

/** Edits that were made since the last such message. */
export interface EditsMessage {
  readonly type: 'edits'
  /** Counts up from 1. */
  readonly number: number
  readonly documents: readonly DocumentEdits[]
}

/** What the client says. */
export type ClientMessage =
  | CallMessage
  | CancelMessage
  | EditsMessage
  /** It has applied the news of that number, and all before. */
  | { readonly type: 'taken'; readonly number: number }
  | { readonly type: 'broadcast'; readonly id: string; readonly content: Uint8Array }
  /** Nobody has the document open any more. */
  | { readonly type: 'release'; readonly id: string }
  | { readonly type: 'goodbye' }

/** A document as the client begins to follow it. */
export interface OpenedDocument {
  readonly id: string
  readonly path: string
  /** The saved document; `undefined` when the client follows it already. */
  readonly begin: DocumentBegin | undefined
}

/** All of a document. */
export interface DocumentBegin {
  readonly saved: Uint8Array
  readonly epoch: number
  /** 16 bytes from which the actor of the client's edits derives. */
  readonly nonce: Uint8Array
  readonly standing: DocumentStanding
}

/** What is known of a document besides its content. */
export interface DocumentStanding {
  /** Who stands behind actors that were not told yet: pairs of actor and author. */
  readonly authors: readonly (readonly [string, string])[]
  /** Why it cannot be edited; `undefined` when it can. */
  readonly refusal: SentError | undefined
  /** So many peers have stored exactly these heads. */
  readonly stored: { readonly heads: readonly string[]; readonly peers: number }
}

/** What is new about one document. */
export interface DocumentNews {
  readonly id: string
  /** Changes in their order, or what `saveSince` gave for them; `undefined` for none. */
  readonly changes: readonly Uint8Array[] | Uint8Array | undefined
  /** Instead of changes: the document begins anew, because edits of the client were not taken. */
  readonly reset: DocumentReset | undefined
  /** What to tell the application, in this order. */
  readonly events: readonly NewsEvent[]
  readonly standing: DocumentStanding
}

/** See {@link DocumentNews.reset}. */
export interface DocumentReset {
  readonly saved: Uint8Array
  readonly epoch: number
  readonly error: SentError
}

/** A change of a document, from whom it came. */
export interface NewsEvent {
  readonly path: string
  readonly origin: ChangeOrigin
  readonly created: boolean
}

/** An event of the database with its payload. */
export type SentEvent = {
  [Type in keyof DatabaseEvents]: { readonly name: Type; readonly payload: DatabaseEvents[Type] }
}[keyof DatabaseEvents]

/** What the server says. */
export type ServerMessage =
  | AnswerMessage
  | {
      readonly type: 'hello'
      readonly id: string
      readonly authorId: string
      readonly summary: SyncSummary
      /** There is no room on the disk. */
      readonly isFull: boolean
    }
  | { readonly type: 'news'; readonly number: number; readonly documents: readonly DocumentNews[] }
  /** The edits up to that number are in the engine's memory, or refused. */
  | { readonly type: 'taken'; readonly number: number }
  /** The edits up to that number are durable. */
  | { readonly type: 'saved'; readonly number: number }
  | { readonly type: 'event'; readonly event: SentEvent; readonly summary: SyncSummary | undefined }
  /** The store failed: nothing more is taken. */
  | { readonly type: 'store-failed'; readonly error: SentError }
  /** The database was closed. */
  | { readonly type: 'ended' }
