import * as Automerge from '@automerge/automerge'
import type { AnyDocument } from './document-state.ts'
import { MAX_DOCUMENT_BYTES } from './limits.ts'

/**
 * How large a document is when it is saved. Saving it to find out takes seconds where it
 * matters, so this is an upper bound: what was measured last, and the bytes of every
 * change since. Only when the bound passes the limit is the document measured again.
 */
export class DocumentSize {
  #mostBytes: number

  /** @param mostBytes - Of its chunks in the store. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Tells whether so many bytes more could take the document beyond the limit. */
  mayExceed(addedBytes: number): boolean {
    return this.#mostBytes + addedBytes > MAX_DOCUMENT_BYTES
  }

  /**
   * Takes note that the document has become `doc` by changes of so many bytes.
   *
   * @returns false when that is beyond the limit: then nothing was noted, and `doc` is not to be kept.
   */
  admits(doc: AnyDocument, addedBytes: number): boolean {
    if (!this.mayExceed(addedBytes)) {
      this.#mostBytes += addedBytes
      return true
    }
    const { length } = Automerge.save(doc)
    if (length > MAX_DOCUMENT_BYTES) return false
    this.measured(length)
    return true
  }

  /** Takes note of changes of so many bytes, within the limit. */
  add(bytes: number): void {
    this.#mostBytes += bytes
  }

  /** Takes note of what the document really has. */
  measured(bytes: number): void {
    this.#mostBytes = bytes
  }
}
