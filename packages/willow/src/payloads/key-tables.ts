/**
 * The keys of stored payloads, in small files, `docs/wire-formats/willow-store.md`. A new key
 * is appended. A key is destroyed by writing the others into a new file, and removing the old
 * one after its bytes were replaced: no log and no old file has it then.
 *
 * What a journaling file system or the electronics of a flash disk keep aside is out of reach
 * from here.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { bytesToText } from '../store/place.ts'
import { MAX_CACHED_KEY_TABLES, MAX_TABLE_KEYS } from '../limits.ts'
import { syncFolder } from './sync-folder.ts'
import { PAYLOAD_KEY_BYTES } from './sealed-chunk.ts'
import { PAYLOAD_ID_BYTES, type PayloadId } from './vault.ts'

const magic = new TextEncoder().encode('vudo keys 1\n\n\n\n\n')
const nameBytes = PAYLOAD_ID_BYTES - 4
const recordBytes = nameBytes + PAYLOAD_KEY_BYTES

interface Table {
  /** Raised with every rewriting: the greatest of one table counts. */
  generation: number
  /** Keys by the name within the table, in the order of the file. */
  readonly keys: Map<string, Uint8Array>
}

/** The number of the table of a payload. */
export function tableOf(id: PayloadId): number {
  return new DataView(id.buffer, id.byteOffset).getUint32(0)
}

/** The tables of one folder. One task at a time. */
export class KeyTables {
  readonly #folder: string
  /** By number; those used last at the end. */
  readonly #cached = new Map<number, Table>()
  readonly #generations = new Map<number, number>()
  /** Names of replaced files that still hold destroyed keys: the disk failed meanwhile. */
  readonly #replaced = new Set<string>()
  #current = 0
  /** Names that were given out of the current table, whether they got a key or not. */
  #given = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Finds the tables, and removes what a crash has left of old ones. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#folder)) {
      const found = /^([0-9a-f]{8})\.([0-9]+)\.keys$/.exec(name)
      if (!found) {
        await this.#shred(name)
        continue
      }
      const [number, generation] = [Number.parseInt(found[1]!, 16), Number(found[2])]
      const known = this.#generations.get(number)
      if (known !== undefined) await this.#shred(nameOf(number, Math.min(known, generation)))
      this.#generations.set(number, Math.max(known ?? generation, generation))
    }
    this.#current = Math.max(0, ...this.#generations.keys())
    this.#given = (await this.#table(this.#current)).keys.size
    await syncFolder(this.#folder)
  }

  /** A name in a table that has room. */
  reserve(): PayloadId {
    if (this.#given >= MAX_TABLE_KEYS) {
      this.#current += 1
      this.#given = 0
    }
    this.#given += 1
    const id = new Uint8Array(randomBytes(PAYLOAD_ID_BYTES))
    new DataView(id.buffer).setUint32(0, this.#current)
    return id
  }

  /** Makes a key, durable when this settles. The key belongs to the tables. */
  async create(id: PayloadId): Promise<Uint8Array> {
    const number = tableOf(id)
    const table = await this.#table(number)
    const isNew = !this.#generations.has(number)
    const key = new Uint8Array(randomBytes(PAYLOAD_KEY_BYTES))
    const file = await open(this.#pathOf(number, table.generation), isNew ? 'w' : 'r+', 0o600)
    try {
      if (isNew) await file.write(magic, 0, magic.length, 0)
      const record = recordOf(nameIn(id), key)
      // Behind whole records: a crash may have left a part of one.
      await file.write(record, 0, record.length, magic.length + table.keys.size * recordBytes)
      record.fill(0)
      await file.sync()
    } finally {
      await file.close()
    }
    // The file may be there since a moment ago, and its name not be durable yet.
    if (isNew || this.#replaced.size > 0) await syncFolder(this.#folder)
    this.#generations.set(number, table.generation)
    table.keys.set(nameIn(id), key)
    return key
  }

  /** The key of a payload; `undefined` when it was destroyed. Not to be used after the next task. */
  async get(id: PayloadId): Promise<Uint8Array | undefined> {
    return (await this.#table(tableOf(id))).keys.get(nameIn(id))
  }

  /** Destroys the keys of payloads, durably. */
  async destroy(ids: readonly PayloadId[]): Promise<void> {
    // Their keys are gone from the tables, so that nothing else would bring them here again.
    await this.#shredReplaced()
    for (const number of new Set(ids.map(tableOf))) {
      const table = await this.#table(number)
      const names = ids.filter((id) => tableOf(id) === number).map(nameIn)
      const doomed = names.filter((name) => table.keys.has(name))
      if (doomed.length > 0) await this.#rewrite(number, table, doomed)
    }
  }

  /** Overwrites all keys in memory. */
  close(): void {
    for (const { keys } of this.#cached.values()) for (const key of keys.values()) key.fill(0)
    this.#cached.clear()
  }

  async #rewrite(number: number, table: Table, doomed: readonly string[]): Promise<void> {
    const left = [...table.keys].filter(([name]) => !doomed.includes(name))
    const old = table.generation
    // An empty current table is kept: its file is the next key's.
    await this.#write(number, old + 1, left)
    // At once, whatever fails below: a key that went into the old file would be lost with it.
    table.generation = old + 1
    this.#generations.set(number, old + 1)
    for (const name of doomed) {
      table.keys.get(name)?.fill(0)
      table.keys.delete(name)
    }
    this.#replaced.add(nameOf(number, old))
    await this.#shredReplaced()
    if (left.length > 0 || number === this.#current) return
    await rm(this.#pathOf(number, old + 1), { force: true })
    await syncFolder(this.#folder)
    this.#generations.delete(number)
    this.#cached.delete(number)
  }

  async #write(
    number: number,
    generation: number,
    keys: readonly (readonly [string, Uint8Array])[],
  ): Promise<void> {
    const bytes = new Uint8Array(magic.length + keys.length * recordBytes)
    bytes.set(magic)
    for (const [at, [name, key]] of keys.entries()) {
      bytes.set(recordOf(name, key), magic.length + at * recordBytes)
    }
    const final = this.#pathOf(number, generation)
    const file = await open(`${final}.new`, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    bytes.fill(0)
    await rename(`${final}.new`, final)
  }

  /** Removes what was replaced, once that which replaces it is durable. */
  async #shredReplaced(): Promise<void> {
    if (this.#replaced.size === 0) return
    await syncFolder(this.#folder)
    const names = new Set(await readdir(this.#folder))
    for (const name of this.#replaced) {
      if (names.has(name)) await this.#shred(name)
      this.#replaced.delete(name)
    }
  }

  /** Replaces the bytes of a file in its place, and removes it. */
  async #shred(name: string): Promise<void> {
    const old = path.join(this.#folder, name)
    const file = await open(old, 'r+')
    try {
      const { size } = await file.stat()
      await file.write(randomBytes(size), 0, size, 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await rm(old)
    await syncFolder(this.#folder)
  }

  async #table(number: number): Promise<Table> {
    const known = this.#cached.get(number)
    if (known) {
      this.#cached.delete(number)
      this.#cached.set(number, known)
      return known
    }
    const generation = this.#generations.get(number)
    const bytes =
      generation === undefined ? magic : await readFile(this.#pathOf(number, generation))
    const table = { generation: generation ?? 0, keys: keysIn(bytes) }
    this.#cached.set(number, table)
    for (const [oldest, { keys }] of this.#cached) {
      if (this.#cached.size <= MAX_CACHED_KEY_TABLES) break
      for (const key of keys.values()) key.fill(0)
      this.#cached.delete(oldest)
    }
    return table
  }

  #pathOf(number: number, generation: number): string {
    return path.join(this.#folder, nameOf(number, generation))
  }
}

function nameOf(number: number, generation: number): string {
  return `${number.toString(16).padStart(8, '0')}.${generation}.keys`
}

function nameIn(id: PayloadId): string {
  return bytesToText(id.subarray(4))
}

function recordOf(name: string, key: Uint8Array): Uint8Array {
  const record = new Uint8Array(recordBytes)
  for (let at = 0; at < nameBytes; at++) record[at] = name.charCodeAt(at)
  record.set(key, nameBytes)
  return record
}

function keysIn(bytes: Uint8Array): Map<string, Uint8Array> {
  const keys = new Map<string, Uint8Array>()
  for (let at = magic.length; at + recordBytes <= bytes.length; at += recordBytes) {
    const name = bytesToText(bytes.subarray(at, at + nameBytes))
    keys.set(name, Uint8Array.from(bytes.subarray(at + nameBytes, at + recordBytes)))
  }
  bytes.fill(0, magic.length)
  return keys
}
