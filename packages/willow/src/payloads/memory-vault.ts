import { randomBytes } from 'node:crypto'
import { willowError } from '../errors.ts'
import { bytesToText } from '../store/place.ts'
import { openChunk, PAYLOAD_KEY_BYTES, sealChunk } from './sealed-chunk.ts'
import { PAYLOAD_ID_BYTES, type PayloadId, type PayloadVault } from './vault.ts'

/** Keeps payloads in memory, sealed as on a disk: what a core dump shows ends with the key. */
export function createMemoryVault(): PayloadVault {
  return new MemoryVault()
}

interface Payload {
  readonly key: Uint8Array
  readonly chunks: Uint8Array[]
}

class MemoryVault implements PayloadVault {
  readonly #payloads = new Map<string, Payload>()

  reserve(): PayloadId {
    return new Uint8Array(randomBytes(PAYLOAD_ID_BYTES))
  }

  async create(id: PayloadId): Promise<void> {
    this.#payloads.set(bytesToText(id), { key: randomBytes(PAYLOAD_KEY_BYTES), chunks: [] })
  }

  async append(id: PayloadId, index: number, chunk: Uint8Array): Promise<void> {
    const { key, chunks } = this.#payload(id)
    chunks[index] = sealChunk(key, index, chunk)
  }

  async sync(): Promise<void> {
    // There is nothing to outlive.
  }

  async read(id: PayloadId, index: number, length: number): Promise<Uint8Array> {
    const { key, chunks } = this.#payload(id)
    const sealed = chunks[index]
    const chunk = sealed && openChunk(key, index, sealed)
    if (chunk?.length === length) return chunk
    throw willowError('ERR_PAYLOAD_DAMAGED', `piece ${index} of a payload is missing`)
  }

  async destroy(ids: readonly PayloadId[]): Promise<void> {
    for (const id of ids) {
      const name = bytesToText(id)
      this.#payloads.get(name)?.key.fill(0)
      this.#payloads.delete(name)
    }
  }

  async close(): Promise<void> {
    for (const { key } of this.#payloads.values()) key.fill(0)
    this.#payloads.clear()
  }

  #payload(id: PayloadId): Payload {
    const payload = this.#payloads.get(bytesToText(id))
    if (payload) return payload
    throw willowError('ERR_ENTRY_GONE', 'the payload was destroyed')
  }
}
