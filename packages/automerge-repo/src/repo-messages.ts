import { parseDocumentUrl } from '@vudo/sync'
import { AutomergeRepoError } from './errors.ts'
import { MAX_ID_LENGTH, MAX_LIST_ENTRIES } from './limits.ts'

/** What two Repos say to each other, without who says it to whom (automerge-repo 2.5.6, network/messages.ts). */
export type RepoMessage =
  /** A message of Automerge's sync protocol; `request` when the sender has nothing of the document. */
  | { readonly type: 'sync' | 'request'; readonly documentId: string; readonly data: Uint8Array }
  /** The sender does not have the document, or does not give it. */
  | { readonly type: 'doc-unavailable'; readonly documentId: string }
  /** Something that is not stored, in CBOR. */
  | {
      readonly type: 'ephemeral'
      readonly documentId: string
      readonly data: Uint8Array
      /** Counts up within a session of its first sender. */
      readonly count: number
      readonly sessionId: string
    }
  | {
      readonly type: 'remote-subscription-change'
      readonly add?: readonly string[]
      readonly remove?: readonly string[]
    }
  | {
      readonly type: 'remote-heads-changed'
      readonly documentId: string
      readonly newHeads: Readonly<Record<string, RemoteHeads>>
    }

/** Where a storage somewhere else stands. */
export interface RemoteHeads {
  readonly heads: readonly string[]
  /** Milliseconds since 1970, by its own clock. */
  readonly timestamp: number
}

/** A map that came from anywhere. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * The message in a decoded map, with nothing besides. `undefined` for a type that is
 * unknown: a later version may have more.
 *
 * @throws `AutomergeRepoError` `ERR_REPO_MESSAGE` for a known type with fields that it cannot have.
 */
export function toRepoMessage(fields: Fields): RepoMessage | undefined {
  switch (fields['type']) {
    case 'sync':
    case 'request': {
      return { type: fields['type'], documentId: documentIdOf(fields), data: dataOf(fields) }
    }
    case 'doc-unavailable':
      return { type: 'doc-unavailable', documentId: documentIdOf(fields) }
    case 'ephemeral':
      return {
        type: 'ephemeral',
        documentId: documentIdOf(fields),
        data: dataOf(fields),
        count: countOf(fields['count']),
        sessionId: idOf(fields['sessionId'], 'session id'),
      }
    case 'remote-subscription-change':
      return {
        type: 'remote-subscription-change',
        ...listOf(fields, 'add'),
        ...listOf(fields, 'remove'),
      }
    case 'remote-heads-changed':
      return {
        type: 'remote-heads-changed',
        documentId: documentIdOf(fields),
        newHeads: headsOf(fields['newHeads']),
      }
    default:
      return undefined
  }
}

/** Tells whether a value is a map. */
export function isFields(value: unknown): value is Fields {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

/** A text that names a peer, a session or a storage. @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`. */
export function idOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH) return value
  throw malformed(`a ${what} is no text of 1 to ${MAX_ID_LENGTH} characters`)
}

/** The error of everything that is no message. */
export function malformed(what: string, cause?: unknown): AutomergeRepoError {
  return new AutomergeRepoError('ERR_REPO_MESSAGE', what, { cause })
}

function documentIdOf({ documentId }: Fields): string {
  if (typeof documentId === 'string' && parseDocumentUrl(`automerge:${documentId}`) !== undefined) {
    return documentId
  }
  throw malformed('a document id is none')
}

function dataOf({ data }: Fields): Uint8Array {
  if (data instanceof Uint8Array && data.length > 0) return data
  throw malformed('a message has no data')
}

function countOf(value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
  throw malformed('a count is no whole number')
}

function listOf(fields: Fields, key: 'add' | 'remove'): { [name in 'add' | 'remove']?: string[] } {
  const list = fields[key]
  if (list === undefined || list === null) return {}
  if (!Array.isArray(list) || list.length > MAX_LIST_ENTRIES) throw malformed('a list is none')
  return { [key]: list.map((id) => idOf(id, 'storage id')) }
}

function headsOf(value: unknown): Record<string, RemoteHeads> {
  if (!isFields(value)) throw malformed('heads of storages are no map')
  const entries = Object.entries(value)
  if (entries.length > MAX_LIST_ENTRIES) throw malformed(`${entries.length} storages`)
  return Object.fromEntries(
    entries.map(([id, entry]) => {
      if (!isFields(entry) || !Array.isArray(entry['heads'])) throw malformed('heads are no list')
      const { heads, timestamp } = entry
      if (typeof timestamp !== 'number' || !Array.isArray(heads))
        throw malformed('heads have no time')
      if (heads.length > MAX_LIST_ENTRIES) throw malformed(`${heads.length} heads`)
      return [idOf(id, 'storage id'), { heads: heads.map((head) => idOf(head, 'head')), timestamp }]
    }),
  )
}
