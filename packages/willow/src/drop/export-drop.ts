import { createSink, fullArea, type Area, type AuthorisedEntry } from '@vudo/meadowcap'
import { willowError } from '../errors.ts'
import { DROP_CHUNK_BYTES } from '../limits.ts'
import type { HeldEntry, WillowStore } from '../store/store.ts'
import { DROP_END, firstPrior, writeDropRecord } from './drop-wire.ts'

/** What {@link exportDrop} takes. */
export interface ExportDropOptions {
  /** @defaultValue everything */
  readonly area?: Area | undefined
  /**
   * Bytes of a payload up to which it goes along; 0 for none at all.
   *
   * @defaultValue every payload that is complete
   */
  readonly maxPayloadBytes?: bigint | undefined
  /** Ends it: it rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined
}

/**
 * The entries of a store as one string of bytes, with their tokens and, where they are complete,
 * their payloads (Willow "Drop format"). It is not encrypted. Pieces of about `DROP_CHUNK_BYTES`,
 * each in a buffer that belongs to the caller; the store is read as they are taken.
 *
 * @yields pieces in order.
 * @throws While reading: `WillowError` `ERR_ENTRY_GONE` when a payload was erased while it was
 *   read, `ERR_PAYLOAD_DAMAGED`. What came until then is no drop: it has no end.
 */
export async function* exportDrop(
  store: WillowStore,
  options: ExportDropOptions = {},
): AsyncGenerator<Uint8Array> {
  const { area = fullArea, signal, maxPayloadBytes } = options
  let sink = createSink()
  let prior: AuthorisedEntry = firstPrior
  for await (const held of store.query(area, { signal })) {
    const isWhole = goesAlong(held, maxPayloadBytes)
    writeDropRecord(sink, { ...held, payload: isWhole ? 'whole' : 'none' }, prior)
    prior = held
    for await (const bytes of isWhole ? payloadOf(store, held, signal) : []) {
      sink.bytes(bytes)
      if (sink.length < DROP_CHUNK_BYTES) continue
      yield sink.finish()
      sink = createSink()
    }
    if (sink.length < DROP_CHUNK_BYTES) continue
    yield sink.finish()
    sink = createSink()
  }
  sink.byte(DROP_END)
  yield sink.finish()
}

function goesAlong({ entry, available }: HeldEntry, max: bigint | undefined): boolean {
  const { payloadLength } = entry
  return (
    payloadLength > 0n && available === payloadLength && payloadLength <= (max ?? payloadLength)
  )
}

/**
 * Exactly the bytes of the entry, or an error: anything else would spoil what follows.
 *
 * @yields pieces in order.
 */
async function* payloadOf(
  store: WillowStore,
  { entry }: HeldEntry,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let left = entry.payloadLength
  for await (const bytes of (await store.readPayload(entry, { signal })) ?? []) {
    left -= BigInt(bytes.length)
    if (left < 0n) break
    yield bytes
  }
  if (left === 0n) return
  throw willowError('ERR_ENTRY_GONE', 'a payload was replaced while it was exported')
}
