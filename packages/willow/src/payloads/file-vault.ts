import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { isWillowError, willowError } from '../errors.ts'
import { PAYLOAD_CHUNK_BYTES } from '../limits.ts'
import { bytesToText } from '../store/place.ts'
import { Turns } from '../store/turns.ts'
import { KeyTables, tableOf } from './key-tables.ts'
import { openChunk, SEAL_BYTES, sealChunk } from './sealed-chunk.ts'
import { syncFolder } from './sync-folder.ts'
import type { PayloadId, PayloadVault } from './vault.ts'

/** Opens the vault in a folder, and makes it when there is none. */
export async function openFileVault(directory: string): Promise<PayloadVault> {
  const vault = new FileVault(directory)
  await vault.open()
  return vault
}

const sealedBytes = PAYLOAD_CHUNK_BYTES + SEAL_BYTES

class FileVault implements PayloadVault {
  readonly #directory: string
  readonly #tables: KeyTables
  readonly #turns = new Turns()
  /** Files that are being written. */
  readonly #files = new Map<string, FileHandle>()

  constructor(directory: string) {
    this.#directory = directory
    this.#tables = new KeyTables(path.join(directory, 'keys'))
  }

  open(): Promise<void> {
    return this.#do('opening payloads', async () => {
      await mkdir(path.join(this.#directory, 'data'), { recursive: true, mode: 0o700 })
      await this.#tables.open()
      await syncFolder(this.#directory)
    })
  }

  reserve(): PayloadId {
    return this.#tables.reserve()
  }

  create(id: PayloadId): Promise<void> {
    return this.#do('making a payload', async () => {
      await this.#tables.create(id)
      const folder = this.#folderOf(id)
      const isNew = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined
      if (isNew) await syncFolder(path.dirname(folder))
      this.#files.set(bytesToText(id), await open(this.#pathOf(id), 'wx', 0o600))
    })
  }

  append(id: PayloadId, index: number, chunk: Uint8Array): Promise<void> {
    return this.#do('writing a payload', async () => {
      const key = await this.#keyOf(id)
      const file = await this.#fileOf(id)
      const sealed = sealChunk(key, index, chunk)
      let written = 0
      while (written < sealed.length) {
        const at = index * sealedBytes + written
        written += (await file.write(sealed, written, sealed.length - written, at)).bytesWritten
      }
    })
  }

  sync(id: PayloadId): Promise<void> {
    return this.#do('writing a payload', async () => {
      const file = await this.#fileOf(id)
      try {
        await file.sync()
      } finally {
        await this.#release(id)
      }
      await syncFolder(this.#folderOf(id))
    })
  }

  read(id: PayloadId, index: number, length: number): Promise<Uint8Array> {
    return this.#do('reading a payload', async () => {
      const key = await this.#keyOf(id)
      const sealed = await this.#readSealed(id, index, length + SEAL_BYTES)
      const chunk = sealed && openChunk(key, index, sealed)
      if (chunk?.length === length) return chunk
      throw willowError('ERR_PAYLOAD_DAMAGED', `piece ${index} of a payload is missing or altered`)
    })
  }

  destroy(ids: readonly PayloadId[]): Promise<void> {
    if (ids.length === 0) return Promise.resolve()
    return this.#do('destroying payloads', async () => {
      // The keys first: without them the files say nothing any more.
      await this.#tables.destroy(ids)
      const folders = new Set<string>()
      for (const id of ids) {
        await this.#release(id)
        await rm(this.#pathOf(id), { force: true })
        folders.add(this.#folderOf(id))
      }
      for (const folder of folders) await syncIfThere(folder)
    })
  }

  close(): Promise<void> {
    return this.#do('closing payloads', async () => {
      for (const file of this.#files.values()) await file.close()
      this.#files.clear()
      this.#tables.close()
    })
  }

  async #readSealed(id: PayloadId, index: number, length: number): Promise<Uint8Array | undefined> {
    let file: FileHandle
    try {
      file = await open(this.#pathOf(id), 'r')
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined
      throw cause
    }
    try {
      const sealed = new Uint8Array(length)
      const { bytesRead } = await file.read(sealed, 0, length, index * sealedBytes)
      return bytesRead === length ? sealed : undefined
    } finally {
      await file.close()
    }
  }

  async #keyOf(id: PayloadId): Promise<Uint8Array> {
    const key = await this.#tables.get(id)
    if (key) return key
    throw willowError('ERR_ENTRY_GONE', 'the payload was destroyed')
  }

  async #fileOf(id: PayloadId): Promise<FileHandle> {
    const name = bytesToText(id)
    const known = this.#files.get(name)
    if (known) return known
    const file = await open(this.#pathOf(id), 'r+')
    this.#files.set(name, file)
    return file
  }

  async #release(id: PayloadId): Promise<void> {
    const name = bytesToText(id)
    const file = this.#files.get(name)
    this.#files.delete(name)
    await file?.close()
  }

  #folderOf(id: PayloadId): string {
    return path.join(this.#directory, 'data', tableOf(id).toString(16).padStart(8, '0'))
  }

  #pathOf(id: PayloadId): string {
    return path.join(this.#folderOf(id), Buffer.from(id.subarray(4)).toString('hex'))
  }

  /** Runs `task` after the others, and says what failed. */
  #do<Result>(doing: string, task: () => Promise<Result>): Promise<Result> {
    return this.#turns.take(async () => {
      try {
        return await task()
      } catch (cause) {
        if (isWillowError(cause)) throw cause
        const text = cause instanceof Error ? cause.message : String(cause)
        throw willowError('ERR_PAYLOAD_STORE', `the disk failed while ${doing}: ${text}`, { cause })
      }
    })
  }
}

async function syncIfThere(folder: string): Promise<void> {
  try {
    await syncFolder(folder)
  } catch (error) {
    // Nothing was ever written there.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
