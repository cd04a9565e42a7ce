import { areaIncludes, createArea, ID_BYTES, pathFromSortKey, type Area } from '@vudo/meadowcap'
import type { StoreView } from '@vudo/storage'
import { MAX_ERASURE_DEVICES, MAX_ERASURES, MAX_REASON_CHARACTERS } from '../limits.ts'
import type { Erasure } from './erase.ts'

/** When a device said that it holds the same as we do, after an erasure. */
export interface ErasureConfirmation {
  /** The device's peer id. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly confirmedAtMs: number
}

/** An erasure and who has confirmed it: what a receipt is made of. */
export interface ErasureRecord {
  /** Ascending numbers. */
  readonly id: number
  readonly area: Area
  /** The tombstone's. */
  readonly timestamp: bigint
  readonly erasedCount: number
  /** Milliseconds since 1970. */
  readonly erasedAtMs: number
  /** Why, in the words of who erased; stays on this device. */
  readonly reason: string | undefined
  /** At most `MAX_ERASURE_DEVICES`; the first of each device. */
  readonly confirmations: readonly ErasureConfirmation[]
}

/** What is noted of an erasure besides the erasure itself. */
export interface ErasureNote {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** At most `MAX_REASON_CHARACTERS`. */
  readonly reason?: string | undefined
}

/**
 * Remembers erasures and the devices that have confirmed them. A confirmation says that a
 * device had applied the erasure at that moment, not that no copy exists.
 */
export interface ErasureLog {
  /** All erasures, the oldest first. */
  readonly records: readonly ErasureRecord[]
  /**
   * Notes an erasure, durably. Above `MAX_ERASURES` the oldest is forgotten.
   *
   * @throws `RangeError` when the reason is too long.
   */
  add(erasure: Erasure, note: ErasureNote): Promise<ErasureRecord>
  /** Notes that a device holds the same as we do in all of `area`. Tells how many erasures that confirms anew. */
  confirm(area: Area, confirmation: ErasureConfirmation): Promise<number>
  /** Notes that a device has applied one erasure, as far as it may read there. Tells whether that is news. */
  confirmRecord(id: number, confirmation: ErasureConfirmation): Promise<boolean>
}

/** Opens the log in a view of the storage that is for this alone. */
export async function openErasureLog(view: StoreView): Promise<ErasureLog> {
  const records: ErasureRecord[] = []
  for await (const { value } of view.scan({ prefix: new Uint8Array() })) records.push(decode(value))
  return new StoredLog(view, records)
}

class StoredLog implements ErasureLog {
  readonly #view: StoreView
  #records: ErasureRecord[]

  constructor(view: StoreView, records: ErasureRecord[]) {
    this.#view = view
    this.#records = records
  }

  get records(): readonly ErasureRecord[] {
    return this.#records
  }

  async add(
    { tombstone, area, erasedCount }: Erasure,
    { nowMs, reason }: ErasureNote,
  ): Promise<ErasureRecord> {
    if (reason !== undefined && reason.length > MAX_REASON_CHARACTERS) {
      throw new RangeError(
        `the reason has ${reason.length} characters, at most ${MAX_REASON_CHARACTERS}`,
      )
    }
    const record: ErasureRecord = {
      id: (this.#records.at(-1)?.id ?? 0) + 1,
      area,
      timestamp: tombstone.entry.timestamp,
      erasedCount,
      erasedAtMs: nowMs,
      reason,
      confirmations: [],
    }
    this.#records.push(record)
    const dropped = this.#records.splice(0, Math.max(0, this.#records.length - MAX_ERASURES))
    await this.#view.write([
      ...dropped.map(({ id }) => ({ type: 'delete', key: keyOf(id) }) as const),
      { type: 'put', key: keyOf(record.id), value: encode(record) },
    ])
    return record
  }

  confirm(area: Area, confirmation: ErasureConfirmation): Promise<number> {
    return this.#confirm(confirmation, (record) => areaIncludes(area, record.area))
  }

  async confirmRecord(id: number, confirmation: ErasureConfirmation): Promise<boolean> {
    return (await this.#confirm(confirmation, (record) => record.id === id)) > 0
  }

  async #confirm(
    confirmation: ErasureConfirmation,
    isMeant: (record: ErasureRecord) => boolean,
  ): Promise<number> {
    const confirmed: ErasureRecord[] = []
    this.#records = this.#records.map((record) => {
      if (!isMeant(record) || !isNews(record, confirmation)) return record
      const next = { ...record, confirmations: [...record.confirmations, confirmation] }
      confirmed.push(next)
      return next
    })
    if (confirmed.length > 0) {
      const put = (record: ErasureRecord) =>
        ({ type: 'put', key: keyOf(record.id), value: encode(record) }) as const
      await this.#view.write(confirmed.map(put))
    }
    return confirmed.length
  }
}

function isNews(record: ErasureRecord, { device }: ErasureConfirmation): boolean {
  return (
    record.confirmations.length < MAX_ERASURE_DEVICES &&
    !record.confirmations.some((known) => known.device === device)
  )
}

function keyOf(id: number): Uint8Array {
  const key = new Uint8Array(8)
  new DataView(key.buffer).setBigUint64(0, BigInt(id))
  return key
}

/** As JSON: it is read by people who look for what was erased, and never by a peer. */
function encode({ area, timestamp, ...rest }: ErasureRecord): Uint8Array {
  const subspaceId = area.subspaceId && Buffer.from(area.subspaceId).toString('hex')
  const path = Buffer.from(area.path.sortKey).toString('hex')
  const text = JSON.stringify({ ...rest, subspaceId, path, timestamp: String(timestamp) })
  return new TextEncoder().encode(text)
}

interface StoredErasure extends Omit<ErasureRecord, 'area' | 'timestamp'> {
  readonly subspaceId?: string
  readonly path: string
  readonly timestamp: string
}

function decode(value: Uint8Array): ErasureRecord {
  // Written by `encode`, and the storage vouches for its bytes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const stored = JSON.parse(new TextDecoder().decode(value)) as StoredErasure
  const { id, erasedCount, erasedAtMs, reason, confirmations } = stored
  const subspaceId = stored.subspaceId && bytesOf(stored.subspaceId).subarray(0, ID_BYTES)
  const area = createArea({
    ...(subspaceId ? { subspaceId } : {}),
    path: pathFromSortKey(bytesOf(stored.path)),
  })
  const timestamp = BigInt(stored.timestamp)
  return { id, area, timestamp, erasedCount, erasedAtMs, reason, confirmations }
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}
