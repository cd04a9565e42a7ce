import { isSyncError, SyncError } from './errors.ts'
import { MAX_OPERATIONS, MAX_OPERATIONS_AT_ONCE } from './limits.ts'
import { parsePath } from './paths.ts'
import type { Database } from './sync-types.ts'
import { isMap, writeKeys } from './value-difference.ts'

/** A step of a graph or a table, applied to the document that stands for the node. */
export interface SyncOperation {
  /** `CreateNode`, `UpdateNode` and `UpsertNode` write the keys of `data` and leave others as they are; `DeleteNode` deletes. */
  readonly type: 'CreateNode' | 'UpdateNode' | 'UpsertNode' | 'DeleteNode'
  /** `user:123` is the document `user/123`; an id with a slash is a path already. */
  readonly id: string
  /** Plain data; not for `DeleteNode`. */
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

/** What became of operations. */
export interface OperationsReport {
  readonly applied: number
  /** By their places in the list, in its order. */
  readonly rejected: readonly { readonly index: number; readonly error: Error }[]
}

/** How operations are taken. */
export interface OperationsOptions {
  /** Operations that are worked on before the next ones: 1 to 10,000. More is faster and holds more documents open. @defaultValue 1,000 */
  readonly maxBatchSize?: number | undefined
  /** Ends it between two batches; what was applied stays. */
  readonly signal?: AbortSignal | undefined
}

/** Applies operations, those of one id in their order. What is applied is durable. */
export async function applyOperations(
  database: Database,
  operations: readonly SyncOperation[],
  { maxBatchSize = 1_000, signal }: OperationsOptions = {},
): Promise<OperationsReport> {
  assertSizes(operations.length, maxBatchSize)
  const rejected: { index: number; error: Error }[] = []
  for (let from = 0; from < operations.length; from += maxBatchSize) {
    signal?.throwIfAborted()
    const batch = operations
      .slice(from, from + maxBatchSize)
      .map((operation, at) => ({ operation, index: from + at }))
    const lines = Map.groupBy(batch, ({ operation }) => operation.id)
    await Promise.all(
      [...lines.values()].map(async (line) => {
        for (const { operation, index } of line) {
          const error = await applyOne(database, operation)
          if (error) rejected.push({ index, error })
        }
      }),
    )
  }
  const inOrder = rejected.toSorted((a, b) => a.index - b.index)
  return { applied: operations.length - rejected.length, rejected: inOrder }
}

function assertSizes(count: number, maxBatchSize: number): void {
  if (count > MAX_OPERATIONS) {
    throw new SyncError(
      'ERR_SYNC_LIMIT',
      `${count} operations, at most ${MAX_OPERATIONS} at a time`,
    )
  }
  const isSize = Number.isInteger(maxBatchSize) && maxBatchSize >= 1
  if (isSize && maxBatchSize <= MAX_OPERATIONS_AT_ONCE) return
  throw new RangeError(`maxBatchSize is ${maxBatchSize}, expected 1 to ${MAX_OPERATIONS_AT_ONCE}`)
}

/** What is wrong with one operation stops no other; what is wrong with the database stops all. */
async function applyOne(database: Database, operation: SyncOperation): Promise<Error | undefined> {
  try {
    await apply(database, operation)
    return undefined
  } catch (error) {
    const isItsOwn = isSyncError(error) && !ofAll.has(error.code)
    if (isItsOwn || error instanceof TypeError) return error
    throw error
  }
}

const ofAll: ReadonlySet<string> = new Set([
  'ERR_SYNC_STORE',
  'ERR_STORAGE_FULL',
  'ERR_DATABASE_CLOSED',
])

async function apply(database: Database, { type, id, data }: SyncOperation): Promise<void> {
  const path = pathOf(id)
  if (type === 'DeleteNode') return database.remove(path)
  if (!isMap(data)) throw new TypeError('data of an operation is a plain object')
  const handle = await database.open<Record<string, unknown>>(path, { ...data })
  try {
    handle.change((doc) => writeKeys(doc, data))
  } finally {
    await handle.close()
  }
}

/** The path of the document that stands for a node. @throws `SyncError` `ERR_PATH_INVALID`; `TypeError`. */
function pathOf(id: string): string {
  if (typeof id !== 'string') throw new TypeError('the id of an operation is a text')
  return parsePath(id.includes('/') ? id : id.replace(':', '/'))
}
