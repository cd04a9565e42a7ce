import { SyncError } from './errors.ts'
import type { DocumentEdits, EditsMessage, RawChange } from './link-messages.ts'
import { LinkWindow } from './link-window.ts'
import { MAX_LINK_QUEUED_BYTES } from './limits.ts'

interface Queue {
  epoch: number
  changes: RawChange[]
}

/**
 * The edits of a client until they are durable in the worker: which wait, which are on their way,
 * which are stored. A pure state machine; what a method returns is to be posted.
 *
 * What holds at every moment:
 *
 * - Edits of one document leave in the order in which they were made, each once.
 * - At most `MAX_LINK_MESSAGES` messages are on their way, one more for each call of
 *   {@link hurry}; edits that are made meanwhile wait, and leave together in one message.
 * - At most `MAX_LINK_QUEUED_BYTES` wait: {@link assertRoom} refuses the next edit.
 */
export class OutgoingEdits {
  readonly #window = new LinkWindow()
  readonly #queues = new Map<string, Queue>()
  #queuedBytes = 0
  #savedNumber = 0

  /** True when everything is durable. */
  get isSaved(): boolean {
    return this.#queues.size === 0 && this.#savedNumber >= this.#window.last
  }

  /** To be asked before an edit is made. @throws `SyncError` `ERR_SYNC_LIMIT`. */
  assertRoom(): void {
    if (this.#queuedBytes < MAX_LINK_QUEUED_BYTES) return
    throw new SyncError(
      'ERR_SYNC_LIMIT',
      `${this.#queuedBytes} bytes of edits wait for the worker, at most ${MAX_LINK_QUEUED_BYTES}`,
      { hint: 'await whenSaved() between many edits: the worker does not keep up' },
    )
  }

  /** An edit was made. */
  add(id: string, epoch: number, change: RawChange): EditsMessage | undefined {
    const queue = this.#queues.get(id) ?? { epoch, changes: [] }
    // What was made before a refusal is void.
    if (queue.epoch !== epoch) this.#drop(queue)
    queue.epoch = epoch
    queue.changes.push(change)
    this.#queuedBytes += change.bytes.length
    this.#queues.set(id, queue)
    return this.#flush()
  }

  /** The worker has not taken edits of a document: what waits builds on them, and is void. */
  refused(id: string): void {
    const queue = this.#queues.get(id)
    if (queue) this.#drop(queue)
    this.#queues.delete(id)
  }

  #drop(queue: Queue): void {
    for (const { bytes } of queue.changes) this.#queuedBytes -= bytes.length
    queue.changes = []
  }

  /** The worker has taken the message of that number. */
  taken(number: number): EditsMessage | undefined {
    this.#window.taken(number)
    return this.#flush()
  }

  /** The edits up to that message are durable. */
  saved(number: number): void {
    this.#savedNumber = Math.max(this.#savedNumber, number)
  }

  /** What waits has to leave now, because something follows that must come after it. */
  hurry(): EditsMessage | undefined {
    return this.#send()
  }

  #flush(): EditsMessage | undefined {
    return this.#window.isOpen ? this.#send() : undefined
  }

  #send(): EditsMessage | undefined {
    if (this.#queues.size === 0) return undefined
    const documents = [...this.#queues].map(([id, { epoch, changes }]): DocumentEdits => {
      return { id, epoch, changes }
    })
    this.#queues.clear()
    this.#queuedBytes = 0
    return { type: 'edits', number: this.#window.next(), documents }
  }
}
