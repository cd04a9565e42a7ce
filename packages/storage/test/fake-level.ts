/* oxlint-disable no-underscore-dangle -- the names that abstract-level gives to what an implementation writes */
import { MemoryLevel } from 'memory-level'
import { createFakeDisk, type FakeDisk, type StoreOperation } from '@vudo/storage'
import type { Level } from '../src/database.ts'

const encodings = { keyEncoding: 'view', valueEncoding: 'view' } as const

/** What abstract-level calls in an implementation; its published types leave it out. */
type Implementation = Level & {
  _batch(operations: readonly RawOperation[], options: object): Promise<void>
  _get(key: Uint8Array, options: object): Promise<Uint8Array | undefined>
}

const Memory = MemoryLevel as unknown as new (options: typeof encodings) => Implementation

/** What a test puts into a {@link FakeLevel}. */
export interface FakeLevelInit {
  /** Called before each call of the database; throws to let it fail. */
  readonly before?: (call: string) => void
  /** The planted bug: says "synced" without syncing. */
  readonly liesAboutSync?: boolean
}

/** A database on a fake disk, for crashes and faults that a real one does not produce on demand. */
export class FakeLevel extends Memory {
  readonly disk: FakeDisk
  readonly batches: number[] = []
  readonly #init: FakeLevelInit

  constructor(disk: FakeDisk = createFakeDisk(() => 0), init: FakeLevelInit = {}) {
    super(encodings)
    this.disk = disk
    this.#init = init
  }

  /** The database as it starts from what is on `disk`. */
  static async start(disk?: FakeDisk, init?: FakeLevelInit): Promise<FakeLevel> {
    const level = new FakeLevel(disk, init)
    await level.open()
    return level
  }

  async _open(): Promise<void> {
    this.#init.before?.('open')
    const entries = this.disk.scan(new Uint8Array())
    await super._batch(
      entries.map(({ key, value }) => ({
        type: 'put',
        key: toBuffer(key),
        value: toBuffer(value),
      })),
      {},
    )
  }

  override async _get(key: Uint8Array, options: object): Promise<Uint8Array | undefined> {
    this.#init.before?.('get')
    return super._get(key, options)
  }

  override async _batch(
    operations: readonly RawOperation[],
    options: { readonly sync?: boolean },
  ): Promise<void> {
    this.#init.before?.('batch')
    this.batches.push(operations.length)
    this.disk.append(operations.map(toStored))
    if (options.sync === true && this.#init.liesAboutSync !== true) {
      this.#init.before?.('sync')
      this.disk.sync()
    }
    await super._batch(operations, options)
  }
}

interface RawOperation {
  readonly type: 'put' | 'del'
  readonly key: Uint8Array
  readonly value?: Uint8Array
}

function toStored({ type, key, value }: RawOperation): StoreOperation {
  return type === 'put' ? { type, key, value: value! } : { type: 'delete', key }
}

function toBuffer(value: Uint8Array): Buffer {
  return Buffer.from(value)
}
