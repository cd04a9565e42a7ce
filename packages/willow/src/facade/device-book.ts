import type { StoreView } from '@vudo/storage'
import { MAX_KNOWN_DEVICES } from '../limits.ts'

/** A device that has synced a namespace with this one. */
export interface KnownDevice {
  /** Its peer id. */
  readonly device: string
  /** Milliseconds since 1970. */
  readonly firstSeenMs: number
  /** Milliseconds since 1970. */
  readonly lastSeenMs: number
}

/** Which devices are known, and when each was last seen: what an erasure has to wait for. */
export interface DeviceBook {
  /** The one not seen for longest first. */
  readonly devices: readonly KnownDevice[]
  /**
   * Notes that a device is there. Above `MAX_KNOWN_DEVICES` the one not seen for longest is
   * forgotten, so that strangers cannot fill the disk.
   */
  seen(device: string, nowMs: number): Promise<void>
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

  async seen(device: string, nowMs: number): Promise<void> {
    const firstSeenMs = this.#known.get(device)?.firstSeenMs ?? nowMs
    const one: KnownDevice = { device, firstSeenMs, lastSeenMs: nowMs }
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

function encode(one: KnownDevice): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(one))
}

function decode(value: Uint8Array): KnownDevice {
  // Written by `encode`, and the storage vouches for its bytes.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(new TextDecoder().decode(value)) as KnownDevice
}
