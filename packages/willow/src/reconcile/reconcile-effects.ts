import type { AuthorisedEntry, Range3d } from '@vudo/meadowcap'
import type { WillowErrorCode } from '../errors.ts'
import type { HeldEntry, RangePart, Summary } from '../store/store.ts'
import type { ReceivedEntry } from './entry-stream.ts'

/** What a reconciliation wants of its store; each is answered before the next is made. */
export type StoreRequest =
  | { readonly type: 'summarise'; readonly range: Range3d }
  | { readonly type: 'split'; readonly range: Range3d; readonly parts: number }
  /** The first page of the entries of a range. Ends an earlier list that was not read to its end. */
  | { readonly type: 'list'; readonly range: Range3d }
  /** The next page of that list. */
  | { readonly type: 'more' }
  /** To be verified and put in; what is rejected is no matter of the reconciliation. */
  | { readonly type: 'insert'; readonly entries: readonly AuthorisedEntry[] }

/** What the store said. */
export type StoreAnswer =
  | { readonly type: 'summary'; readonly summary: Summary }
  | { readonly type: 'parts'; readonly parts: readonly RangePart[] }
  | { readonly type: 'page'; readonly entries: readonly HeldEntry[]; readonly isLast: boolean }
  /** `rejected` of them did not pass the store's checks. */
  | { readonly type: 'inserted'; readonly rejected: number }

/** What can happen to a reconciliation. */
export type ReconcileInput =
  /** Of the initiator, once, before everything else. */
  | { readonly type: 'start' }
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  | { readonly type: 'answer'; readonly answer: StoreAnswer }
  /** Nothing more is to be sent for now. What comes in is still taken. */
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }

/** What is to be done about it, in order. */
export type ReconcileEffect =
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  | { readonly type: 'request'; readonly request: StoreRequest }
  /** Entries came; they are put in by a request of their own. */
  | { readonly type: 'received'; readonly entries: readonly ReceivedEntry[] }
  /** Both ends have everything that either had when it was asked. */
  | { readonly type: 'done' }
  /** The peer broke the rules or went beyond a limit: end its channel. Nothing follows. */
  | { readonly type: 'fail'; readonly code: WillowErrorCode; readonly message: string }
