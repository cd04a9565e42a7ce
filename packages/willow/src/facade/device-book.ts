import { areaIncludes, createArea, fullArea, pathFromSortKey, type Area } from '@vudo/meadowcap'
import type { StoreOperation, StoreView } from '@vudo/storage'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { MAX_KNOWN_DEVICES, MAX_SHARED_AREAS, MAX_UNLISTED_DEVICES } from '../limits.ts'

/** A device that has synced a namespace with this one. */
export interface KnownDevice {
  /** Its peer id. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly firstSeenMs: number
  /** Milliseconds since 1970. */
  readonly lastSeenMs: number
  /** What it could read, now or earlier: an erasure elsewhere does not wait for it. */
  readonly areas: readonly Area[]
}

/** Which devices are known, and when each was last seen: what an erasure has to wait for. */
export interface DeviceBook {
  /** The one not seen for longest first. */
  readonly devices: readonly KnownDevice[]
  /** Ids of devices that had to go, or never had a place; at most `MAX_UNLISTED_DEVICES`. */
  readonly unlisted: readonly string[]
  /**
   * Notes that a device is there, and what it may read. When `MAX_KNOWN_DEVICES` are listed, it
   * takes the place of the one not seen for longest that is not needed; when all are, it is not
   * listed. So strangers can neither fill the disk nor make forget whom a receipt waits for.
   */
  seen(device: string, nowMs: number, areas?: readonly Area[]): Promise<void>
  /** Forgets one that will not come back: nothing waits for it any more. Tells whether it was known. */
  forget(device: string): Promise<boolean>
}

/** Tells whether a device must stay in the list: a receipt waits for it. */
export type IsNeeded = (device: KnownDevice) => boolean

/** Opens the book in a view for this alone. */
export async function openDeviceBook(view: StoreView, isNeeded: IsNeeded): Promise<DeviceBook> {
  const known: KnownDevice[] = []
  const unlisted: string[] = []
  for await (const { key, value } of view.scan({ prefix: new Uint8Array() })) {
    if (key[0] === UNLISTED) unlisted.push(new TextDecoder().decode(key.subarray(1)))
    else known.push(decode(value))
  }
  known.sort((a, b) => a.lastSeenMs - b.lastSeenMs)
  return new StoredDevices(view, { known, unlisted, isNeeded })
}

class StoredDevices implements DeviceBook {
  readonly #view: StoreView
  /** In the order of when they were last seen. */
  readonly #known: Map<string, KnownDevice>
  readonly #unlisted: Set<string>
  readonly #isNeeded: IsNeeded

  constructor(view: StoreView, { known, unlisted, isNeeded }: StoredState) {
    this.#view = view
    this.#known = new Map(known.map((one) => [one.device, one]))
    this.#unlisted = new Set(unlisted)
    this.#isNeeded = isNeeded
  }

  get devices(): readonly KnownDevice[] {
    return [...this.#known.values()]
  }

  get unlisted(): readonly string[] {
    return [...this.#unlisted]
  }

  async seen(device: string, nowMs: number, areas: readonly Area[] = []): Promise<void> {
    const known = this.#known.get(device)
    const one: KnownDevice = {
      device,
      firstSeenMs: known?.firstSeenMs ?? nowMs,
      lastSeenMs: nowMs,
      areas: mergeAreas([...(known?.areas ?? []), ...areas]),
    }
    const isFull = !known && this.#known.size >= MAX_KNOWN_DEVICES
    const leaving = isFull ? this.#dispensable() : undefined
    if (isFull && leaving === undefined) return this.#write(this.#leaveOut(device))
    const changes = leaving === undefined ? [] : this.#leaveOut(leaving)
    this.#known.delete(device)
    this.#known.set(device, one)
    this.#unlisted.delete(device)
    await this.#write([
      ...changes,
      { type: 'put', key: keyOf(device), value: encode(one) },
      { type: 'delete', key: unlistedKeyOf(device) },
    ])
  }

  async forget(device: string): Promise<boolean> {
    const [wasKnown, wasUnlisted] = [this.#known.delete(device), this.#unlisted.delete(device)]
    if (!wasKnown && !wasUnlisted) return false
    await this.#write([
      { type: 'delete', key: keyOf(device) },
      { type: 'delete', key: unlistedKeyOf(device) },
    ])
    return true
  }

  /** The one not seen for longest that nobody waits for. */
  #dispensable(): string | undefined {
    for (const [device, known] of this.#known) if (!this.#isNeeded(known)) return device
    return undefined
  }

  /** Keeps no more of a device than that it exists. */
  #leaveOut(device: string): StoreOperation[] {
    const isCounted = this.#unlisted.size < MAX_UNLISTED_DEVICES && !this.#unlisted.has(device)
    if (isCounted) this.#unlisted.add(device)
    const wasKnown = this.#known.delete(device)
    return [
      ...(wasKnown ? [{ type: 'delete', key: keyOf(device) } as const] : []),
      ...(isCounted
        ? [{ type: 'put', key: unlistedKeyOf(device), value: new Uint8Array() } as const]
        : []),
    ]
  }

  async #write(operations: readonly StoreOperation[]): Promise<void> {
    if (operations.length > 0) await this.#view.write(operations)
  }
}

interface StoredState {
  readonly known: readonly KnownDevice[]
  readonly unlisted: readonly string[]
  readonly isNeeded: IsNeeded
}

/** The first byte of the keys of those that are not listed, `-`: ids of devices are hex. */
const UNLISTED = 0x2d

function unlistedKeyOf(device: string): Uint8Array {
  return keyOf(`-${device}`)
}

function keyOf(device: string): Uint8Array {
  return new TextEncoder().encode(device)
}

/** At all times, without those inside another; too many become everything. */
function mergeAreas(areas: readonly Area[]): readonly Area[] {
  const merged: Area[] = []
  for (const { subspaceId, path } of areas) {
    const area = createArea({ subspaceId, path })
    if (merged.some((outer) => areaIncludes(outer, area))) continue
    const outside = merged.filter((inner) => !areaIncludes(area, inner))
    merged.splice(0, merged.length, ...outside, area)
  }
  return merged.length > MAX_SHARED_AREAS ? [fullArea] : merged
}

/** As JSON: it is never read by a peer. */
function encode({ areas, ...rest }: KnownDevice): Uint8Array {
  const stored = areas.map(({ subspaceId, path }) => ({
    subspace: subspaceId && bytesToHex(subspaceId),
    path: bytesToHex(path.sortKey),
  }))
  return new TextEncoder().encode(JSON.stringify({ ...rest, areas: stored }))
}

interface StoredDevice extends Omit<KnownDevice, 'areas'> {
  readonly areas: readonly { readonly subspace?: string; readonly path: string }[]
}

function decode(value: Uint8Array): KnownDevice {
  // Written by `encode`, and the storage vouches for its bytes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const { areas, ...rest } = JSON.parse(new TextDecoder().decode(value)) as StoredDevice
  const areaOf = ({ subspace, path }: StoredDevice['areas'][number]): Area =>
    createArea({
      subspaceId: subspace === undefined ? undefined : hexToBytes(subspace),
      path: pathFromSortKey(hexToBytes(path)),
    })
  return { ...rest, areas: areas.map(areaOf) }
}
