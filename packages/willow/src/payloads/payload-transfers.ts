import { entriesEqual, type Entry } from '@vudo/meadowcap'
import { bytesEqual } from '@vudo/wire'
import { willowError } from '../errors.ts'
import { MAX_OWN_PAYLOAD_WRITERS, MAX_PAYLOAD_WRITERS, PAYLOAD_CHUNK_BYTES } from '../limits.ts'
import { holdEntry, noPayload, type Held, type PayloadState } from '../store/held.ts'
import { bytesToText, placeOf, type Place } from '../store/place.ts'
import type { InsertOptions, PayloadReadOptions, PayloadWriter } from '../store/store.ts'
import type { Transaction } from '../store/transaction.ts'
import { createWilliam3 } from '../william3/william3.ts'
import { ChunkedWriter, type PayloadSink } from './chunked-writer.ts'
import type { PayloadId, PayloadVault } from './vault.ts'

/** What payloads need of the store. */
export interface TransferContext {
  readonly vault: PayloadVault
  heldAt(place: Place): Promise<Held | undefined>
  /** Runs `work` alone and makes durable what it did. */
  change<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>
  /** The payload is destroyed: its name need not be remembered. */
  settle(id: PayloadId): void
}

/**
 * Payloads of held entries: on their way in, and out again. Each belongs to one entry. Two
 * entries with the same digest have two copies: otherwise whoever knows a digest could write
 * an entry with it and read what others hold.
 */
export class PayloadTransfers {
  readonly #context: TransferContext
  readonly #writers = new Map<Place, OpenWriter>()

  constructor(context: TransferContext) {
    this.#context = context
  }

  async write(entry: Entry, { origin }: InsertOptions = {}): Promise<PayloadWriter> {
    const place = placeOf(entry)
    const isOwn = origin === undefined
    if (isOwn) await this.#takeFromPeer(place)
    const open = [...this.#writers.values()].filter(({ sink }) => sink.isOwn === isOwn).length
    if (this.#writers.has(place) || open >= maxWriters(isOwn)) {
      throw willowError('ERR_PAYLOAD_BUSY', `${open} payloads are being received`)
    }
    const release = (): void => {
      // It may have been released before, and another one be there.
      if (this.#writers.get(place)?.sink === sink) this.#writers.delete(place)
    }
    const sink = new EntrySink(this.#context, { place, entry, origin, release })
    const hasher = createWilliam3()
    const writer = new ChunkedWriter(sink, entry, hasher)
    this.#writers.set(place, { sink, writer })
    try {
      const held = await sink.begin()
      await writer.resume(held)
      return writer
    } catch (error) {
      release()
      throw error
    }
  }

  /** Bytes that are here come before those of a peer, which may never come. */
  async #takeFromPeer(place: Place): Promise<void> {
    const open = this.#writers.get(place)
    if (open === undefined || open.sink.isOwn) return
    try {
      await open.writer.close()
    } catch {
      // What the peer sent was not kept; it is all written anew.
    }
  }

  async read(
    place: Place,
    { from = 0n, signal }: PayloadReadOptions = {},
  ): Promise<AsyncIterable<Uint8Array> | undefined> {
    signal?.throwIfAborted()
    const held = await this.#context.heldAt(place)
    return held && readPayload(this.#context.vault, held, { from, signal })
  }

  /** Gives up the bytes of a payload. Tells whether there were any. */
  async forget(place: Place): Promise<boolean> {
    return this.#context.change(async (transaction) => {
      const held = await this.#context.heldAt(place)
      if (held?.payloadId === undefined) return false
      transaction.doomed.push(held.payloadId)
      await replaceState(transaction, held, { state: noPayload, origin: undefined })
      return true
    })
  }

  /** What has come of the payloads of entries and belongs to none of them yet. */
  reservedFor(entries: readonly Held[]): PayloadId[] {
    if (this.#writers.size === 0) return []
    return entries.flatMap(({ place }) => this.#writers.get(place)?.sink.unadopted ?? [])
  }

  /** The entries are gone: their writers have nothing to write, and their places are free. */
  removed(entries: readonly Held[]): void {
    if (this.#writers.size === 0) return
    for (const { place, entry } of entries) {
      const open = this.#writers.get(place)
      if (open?.sink.isFor(entry) === true) open.sink.release()
    }
  }

  /**
   * Those of `doomed` that nobody is writing any more. What an open writer has reserved is
   * doomed on the disk until the entry takes it over, and must last as long as the entry does.
   */
  async abandoned(doomed: readonly PayloadId[]): Promise<PayloadId[]> {
    const reserved = new Set<string>()
    for (const { sink } of this.#writers.values()) {
      const id = await sink.reservation()
      if (id) reserved.add(bytesToText(id))
    }
    return doomed.filter((id) => !reserved.has(bytesToText(id)))
  }

  /** Keeps what has arrived of every payload. */
  async close(): Promise<void> {
    for (const { writer } of this.#writers.values()) {
      try {
        await writer.close()
      } catch {
        // It was not kept; the next opening clears up, and its own user is told by her next call.
      }
    }
  }
}

async function* readPayload(
  vault: PayloadVault,
  held: Held,
  { from = 0n, signal }: PayloadReadOptions,
): AsyncGenerator<Uint8Array> {
  const { payloadId, available } = held
  const chunkBytes = BigInt(PAYLOAD_CHUNK_BYTES)
  if (payloadId === undefined) return
  for (let at = from; at < available;) {
    signal?.throwIfAborted()
    const index = at / chunkBytes
    const end = (index + 1n) * chunkBytes
    const length = Number((end < available ? end : available) - index * chunkBytes)
    const chunk = await vault.read(payloadId, Number(index), length)
    yield chunk.subarray(Number(at - index * chunkBytes))
    at = end
  }
}

/** Writes another record of the same entry, with more or less of its payload. */
async function replaceState(
  transaction: Transaction,
  held: Held,
  { state, origin }: { readonly state: PayloadState; readonly origin: string | undefined },
): Promise<void> {
  const next = holdEntry(held, state)
  await transaction.detach(held)
  await transaction.put(next)
  transaction.events.push({ type: 'payload:change', held: next, origin })
}

interface OpenWriter {
  readonly sink: EntrySink
  readonly writer: PayloadWriter
}

interface Target {
  readonly place: Place
  readonly entry: Entry
  readonly origin: string | undefined
  readonly release: () => void
}

/** Where the pieces of one entry's payload go. */
class EntrySink implements PayloadSink {
  readonly #context: TransferContext
  readonly #target: Target
  /** What the entry had when this began; it must still have that when it gets more. */
  #before: PayloadState = noPayload
  #id: PayloadId | undefined

  constructor(context: TransferContext, target: Target) {
    this.#context = context
    this.#target = target
  }

  async begin(): Promise<Held> {
    const held = await this.#current()
    if (held === undefined) throw gone()
    this.#before = { available: held.available, payloadId: held.payloadId }
    this.#id = held.payloadId
    return held
  }

  read(index: number): Promise<Uint8Array> {
    return this.#context.vault.read(this.#id!, index, PAYLOAD_CHUNK_BYTES)
  }

  async append(index: number, chunk: Uint8Array): Promise<void> {
    const { vault } = this.#context
    this.#id ??= await this.#create()
    await vault.append(this.#id, index, chunk)
  }

  /** The name first, so that a crash leaves nothing behind that nobody knows of. */
  async #create(): Promise<PayloadId> {
    const context = this.#context
    const id = context.vault.reserve()
    await context.change(async (transaction) => {
      transaction.reserved.push(id)
      this.#id = id
    })
    // Once more alone: what removes the entry finds the key, and destroys it, or comes before it.
    await context.change(async () => {
      if ((await this.#current()) === undefined) throw gone()
      await context.vault.create(id)
    })
    return id
  }

  async keep(available: bigint): Promise<void> {
    const id = this.#id!
    await this.#sync(id)
    const isKept = await this.#context.change(async (transaction) => {
      const held = await this.#current()
      if (held === undefined) return false
      if (this.#before.payloadId === undefined) transaction.adopted.push(id)
      const state = { available, payloadId: id }
      await replaceState(transaction, held, { state, origin: this.#target.origin })
      return true
    })
    if (isKept) return
    await this.discard()
    throw gone()
  }

  async #sync(id: PayloadId): Promise<void> {
    try {
      await this.#context.vault.sync(id)
    } catch (error) {
      // Its file was destroyed with the entry: that is no failure of the disk.
      throw (await this.#current()) === undefined ? gone() : error
    }
  }

  async discard(): Promise<void> {
    const id = this.#id
    this.#id = undefined
    if (id === undefined) return
    if (this.#before.payloadId === undefined) {
      await this.#context.vault.destroy([id])
      this.#context.settle(id)
      return
    }
    await this.#context.change(async (transaction) => {
      const held = await this.#current()
      // Gone meanwhile: then its payload is gone as well.
      if (held === undefined) return
      transaction.doomed.push(id)
      const { origin } = this.#target
      await replaceState(transaction, held, { state: noPayload, origin })
    })
  }

  async abandon(): Promise<void> {
    const id = this.#id
    if (id === undefined || this.#before.payloadId !== undefined) return
    this.#id = undefined
    try {
      await this.#context.change(async () => {
        // The commit that failed may have become durable all the same.
        const held = await this.#context.heldAt(this.#target.place)
        if (held?.payloadId && bytesEqual(held.payloadId, id)) return
        await this.#context.vault.destroy([id])
        this.#context.settle(id)
      })
    } catch {
      // The disk that failed before fails again; the next opening destroys it.
    }
  }

  /** The payload that the entry has not taken over yet, while the entry is held. */
  async reservation(): Promise<PayloadId | undefined> {
    const id = this.unadopted
    return id && (await this.#current()) ? id : undefined
  }

  /** The payload that no entry has taken over. */
  get unadopted(): PayloadId | undefined {
    return this.#before.payloadId === undefined ? this.#id : undefined
  }

  /** Whether it is written here, and not received by a session. */
  get isOwn(): boolean {
    return this.#target.origin === undefined
  }

  isFor(entry: Entry): boolean {
    return entriesEqual(this.#target.entry, entry)
  }

  release(): void {
    this.#target.release()
  }

  /** The entry, if it is still held and its payload still where it was. */
  async #current(): Promise<Held | undefined> {
    const { place, entry } = this.#target
    const held = await this.#context.heldAt(place)
    if (held === undefined || !entriesEqual(held.entry, entry)) return undefined
    const isSame = this.#id === undefined || this.#isBefore(held.payloadId)
    return isSame ? held : undefined
  }

  #isBefore(id: PayloadId | undefined): boolean {
    const before = this.#before.payloadId
    return id === undefined || before === undefined ? id === before : bytesEqual(id, before)
  }
}

function maxWriters(isOwn: boolean): number {
  return isOwn ? MAX_OWN_PAYLOAD_WRITERS : MAX_PAYLOAD_WRITERS
}

function gone(): Error {
  return willowError('ERR_ENTRY_GONE', 'the entry is not held, or its payload was given up')
}
