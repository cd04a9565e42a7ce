import type { AuthorisedEntry, Entry } from '@vudo/meadowcap'
import { bytesEqual, concatBytes } from '@vudo/wire'
import { isWillowError, willowError } from '../errors.ts'
import {
  DEFAULT_DROP_BYTES,
  DEFAULT_DROP_PAYLOAD_BYTES,
  DEFAULT_DROP_RECORDS,
  MAX_BATCH_ENTRIES,
  MAX_DROP_BATCH_BYTES,
  PAYLOAD_CHUNK_BYTES,
} from '../limits.ts'
import type { InsertOutcome, PayloadWriter, WillowStore } from '../store/store.ts'
import { createWilliam3 } from '../william3/william3.ts'
import { DropSource, invalid, type DropInput } from './drop-source.ts'
import { firstPrior, readDropRecord, type DropRecord } from './drop-wire.ts'

/** What {@link importDrop} takes. */
export interface ImportDropOptions {
  /** @defaultValue 1,000,000 */
  readonly maxRecords?: number | undefined
  /**
   * Bytes of the whole drop.
   *
   * @defaultValue 4 GiB
   */
  readonly maxBytes?: number | undefined
  /**
   * Bytes of one payload.
   *
   * @defaultValue 1 GiB
   */
  readonly maxPayloadBytes?: bigint | undefined
  /** Ends it: it rejects with `signal.reason`. What was stored stays. */
  readonly signal?: AbortSignal | undefined
}

/** What was in a drop, and what became of it. */
export interface DropReport {
  records: number
  /** Held now, and not before. */
  inserted: number
  /** Held already. */
  duplicate: number
  /** A newer entry is held. */
  obsolete: number
  /** Of a namespace for which there is no store, or denied here. */
  skipped: number
  /** Payloads that are complete now, and were not before. */
  payloads: number
}

/** Which store takes the entries of a namespace. */
export type StoreOfNamespace = (namespaceId: Uint8Array) => WillowStore | undefined

/**
 * Puts the entries of a drop into stores, as if a peer had sent them: each is checked as every
 * write is, and each payload against its digest, whether it is needed or not. The first that
 * is wrong ends the import; what came before it is stored.
 *
 * @param stores - A store for its one namespace, or a function that finds one.
 * @throws `WillowError` `ERR_DROP_INVALID` or `ERR_DROP_LIMIT`; what the store throws.
 */
export async function importDrop(
  stores: WillowStore | StoreOfNamespace,
  input: DropInput,
  options: ImportDropOptions = {},
): Promise<DropReport> {
  const source = new DropSource(input, options.maxBytes ?? DEFAULT_DROP_BYTES)
  const storeOf = typeof stores === 'function' ? stores : onlyItsOwn(stores)
  const drop = new DropImport(source, storeOf, options)
  try {
    await drop.run()
    return drop.report
  } finally {
    await source.close()
  }
}

function onlyItsOwn(store: WillowStore): StoreOfNamespace {
  return (namespaceId) => (bytesEqual(namespaceId, store.namespaceId) ? store : undefined)
}

interface Waiting extends AuthorisedEntry {
  /** A short payload, verified. */
  readonly payload: Uint8Array | undefined
}

class DropImport {
  readonly report: DropReport = {
    records: 0,
    inserted: 0,
    duplicate: 0,
    obsolete: 0,
    skipped: 0,
    payloads: 0,
  }
  readonly #source: DropSource
  readonly #storeOf: StoreOfNamespace
  readonly #options: ImportDropOptions
  /** Records of one store that are put in together. */
  #batch: Waiting[] = []
  #batchBytes = 0
  #store: WillowStore | undefined

  constructor(source: DropSource, storeOf: StoreOfNamespace, options: ImportDropOptions) {
    this.#source = source
    this.#storeOf = storeOf
    this.#options = options
  }

  async run(): Promise<void> {
    const { maxRecords = DEFAULT_DROP_RECORDS, signal } = this.#options
    let prior: AuthorisedEntry = firstPrior
    for (;;) {
      signal?.throwIfAborted()
      const before = prior
      const record = await this.#source.read((cursor) => readDropRecord(cursor, before))
      if (record === undefined) break
      this.report.records += 1
      if (this.report.records > maxRecords) {
        throw willowError('ERR_DROP_LIMIT', `the drop has more than ${maxRecords} records`)
      }
      await this.#take(record)
      prior = record
    }
    await this.#source.end()
    await this.#flush()
  }

  async #take(record: DropRecord): Promise<void> {
    const { entry, token, payload } = record
    const store = this.#storeOf(entry.namespaceId)
    if (store !== this.#store || this.#batch.length >= MAX_BATCH_ENTRIES) await this.#flush()
    this.#store = store
    if (payload === 'none') return void this.#batch.push({ entry, token, payload: undefined })
    this.#checkLength(entry)
    if (entry.payloadLength > BigInt(PAYLOAD_CHUNK_BYTES)) return this.#takeLong(record)
    const bytes = await this.#readShort(entry)
    this.#batch.push({ entry, token, payload: bytes })
    this.#batchBytes += bytes.length
    if (this.#batchBytes > MAX_DROP_BATCH_BYTES) await this.#flush()
  }

  #checkLength({ payloadLength }: Entry): void {
    const { maxPayloadBytes = DEFAULT_DROP_PAYLOAD_BYTES } = this.#options
    if (payloadLength <= maxPayloadBytes) return
    const message = `a payload has ${payloadLength} bytes, at most ${maxPayloadBytes} are allowed`
    throw willowError('ERR_DROP_LIMIT', message)
  }

  async #readShort(entry: Entry): Promise<Uint8Array> {
    const pieces: Uint8Array[] = []
    for await (const piece of this.#source.take(entry.payloadLength)) pieces.push(piece.slice())
    const bytes = concatBytes(...pieces)
    const hasher = createWilliam3()
    hasher.update(bytes)
    if (!bytesEqual(hasher.digest(), entry.payloadDigest)) throw mismatch()
    return bytes
  }

  /** Straight into the store: memory does not grow with it. */
  async #takeLong({ entry, token }: DropRecord): Promise<void> {
    this.#batch.push({ entry, token, payload: undefined })
    const store = this.#store
    await this.#flush()
    const writer = await writerOf(store, entry)
    const hasher = createWilliam3()
    try {
      // What was here before is not written again.
      let skipped = writer?.offset ?? 0n
      for await (const piece of this.#source.take(entry.payloadLength)) {
        this.#options.signal?.throwIfAborted()
        hasher.update(piece)
        const start = skipped < BigInt(piece.length) ? Number(skipped) : piece.length
        skipped -= BigInt(start)
        await writer?.write(piece.subarray(start))
      }
      if (writer) this.report.payloads += 1
    } catch (error) {
      if (isWillowError(error) && error.code === 'ERR_PAYLOAD_MISMATCH') throw mismatch()
      throw error
    } finally {
      await writer?.close()
    }
    if (!bytesEqual(hasher.digest(), entry.payloadDigest)) throw mismatch()
  }

  async #flush(): Promise<void> {
    const batch = this.#batch
    const store = this.#store
    this.#batch = []
    this.#batchBytes = 0
    if (batch.length === 0) return
    if (store === undefined) {
      this.report.skipped += batch.length
      return
    }
    const outcomes = await store.insertMany(batch)
    for (const outcome of outcomes) this.#count(outcome)
    for (const { entry, payload } of batch) {
      if (payload === undefined) continue
      const writer = await writerOf(store, entry)
      if (writer === undefined) continue
      try {
        await writer.write(payload.subarray(Number(writer.offset)))
        this.report.payloads += 1
      } finally {
        await writer.close()
      }
    }
  }

  #count(outcome: InsertOutcome): void {
    if (outcome.status !== 'rejected') this.report[outcome.status] += 1
    else if (outcome.reason === 'denied' || outcome.reason === 'revoked') this.report.skipped += 1
    else throw invalid(`an entry was not allowed: ${outcome.reason}`)
  }
}

/** A writer for what is missing of a payload; `undefined` when nothing is, or the entry is not held. */
async function writerOf(
  store: WillowStore | undefined,
  entry: Entry,
): Promise<PayloadWriter | undefined> {
  try {
    const writer = await store?.writePayload(entry)
    if (writer === undefined || writer.offset < entry.payloadLength) return writer
    await writer.close()
    return undefined
  } catch (error) {
    // Another writer will complete it, or there is nothing to which it belongs.
    const isHarmless =
      isWillowError(error) && (error.code === 'ERR_ENTRY_GONE' || error.code === 'ERR_PAYLOAD_BUSY')
    if (isHarmless) return undefined
    throw error
  }
}

function mismatch(): Error {
  return invalid('a payload has another digest than its entry says')
}
