import { aboveLimit } from './errors.ts'
import { MAX_GROUP_BYTES, MAX_QUEUED_BYTES, MAX_QUEUED_WRITES } from './limits.ts'

/** A change of the database, key and value as they are stored. */
export type DatabaseOperation =
  | { readonly type: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: Uint8Array }

interface Job {
  readonly bytes: number
  /** Never merged with others: its operations depend on what the database holds. */
  readonly isAlone: boolean
  readonly operations: () => Promise<DatabaseOperation[]>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What a queue writes to; one call at a time. */
export interface WriteTarget {
  /** Rejects when there is no room for these operations. */
  admit(operations: readonly DatabaseOperation[]): Promise<void>
  /** Applies a batch at once and durably. The operations are taken over: the list is empty afterwards. */
  commit(operations: DatabaseOperation[]): Promise<void>
}

/**
 * Group commit: one batch is at the disk, the others wait, and what has waited
 * goes as one batch with one sync. So many small writes at once cost about as much
 * as one, and the order of the calls is the order in the database.
 */
export class WriteQueue {
  readonly #target: WriteTarget
  #jobs: Job[] = []
  #bytes = 0
  #running: Promise<void> | undefined

  constructor(target: WriteTarget) {
    this.#target = target
  }

  /** Settles when the batch with `operations` in it has been committed. They are taken over. */
  add(operations: DatabaseOperation[]): Promise<void> {
    const bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
    return this.#enqueue(bytes, false, () => Promise.resolve(operations))
  }

  /** As {@link add}, with operations that are worked out when all earlier writes are in the database. */
  addAlone(operations: () => Promise<DatabaseOperation[]>): Promise<void> {
    return this.#enqueue(0, true, operations)
  }

  /** Settles when nothing waits any more. */
  async drain(): Promise<void> {
    await this.#running
  }

  #enqueue(bytes: number, isAlone: boolean, operations: Job['operations']): Promise<void> {
    if (this.#jobs.length >= MAX_QUEUED_WRITES) {
      throw aboveLimit('waiting writes', this.#jobs.length + 1, MAX_QUEUED_WRITES)
    }
    if (this.#bytes + bytes > MAX_QUEUED_BYTES) {
      throw aboveLimit('bytes of waiting writes', this.#bytes + bytes, MAX_QUEUED_BYTES)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#jobs.push({ bytes, isAlone, operations, resolve, reject })
    this.#bytes += bytes
    this.#running ??= this.#run()
    return promise
  }

  async #run(): Promise<void> {
    // One turn later: writes of the same turn of the caller join the first batch.
    await Promise.resolve()
    while (this.#jobs.length > 0) await this.#runGroup(this.#takeGroup())
    this.#running = undefined
  }

  async #runGroup(group: readonly Job[]): Promise<void> {
    const admitted: Job[] = []
    const operations: DatabaseOperation[] = []
    for (const job of group) {
      try {
        const some = await job.operations()
        await this.#target.admit(some)
        // Not spread into push: a write may have more operations than a call may have arguments.
        for (const operation of some) operations.push(operation)
        // They are in the hands of the target from here on, and nobody's when the disk has them.
        some.length = 0
        admitted.push(job)
      } catch (error) {
        // Its own fault only: the others of the group go on.
        job.reject(error)
      }
    }
    try {
      if (operations.length > 0) await this.#target.commit(operations)
      for (const job of admitted) job.resolve()
    } catch (error) {
      for (const job of admitted) job.reject(error)
    }
  }

  #takeGroup(): readonly Job[] {
    let bytes = 0
    let count = 0
    for (const job of this.#jobs) {
      if (count > 0 && (job.isAlone || bytes + job.bytes > MAX_GROUP_BYTES)) break
      bytes += job.bytes
      count += 1
      if (job.isAlone) break
    }
    this.#bytes -= bytes
    return this.#jobs.splice(0, count)
  }
}

/** What an operation weighs in queues and quotas. */
export function operationBytes(operation: DatabaseOperation): number {
  return operation.key.byteLength + (operation.type === 'put' ? operation.value.byteLength : 0)
}
