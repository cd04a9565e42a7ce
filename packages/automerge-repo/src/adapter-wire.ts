import { decodeCbor, encodeCbor, isWireError } from '@vudo/wire'
import {
  MAX_MESSAGE_DEPTH,
  MAX_MESSAGE_VALUES,
  MAX_PEER_BYTES,
  MAX_REPO_MESSAGE_BYTES,
} from './limits.ts'
import { idOf, isFields, malformed, toRepoMessage, type RepoMessage } from './repo-messages.ts'
import type { GiveUp, SharedBytes } from './shared-bytes.ts'

/*
 * What adapters say to each other on a channel: first a hello, then messages of Repos.
 * Each is one map in CBOR (docs/wire-formats/automerge-repo.md), cut into parts that a
 * channel takes; a byte in front of each part says whether it is the last.
 */

/** The protocol's name on a session. */
export const ADAPTER_PROTOCOL = '/vudo/automerge-repo/1'

/** What an adapter says first: how its Repo calls itself, and what automerge-repo wants to know of it. */
export interface AdapterHello {
  readonly peerId: string
  readonly storageId?: string
  readonly isEphemeral?: boolean
}

/** A message of a Repo; `origin` is who sent it first, when it was passed on. */
export interface AdapterMessage {
  readonly message: RepoMessage
  readonly origin?: string
}

const HELLO = 'hello'
const flags = { more: 0, last: 1 } as const
/** With the flag, what a channel takes. */
const PART_BYTES = 262_143

/** The parts of a hello. */
export function writeHello(hello: AdapterHello): Uint8Array[] {
  return toParts(encodeCbor({ type: HELLO, ...hello }))
}

/** The parts of a message. @throws `TypeError` for what is no plain data. */
export function writeMessage({ message, origin }: AdapterMessage): Uint8Array[] {
  return toParts(encodeCbor(origin === undefined ? message : { ...message, origin }))
}

function toParts(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += PART_BYTES) {
    const piece = bytes.subarray(at, at + PART_BYTES)
    const part = new Uint8Array(1 + piece.length)
    part[0] = at + PART_BYTES < bytes.length ? flags.more : flags.last
    part.set(piece, 1)
    parts.push(part)
  }
  return parts
}

/** @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`. */
export function readHello(bytes: Uint8Array): AdapterHello {
  const fields = decode(bytes)
  if (fields['type'] !== HELLO) throw malformed('the first message is no hello')
  const { storageId, isEphemeral } = fields
  return {
    peerId: idOf(fields['peerId'], 'peer id'),
    ...(storageId === undefined ? {} : { storageId: idOf(storageId, 'storage id') }),
    ...(typeof isEphemeral === 'boolean' ? { isEphemeral } : {}),
  }
}

/** `undefined` for a type that is unknown. @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`. */
export function readMessage(bytes: Uint8Array): AdapterMessage | undefined {
  const fields = decode(bytes)
  const message = toRepoMessage(fields)
  if (!message) return undefined
  const { origin } = fields
  // Only what is passed on has another sender than the one at the far end.
  if (origin === undefined || message.type !== 'ephemeral') return { message }
  return { message, origin: idOf(origin, 'peer id') }
}

function decode(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value = decodeCbor(bytes, {
      maxBytes: MAX_REPO_MESSAGE_BYTES,
      maxDepth: MAX_MESSAGE_DEPTH,
      maxValues: MAX_MESSAGE_VALUES,
    })
    if (isFields(value)) return value
  } catch (error) {
    if (!isWireError(error)) throw error
    throw malformed('a message is no CBOR', error)
  }
  throw malformed('a message is no map')
}

/** Puts the parts of one peer together, within its bound and the one of all peers. */
export class PartJoiner {
  readonly #all: SharedBytes
  readonly #giveUp: GiveUp
  #parts: Uint8Array[] = []
  #bytes = 0

  /** @param giveUp - Told when this peer holds the most of what all may: its end calls {@link PartJoiner.forget}. */
  constructor(all: SharedBytes, giveUp: GiveUp) {
    this.#all = all
    this.#giveUp = giveUp
  }

  /** @returns the message that the part completes. @throws `AutomergeRepoError` `ERR_REPO_MESSAGE`. */
  take(part: Uint8Array): Uint8Array | undefined {
    const [flag] = part
    if (flag !== flags.more && flag !== flags.last) throw malformed('a part has no flag')
    const piece = part.subarray(1)
    if (flag === flags.last && this.#parts.length === 0) return piece
    this.#parts.push(piece)
    this.#bytes += piece.length
    if (this.#bytes > MAX_PEER_BYTES) {
      throw malformed(`a message has more than ${MAX_PEER_BYTES} bytes`)
    }
    this.#all.hold(this.#giveUp, this.#bytes)
    return flag === flags.more ? undefined : this.#join()
  }

  #join(): Uint8Array {
    const whole = new Uint8Array(this.#bytes)
    let at = 0
    for (const piece of this.#parts) {
      whole.set(piece, at)
      at += piece.length
    }
    this.forget()
    return whole
  }

  /** Gives up what is unfinished. */
  forget(): void {
    this.#parts = []
    this.#bytes = 0
    this.#all.hold(this.#giveUp, 0)
  }
}
