import {
  defaultEntry,
  defaultToken,
  readCompactU64,
  readEntryRelative,
  readTokenRelative,
  writeCompactU64,
  writeEntryRelative,
  writeTokenRelative,
  type AuthorisationToken,
  type AuthorisedEntry,
  type Cursor,
  type Entry,
  type Sink,
} from '@vudo/meadowcap'
import { DELEGATION_MEMORY_BYTES, ENTRY_MEMORY_BYTES } from '../limits.ts'
import type { HeldEntry } from '../store/store.ts'

/** An entry as a peer sent it: nothing of it is verified. */
export interface ReceivedEntry extends AuthorisedEntry {
  /** Bytes of the payload that the peer says it has, counted from its start; at most `entry.payloadLength`. */
  readonly available: bigint
}

/** How much of a payload the sender has: none, all, or so many bytes as follow. The kind of an item, whatever else it may be, is one of these. */
export const amounts: { readonly none: number; readonly whole: number; readonly part: number } = {
  none: 0,
  whole: 1,
  part: 2,
}

/**
 * Writes the entries of one direction of a channel, each relative to the one before: entry
 * (`EncodeEntryRelativeEntry`), token (`EncodeMeadowcapAuthorisationTokenRelative`), amount.
 */
export class EntryWriter {
  #entry: Entry = defaultEntry
  #token: AuthorisationToken = defaultToken

  write(sink: Sink, { entry, token, available }: HeldEntry | ReceivedEntry): void {
    const isWhole = available === entry.payloadLength
    const isPart = !isWhole && available > 0n
    sink.byte(isWhole ? amounts.whole : isPart ? amounts.part : amounts.none)
    writeEntryRelative(sink, entry, this.#entry)
    writeTokenRelative(sink, token, { entry, prior: this.#token })
    if (isPart) writeCompactU64(sink, available)
    this.#entry = entry
    this.#token = token
  }
}

/** Reads what an {@link EntryWriter} at the far end writes. */
export class EntryReader {
  #entry: Entry = defaultEntry
  #token: AuthorisationToken = defaultToken

  /** Nothing is verified. @throws `MeadowcapError` as every reader. */
  read(cursor: Cursor): ReceivedEntry {
    const start = cursor.offset
    const amount = cursor.byte()
    if (amount > amounts.part) throw cursor.error(`no amount of a payload is ${amount}`, start)
    const entry = readEntryRelative(cursor, this.#entry)
    const token = readTokenRelative(cursor, { entry, prior: this.#token })
    const available = readAmount(cursor, amount, entry)
    this.#entry = entry
    this.#token = token
    return { entry, token, available }
  }
}

/**
 * Bytes that a decoded entry counts as, about what it takes in memory: relative to another one, a
 * long path or chain of delegations is a few bytes on the wire. Both ends count the same.
 */
export function sizeOfEntry({ entry, token }: AuthorisedEntry): number {
  let bytes = ENTRY_MEMORY_BYTES + entry.path.sortKey.length
  for (const { area } of token.capability.delegations) {
    bytes += DELEGATION_MEMORY_BYTES + area.path.sortKey.length
  }
  return bytes
}

function readAmount(cursor: Cursor, amount: number, { payloadLength }: Entry): bigint {
  if (amount === amounts.whole) return payloadLength
  if (amount === amounts.none) return 0n
  const start = cursor.offset
  const available = readCompactU64(cursor)
  if (available === 0n || available >= payloadLength) {
    throw cursor.error(`${available} bytes are no part of ${payloadLength}`, start)
  }
  return available
}
