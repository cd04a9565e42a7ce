import { intersectAreas, LEAST_ID, type Area } from '@vudo/meadowcap'
import { bytesToHex } from '@vudo/wire'
import type { ErasureConfirmation, ErasureRecord } from '../erasure/erasure-log.ts'
import { receiptSentence } from './receipt-text.ts'
import type { KnownDevice } from './device-book.ts'

/** What a receipt can be shown as. It holds no content of what was erased. */
export interface ErasureReport {
  /** What was erased: a path, in whose subspaces, of which namespace. Ids are 64 characters of hex. */
  readonly namespace: string
  readonly subspaces: readonly string[]
  readonly path: string
  readonly reason: string | undefined
  /** Who erased it: the user's key. */
  readonly by: string
  /** Milliseconds since 1970. */
  readonly erasedAtMs: number
  /** Entries that were destroyed on this device. */
  readonly erasedCount: number
  /** Devices that said that they hold the same as this one, and when. */
  readonly confirmed: readonly ErasureConfirmation[]
  /** Devices known to this one that have not, and when each was last seen. */
  readonly waiting: readonly Pick<KnownDevice, 'device' | 'lastSeenMs'>[]
  /**
   * Ids of devices that have synced the namespace and are not among the known ones, because
   * there are `MAX_KNOWN_DEVICES` of those: what they hold is not waited for. At most
   * `MAX_UNLISTED_DEVICES`; without those that had confirmed.
   */
  readonly unlisted: readonly string[]
  /** `Erased on 5 of 7 known devices; 2 not seen since 3 March.` This device counts. */
  readonly sentence: string
}

/** For how long and for whom {@link ErasureReceipt.whenConfirmed} waits. */
export interface ConfirmedOptions {
  /**
   * `known`: every device that is known; `online`: those that are connected now.
   *
   * @defaultValue `'known'`
   */
  readonly by?: 'known' | 'online' | undefined
  /** Milliseconds, also more than one timer can wait for. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Device ids, told apart by whether they have erased. */
export interface Confirmed {
  readonly confirmed: readonly string[]
  readonly waiting: readonly string[]
}

/** What became of an erasure: it grows as devices confirm. */
export interface ErasureReceipt {
  /** As of now. */
  report(): ErasureReport
  /**
   * Waits until the devices have confirmed, or the time is over: what is still waited for is in
   * `waiting`, and is no error. A device that is offline erases when it next connects.
   *
   * @throws `WillowError` `ERR_WILLOW_STORE_CLOSED` when Willow is closed meanwhile; the signal's reason.
   */
  whenConfirmed(options: ConfirmedOptions): Promise<Confirmed>
  /** The sentence of the report. */
  toString(): string
}

/** What receipts need of the namespace they belong to. */
export interface ReceiptSource {
  /** 64 characters of hex. */
  readonly id: string
  readonly records: readonly ErasureRecord[]
  readonly devices: readonly KnownDevice[]
  /** Devices that had no place among them. */
  readonly unlisted: readonly string[]
  /** Devices that are connected now. */
  readonly online: ReadonlySet<string>
  readonly userId: string
  nowMs(): number
  /** Settles when a device confirms or is forgotten, or the time is over; rejects when Willow closes. */
  nextChange(timeoutMs: number, signal: AbortSignal | undefined): Promise<void>
}

/**
 * The receipt of records that were made by one call: one for each subspace.
 *
 * @param records - At least one.
 */
export function createReceipt(
  source: ReceiptSource,
  records: readonly [ErasureRecord, ...ErasureRecord[]],
): ErasureReceipt {
  return new RecordReceipt(source, records)
}

/** The receipts of all records: those of one call are one receipt. */
export function receiptsOf(source: ReceiptSource): readonly ErasureReceipt[] {
  const groups = new Map<string, [ErasureRecord, ...ErasureRecord[]]>()
  for (const record of source.records) {
    const key = JSON.stringify([record.erasedAtMs, record.area.path, record.reason])
    const group = groups.get(key)
    if (group) group.push(record)
    else groups.set(key, [record])
  }
  return [...groups.values()].map((records) => createReceipt(source, records))
}

/** Tells whether a receipt waits for a device. */
export function isWaitedFor(
  { device, areas }: KnownDevice,
  records: readonly ErasureRecord[],
): boolean {
  const waits = (record: ErasureRecord): boolean =>
    !record.confirmations.some((known) => known.device === device) && concerns(record, areas)
  // Of the latest it is most often not confirmed yet.
  return records.findLast(waits) !== undefined
}

/** Who could never read anything there has nothing to erase. */
function concerns({ area }: ErasureRecord, areas: readonly Area[]): boolean {
  return areas.some((readable) => intersectAreas(readable, area) !== undefined)
}

class RecordReceipt implements ErasureReceipt {
  readonly #source: ReceiptSource
  /** As they were known last: the log forgets the oldest when it is full. */
  #records: readonly [ErasureRecord, ...ErasureRecord[]]

  constructor(source: ReceiptSource, records: readonly [ErasureRecord, ...ErasureRecord[]]) {
    this.#source = source
    this.#records = records
  }

  report(): ErasureReport {
    const { id: namespace, userId: by } = this.#source
    const { reason, erasedAtMs, area } = this.#records[0]
    const [confirmed, waiting] = [this.#confirmations(), this.#waiting()]
    const done = new Set(confirmed.map(({ device }) => device))
    const unlisted = this.#source.unlisted.filter((device) => !done.has(device))
    const subspaces = this.#records.map((record) => bytesToHex(record.area.subspaceId ?? LEAST_ID))
    return {
      namespace,
      subspaces,
      path: area.path.toString(),
      reason,
      by,
      erasedAtMs,
      erasedCount: this.#records.reduce((sum, record) => sum + record.erasedCount, 0),
      confirmed,
      waiting: waiting.map(({ device, lastSeenMs }) => ({ device, lastSeenMs })),
      unlisted,
      sentence: receiptSentence({
        erased: 1 + confirmed.length,
        unlisted: unlisted.length,
        waitingSinceMs: waiting.map(({ lastSeenMs }) => lastSeenMs),
        erasedAtMs,
        nowMs: this.#source.nowMs(),
      }),
    }
  }

  async whenConfirmed({ by = 'known', timeoutMs, signal }: ConfirmedOptions): Promise<Confirmed> {
    const endMs = this.#source.nowMs() + timeoutMs
    for (;;) {
      signal?.throwIfAborted()
      const { online } = this.#source
      const wanted = this.#waiting().filter(({ device }) => by === 'known' || online.has(device))
      const leftMs = endMs - this.#source.nowMs()
      if (wanted.length === 0 || leftMs <= 0) return this.#outcome()
      await this.#source.nextChange(leftMs, signal)
    }
  }

  toString(): string {
    return this.report().sentence
  }

  /** The last confirmation of each device that has confirmed all of it. */
  #confirmations(): readonly ErasureConfirmation[] {
    this.#refresh()
    const [first, ...rest] = this.#records
    return first.confirmations.flatMap((confirmation) => {
      const others = rest.map(({ confirmations }) =>
        confirmations.find(({ device }) => device === confirmation.device),
      )
      const all = [confirmation, ...others.filter((other) => other !== undefined)]
      if (all.length < this.#records.length) return []
      return [all.reduce((a, b) => (b.confirmedAtMs > a.confirmedAtMs ? b : a))]
    })
  }

  #waiting(): readonly KnownDevice[] {
    const confirmed = new Set(this.#confirmations().map(({ device }) => device))
    return this.#source.devices.filter(
      ({ device, areas }) =>
        !confirmed.has(device) && this.#records.some((record) => concerns(record, areas)),
    )
  }

  #outcome(): Confirmed {
    return {
      confirmed: this.#confirmations().map(({ device }) => device),
      waiting: this.#waiting().map(({ device }) => device),
    }
  }

  #refresh(): void {
    const byId = new Map(this.#source.records.map((record) => [record.id, record]))
    const [first, ...rest] = this.#records
    const fresh = (record: ErasureRecord): ErasureRecord => byId.get(record.id) ?? record
    this.#records = [fresh(first), ...rest.map(fresh)]
  }
}
