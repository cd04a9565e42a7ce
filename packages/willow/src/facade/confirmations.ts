import {
  areaIncludes,
  createArea,
  entriesEqual,
  intersectAreas,
  timeRanges,
  type Area,
  type Entry,
} from '@vudo/meadowcap'
import type { ErasureRecord } from '../erasure/erasure-log.ts'
import { MAX_COVERS_PER_ERASURE, MAX_KNOWN_DEVICES, MAX_SHARED_AREAS } from '../limits.ts'

/** What a device has said, and when in the order of things. */
interface Said {
  readonly area: Area
  readonly at: number
}

/**
 * Works out which erasures a device has confirmed: it has, when it confirmed everything there that
 * it may read, after it could hear of the erasure. What counts is the order in which things
 * happened here, because clocks can be set back.
 */
export class Confirmations {
  #now = 0
  #watching = 0
  /** Erasures that are being made, from the moment at which others can hear of them. */
  #tombstones: { readonly entry: Entry; readonly at: number }[] = []
  /** When each erasure of this start was made; those of earlier ones came before everything. */
  readonly #madeAt = new Map<number, number>()
  /** When those who may read only a part of an erasure could hear of it. */
  readonly #coveredAt = new Map<number, Map<string, number>>()
  readonly #saidBy = new Map<string, readonly Said[]>()
  readonly #sharedBy = new Map<string, readonly Area[]>()

  /** Devices that have said something. */
  get devices(): readonly string[] {
    return [...this.#saidBy.keys()]
  }

  /** Where we are in the order of things. */
  get now(): number {
    return this.#now
  }

  /** What a device may read, and may therefore hold. */
  share(device: string, areas: readonly Area[]): void {
    this.#sharedBy.delete(device)
    this.#sharedBy.set(device, areas)
    if (this.#sharedBy.size <= MAX_KNOWN_DEVICES) return
    const [oldest = ''] = this.#sharedBy.keys()
    this.#sharedBy.delete(oldest)
    this.#saidBy.delete(oldest)
  }

  /** Remembers tombstones from now on. Ends by calling what it gives. */
  watch(): () => void {
    this.#watching += 1
    return () => {
      this.#watching -= 1
      if (this.#watching === 0) this.#tombstones = []
    }
  }

  /** A tombstone is in the store. */
  inserted(entry: Entry): void {
    this.#now += 1
    if (this.#watching > 0) this.#tombstones.push({ entry, at: this.#now })
  }

  /** An erasure was noted. */
  add(record: ErasureRecord, tombstone: Entry): void {
    this.#madeAt.set(record.id, this.#insertedAt(tombstone))
  }

  /** Tells whether a part may get a tombstone of its own: one erasure has `MAX_COVERS_PER_ERASURE` of them. */
  canCover({ id }: ErasureRecord, { path }: Area): boolean {
    const covered = this.#coveredAt.get(id)
    return (covered?.size ?? 0) < MAX_COVERS_PER_ERASURE || covered!.has(path.toString())
  }

  /** A tombstone stands at a part of an erasure, for those who may read no more: since when. */
  cover(record: ErasureRecord, part: Area, at: number | Entry): void {
    const covered = this.#coveredAt.get(record.id) ?? new Map<string, number>()
    const key = part.path.toString()
    if (covered.has(key)) return
    covered.set(key, typeof at === 'number' ? at : this.#insertedAt(at))
    this.#coveredAt.set(record.id, covered)
  }

  /** A device holds what this one holds in an area; with `upTo` only what is not newer. */
  confirm(device: string, whole: Area, upTo?: bigint): void {
    this.#now += 1
    const end = upTo === undefined ? whole.times.end : upTo + 1n
    const area = createArea({ ...whole, times: timeRanges.create(whole.times.start, end) })
    const others = (this.#saidBy.get(device) ?? []).filter((said) => !areaIncludes(area, said.area))
    const all = [...others, { area, at: this.#now }]
    this.#saidBy.set(device, all.slice(-2 * MAX_SHARED_AREAS))
  }

  /**
   * Ids of the erasures that a device has confirmed, without those of which it is noted.
   * `earlier` is what it could read at any time: it still holds that when its right was narrowed.
   */
  confirmedBy(
    device: string,
    records: readonly ErasureRecord[],
    earlier: readonly Area[] = [],
  ): readonly number[] {
    const areas = [...earlier, ...(this.#sharedBy.get(device) ?? [])]
    return records
      .filter(({ confirmations }) => !confirmations.some((known) => known.device === device))
      .filter((record) => this.#hasConfirmed(device, record, areas))
      .map(({ id }) => id)
  }

  #hasConfirmed(device: string, record: ErasureRecord, areas: readonly Area[]): boolean {
    const parts = partsOf(record, areas)
    const said = this.#saidBy.get(device) ?? []
    return (
      parts.length > 0 &&
      parts.every((part) => {
        const since = this.#reachableSince(record, part)
        const timestamp = tombstoneTime(record, part)
        return (
          since !== undefined &&
          said.some(({ area, at }) => at > since && reaches(area, part, timestamp))
        )
      })
    )
  }

  /** When who may read this part could hear of the erasure; `undefined` when she could not. */
  #reachableSince(record: ErasureRecord, part: Area): number | undefined {
    if (!isNarrowPart(record, part)) return this.#madeAt.get(record.id) ?? 0
    return this.#coveredAt.get(record.id)?.get(part.path.toString())
  }

  #insertedAt(tombstone: Entry): number {
    const found = this.#tombstones.find(({ entry }) => entriesEqual(entry, tombstone))
    return found?.at ?? this.#now
  }
}

/** What of an erasure lies in areas. */
export function partsOf({ area }: ErasureRecord, areas: readonly Area[]): readonly Area[] {
  return areas.map((one) => intersectAreas(one, area)).filter((part) => part !== undefined)
}

/** Tells whether a part lies below the tombstone of its erasure, which is outside of it then. */
export function isNarrowPart(record: ErasureRecord, part: Area): boolean {
  return part.path.length > record.area.path.length
}

/** When the tombstone of a part is dated. */
function tombstoneTime(record: ErasureRecord, part: Area): bigint {
  return isNarrowPart(record, part) ? record.timestamp + 1n : record.timestamp
}

/**
 * Tells whether what was said is about all of a part, whenever it was written: an erasure reaches
 * back as far as there is anything. A right to read that ended before does not reach the tombstone.
 */
function reaches(said: Area, part: Area, tombstone: bigint): boolean {
  const { subspaceId, path, times } = said
  if (!timeRanges.includes(times, tombstone)) return false
  return areaIncludes(createArea({ subspaceId, path }), part)
}
