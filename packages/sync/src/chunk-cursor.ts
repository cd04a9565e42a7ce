import { SyncError } from './errors.ts'

/** Reads LEB128 numbers and run-length encoded columns of Automerge's format; throws `ERR_SYNC_PROTOCOL` only. */
export class ChunkCursor {
  readonly #bytes: Uint8Array
  position: number

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes
    this.position = position
  }

  get isAtEnd(): boolean {
    return this.position >= this.#bytes.length
  }

  take(length: number): Uint8Array {
    const end = this.position + length
    if (length < 0 || end > this.#bytes.length) throw damaged('a chunk ends too early')
    const view = this.#bytes.subarray(this.position, end)
    this.position = end
    return view
  }

  unsigned(): number {
    return this.#number(false)
  }

  signed(): number {
    return this.#number(true)
  }

  #number(isSigned: boolean): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.position]
      if (byte === undefined) throw damaged('a chunk ends too early')
      this.position += 1
      value += (byte & 127) * scale
      scale *= 128
      if (byte > 127) continue
      const result = isSigned && (byte & 64) > 0 ? value - scale : value
      // Beyond 2^53 it is no length and no count of anything that exists.
      if (!Number.isSafeInteger(result)) throw damaged('a number is too large')
      return result
    }
    throw damaged('a number is too long')
  }

  /**
   * Walks a column of runs: `visit` gets each value and how often it stands there,
   * `undefined` for the rows without one. Nothing is kept, so that a long column
   * costs no more than its bytes; whoever visits counts, and throws.
   */
  runs<Value>(
    read: (cursor: this) => Value,
    visit: (times: number, value: Value | undefined) => void,
  ): void {
    while (!this.isAtEnd) {
      const length = this.signed()
      if (length === 0) visit(this.unsigned(), undefined)
      else if (length > 0) visit(length, read(this))
      // A literal run costs bytes for each value, a repeated one does not.
      else for (let index = 0; index < -length; index++) visit(1, read(this))
    }
  }
}

/** The error of every decoder of Automerge's format. */
export function damaged(what: string): SyncError {
  return new SyncError('ERR_SYNC_PROTOCOL', `damaged changes: ${what}`)
}
