import type { StoreEntry, StoreOperation } from './store.ts'

/**
 * A disk for simulations: what was not synced may be gone after a power cut.
 * Synchronous, and the same for the same sequence of calls and random numbers.
 *
 * It loses whole batches from the end and never part of one, as the real store
 * does: LevelDB writes a batch as one checksummed record of its log, and recovery
 * stops at the first record that is torn. Batches are all that it models: files,
 * their names, the rotation of logs and compaction are LevelDB's, and are put to the
 * test on a real file system.
 */
export interface FakeDisk {
  /** The value of `key` as a running program sees it (see {@link FakeDiskInit.reads}), in a new buffer. */
  get(key: Uint8Array): Uint8Array | undefined
  /** All records whose key begins with `prefix` as a running program sees them, ordered by key, in new buffers. */
  scan(prefix: Uint8Array): StoreEntry[]
  /** Applies a batch in the cache of the disk. Keys and values are copied. */
  append(operations: readonly StoreOperation[]): void
  /** Makes everything durable that was appended so far. */
  sync(): void
  /**
   * Puts a copy in the place of everything that is there, durably: what somebody does who
   * restores a backup while nothing runs. Keys and values are copied.
   */
  replace(entries: readonly StoreEntry[]): void
  /**
   * The power goes and comes back: a random number of the unsynced batches, oldest
   * first, survives. Clears what {@link failNext} has set.
   */
  crash(): void
  /**
   * Lets the next such call throw `error`. A failed append changes nothing. After
   * a failed sync each further append and sync fails with the same error until
   * {@link crash}: a disk that lost pages once says "done" the next time.
   */
  failNext(call: 'append' | 'sync', error: Error): void
  /** Batches that a crash may lose. */
  readonly unsyncedBatches: number
}

/** What a fake disk is to stand for. */
export interface FakeDiskInit {
  /**
   * What a running program reads: `appended`, unsynced batches included, as from files
   * that are open; or `synced`, as from a store with group commit, which shows a write
   * when it is durable and not before.
   *
   * @defaultValue `appended`
   */
  readonly reads?: 'appended' | 'synced'
}

/**
 * An empty fake disk.
 *
 * @param random - Numbers from 0 up to, not including, 1; seed it to repeat a run.
 */
export function createFakeDisk(random: () => number, init: FakeDiskInit = {}): FakeDisk {
  return new CachedDisk(random, init)
}

type Records = Map<string, Uint8Array>

class CachedDisk implements FakeDisk {
  readonly #random: () => number
  readonly #durable: Records = new Map()
  /** The same records, or with those that were not synced. */
  #visible: Records
  readonly #readsSynced: boolean
  #unsynced: (readonly StoreOperation[])[] = []
  #faults = new Map<'append' | 'sync', Error>()
  #failed: Error | undefined

  constructor(random: () => number, { reads }: FakeDiskInit) {
    this.#random = random
    this.#readsSynced = reads === 'synced'
    this.#visible = this.#copyOfDurable()
  }

  #copyOfDurable(): Records {
    return this.#readsSynced ? this.#durable : new Map(this.#durable)
  }

  get unsyncedBatches(): number {
    return this.#unsynced.length
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#visible.get(bytesToText(key))?.slice()
  }

  scan(prefix: Uint8Array): StoreEntry[] {
    const start = bytesToText(prefix)
    return [...this.#visible.keys()]
      .filter((key) => key.startsWith(start))
      .toSorted(compare)
      .map((key) => ({ key: textToBytes(key), value: this.#visible.get(key)!.slice() }))
  }

  append(operations: readonly StoreOperation[]): void {
    this.#failIfAsked('append')
    const batch = operations.map(copyOf)
    this.#unsynced.push(batch)
    if (!this.#readsSynced) apply(this.#visible, batch)
  }

  sync(): void {
    try {
      this.#failIfAsked('sync')
    } catch (error) {
      this.#failed = error instanceof Error ? error : new Error(String(error))
      throw error
    }
    for (const batch of this.#unsynced) apply(this.#durable, batch)
    this.#unsynced = []
  }

  replace(entries: readonly StoreEntry[]): void {
    this.#durable.clear()
    apply(
      this.#durable,
      entries.map(({ key, value }) => copyOf({ type: 'put', key, value })),
    )
    this.#unsynced = []
    this.#visible = this.#copyOfDurable()
  }

  crash(): void {
    const kept = Math.floor(this.#random() * (this.#unsynced.length + 1))
    for (const batch of this.#unsynced.slice(0, kept)) apply(this.#durable, batch)
    this.#unsynced = []
    this.#visible = this.#copyOfDurable()
    this.#faults.clear()
    this.#failed = undefined
  }

  failNext(call: 'append' | 'sync', error: Error): void {
    this.#faults.set(call, error)
  }

  #failIfAsked(call: 'append' | 'sync'): void {
    const error = this.#failed ?? this.#faults.get(call)
    this.#faults.delete(call)
    if (error) throw error
  }
}

function apply(records: Records, batch: readonly StoreOperation[]): void {
  for (const operation of batch) {
    if (operation.type === 'put') records.set(bytesToText(operation.key), operation.value)
    else records.delete(bytesToText(operation.key))
  }
}

function copyOf(operation: StoreOperation): StoreOperation {
  const key = operation.key.slice()
  return operation.type === 'put'
    ? { type: 'put', key, value: operation.value.slice() }
    : { type: 'delete', key }
}

/** One character per byte: such texts compare as the bytes do, and can be keys of a Map. */
function bytesToText(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function textToBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
