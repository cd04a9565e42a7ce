import { areaIncludes, createArea, fullArea, pathFromSortKey, type Area } from '@vudo/meadowcap'
import type { StoreView } from '@vudo/storage'
import { bytesToHex, hexToBytes } from '@vudo/wire'
import { MAX_KNOWN_DEVICES, MAX_SHARED_AREAS } from '../limits.ts'

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
  /**
   * Notes that a device is there, and what it may read. Above `MAX_KNOWN_DEVICES` the one not seen for longest is
   * forgotten, so that strangers cannot fill the disk.
   */
  seen(device: string, nowMs: number, areas?: readonly Area[]): Promise<void>
  /** Forgets one that will not come back: nothing waits for it any more. Tells whether it was known. */
  forget(device: string): Promise<boolean>
}

/** Opens the book in a view for this alone. */
export async function openDeviceBook(view: StoreView): Promise<DeviceBook> {
  const known: KnownDevice[] = []
  for await (const { value } of view.scan({ prefix: new Uint8Array() })) known.push(decode(value))
  known.sort((a, b) => a.lastSeenMs - b.lastSeenMs)
  return new StoredDevices(view, known)
}

class StoredDevices implements DeviceBook {
  readonly #view: StoreView
  /** In the order of when they were last seen. */
  readonly #known: Map<string, KnownDevice>

  constructor(view: StoreView, known: readonly KnownDevice[]) {
    this.#view = view
    this.#known = new Map(known.map((one) => [one.device, one]))
  }

  get devices(): readonly KnownDevice[] {
    return [...this.#known.values()]
  }

  async seen(device: string, nowMs: number, areas: readonly Area[] = []): Promise<void> {
    const known = this.#known.get(device)
    const one: KnownDevice = {
      device,
      firstSeenMs: known?.firstSeenMs ?? nowMs,
      lastSeenMs: nowMs,
      areas: mergeAreas([...(known?.areas ?? []), ...areas]),
    }
    this.#known.delete(device)
    this.#known.set(device, one)
    const [oldest] = this.#known.keys()
    const isFull = this.#known.size > MAX_KNOWN_DEVICES && oldest !== undefined
    if (isFull) this.#known.delete(oldest)
    await this.#view.write([
      { type: 'put', key: keyOf(device), value: encode(one) },
      ...(isFull ? [{ type: 'delete', key: keyOf(oldest) } as const] : []),
    ])
  }

  async forget(device: string): Promise<boolean> {
    if (!this.#known.delete(device)) return false
    await this.#view.write([{ type: 'delete', key: keyOf(device) }])
    return true
  }
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
