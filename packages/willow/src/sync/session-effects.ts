import type { Area, AuthorisedEntry, Entry, McCapability } from '@vudo/meadowcap'
import type { WillowErrorCode } from '../errors.ts'
import type { StoreAnswer, StoreRequest } from '../reconcile/reconcile-effects.ts'
import type { HeldEntry, InsertOutcome } from '../store/store.ts'

/** What a timer is for: the budget of payloads that are sent, or the progress of those that come. */
export type SessionTimer = 'budget' | 'progress'

/** What can happen to a sync session. */
export type SessionInput =
  /** The channel is open. */
  | { readonly type: 'start' }
  | { readonly type: 'message'; readonly bytes: Uint8Array }
  /** To the `verify` request: whether each of its capabilities is valid, and not revoked here. */
  | { readonly type: 'verified'; readonly answers: readonly boolean[] }
  /** The channel has taken so many bytes of what was sent. */
  | { readonly type: 'sent'; readonly bytes: number }
  /** To the `reconcile` request. */
  | { readonly type: 'answer'; readonly answer: StoreAnswer }
  /** To the `insert` request of that token. */
  | {
      readonly type: 'inserted'
      readonly token: number
      readonly outcomes: readonly InsertOutcome[]
    }
  /** News of the store. `isFromPeer` when this session brought them. */
  | { readonly type: 'changed'; readonly held: HeldEntry; readonly isFromPeer: boolean }
  /** News of the store were lost: everything has to be compared again. */
  | { readonly type: 'missed' }
  /** A payload can be received, from this byte on; `undefined` when there is nothing to receive. */
  | { readonly type: 'opened'; readonly id: number; readonly from: bigint | 'busy' | undefined }
  /** What became of bytes of a payload: stored, the last ones, or there is no such entry any more, or they were another payload. */
  | {
      readonly type: 'written'
      readonly id: number
      readonly outcome: 'stored' | 'complete' | 'gone' | 'forged'
    }
  /** The next bytes of a payload that is served; `undefined` at the end of what is here. */
  | { readonly type: 'chunk'; readonly id: number; readonly bytes: Uint8Array | undefined }
  /** Somebody wants the payload of an entry now. */
  | { readonly type: 'request-payload'; readonly entry: Entry }
  /** Large payloads wait until somebody asks, or no longer do. */
  | { readonly type: 'metered'; readonly isMetered: boolean }
  /** An entry is not held any more; its payload is wanted by nobody. */
  | { readonly type: 'removed'; readonly entry: Entry }
  /** Another session, or this one, has a payload in hand no longer. */
  | { readonly type: 'retry' }
  | { readonly type: 'timer'; readonly name: SessionTimer }

/** What a session tells. */
export type SessionEvent =
  /** Both ends know what the other may read. */
  | {
      readonly type: 'ready'
      readonly areas: readonly Area[]
      /** What the peer may read here, whatever it says itself. */
      readonly granted: readonly Area[]
      readonly keys: readonly Uint8Array[]
    }
  /** The peer says that it holds all that this end holds in the area, durably: what was erased there before it was asked is erased at the peer. With `upTo` only erasures of at most that timestamp. */
  | { readonly type: 'confirmed'; readonly area: Area; readonly upTo: bigint | undefined }
  /** A round over all shared areas has ended. */
  | { readonly type: 'reconciled'; readonly round: number }
  /** A payload was put off: the device is metered. */
  | { readonly type: 'deferred'; readonly entry: Entry }
  /** The peer did not give a payload, or other bytes. */
  | { readonly type: 'payload-failed'; readonly entry: Entry; readonly isForged: boolean }

/** What is to be done, in order. */
export type SessionEffect =
  | { readonly type: 'send'; readonly bytes: Uint8Array }
  /** Check signatures of what the peer shows; once, answered by `verified`. */
  | { readonly type: 'verify'; readonly capabilities: readonly McCapability[] }
  /** One at a time; answered by `answer`. */
  | { readonly type: 'reconcile'; readonly request: StoreRequest }
  | {
      readonly type: 'insert'
      readonly token: number
      readonly entries: readonly AuthorisedEntry[]
    }
  /** Begin to receive a payload; answered by `opened`. */
  | { readonly type: 'open-payload'; readonly id: number; readonly entry: Entry }
  /** Answered by `written`. */
  | { readonly type: 'write-payload'; readonly id: number; readonly bytes: Uint8Array }
  /** Keep what came of a payload that does not go on. */
  | { readonly type: 'close-payload'; readonly id: number }
  /** The next bytes of a payload for the peer; answered by `chunk`. The first time says which. */
  | {
      readonly type: 'read-payload'
      readonly id: number
      readonly start?: { readonly entry: Entry; readonly from: bigint } | undefined
    }
  | { readonly type: 'stop-reading'; readonly id: number }
  /** There is one of each name. */
  | { readonly type: 'set-timer'; readonly name: SessionTimer; readonly inMs: number }
  | { readonly type: 'event'; readonly event: SessionEvent }
  /** End the channel; nothing follows. */
  | { readonly type: 'fail'; readonly code: WillowErrorCode; readonly message: string }
