/** A view of the storage on a fake disk: every write can be the one at which the power goes, or the disk is full. */
import {
  createFakeDisk,
  StoreError,
  type FakeDisk,
  type StoreView,
  type WriteOperation,
} from '@vudo/storage'

/** What happens at a write. */
export type WriteFate = 'done' | 'cut-before-sync' | 'cut-before-append' | 'full'

/** The power went: nothing of this process is to be used any more. */
export class PowerCut extends Error {}

export interface FakeStorage extends StoreView {
  readonly disk: FakeDisk
  /** Asked at each write. */
  fate: () => WriteFate
  writes: number
}

export function createFakeStorage(disk: FakeDisk = createFakeDisk(() => 0)): FakeStorage {
  const storage: FakeStorage = {
    disk,
    durability: 'strict',
    fate: () => 'done',
    writes: 0,
    get: async (key) => disk.get(key),
    getMany: async (keys) => keys.map((key) => disk.get(key)),
    write: async (operations) => write(storage, operations),
    async *scan(range, { reverse = false, limit = Number.POSITIVE_INFINITY } = {}) {
      const all = disk.scan('prefix' in range ? range.prefix : new Uint8Array())
      const inside = all.filter(({ key }) => {
        if ('prefix' in range) return true
        const isFrom = Buffer.compare(key, range.from) >= 0
        return isFrom && (range.to === undefined || Buffer.compare(key, range.to) < 0)
      })
      if (reverse) inside.reverse()
      for (const entry of inside.slice(0, limit)) {
        await Promise.resolve()
        yield entry
      }
    },
    sub: () => {
      throw new Error('not needed here')
    },
  }
  return storage
}

function write(storage: FakeStorage, operations: readonly WriteOperation[]): void {
  storage.writes += 1
  const fate = storage.fate()
  if (fate === 'full') throw new StoreError('ERR_STORE_FULL', 'no room on the fake disk')
  if (fate === 'cut-before-append') throw new PowerCut()
  for (const { key } of operations) if (key.length > 1_024) throw new Error('the key is too long')
  storage.disk.append(operations)
  if (fate === 'cut-before-sync') throw new PowerCut()
  storage.disk.sync()
}
