import { ChunkCursor, damaged } from './chunk-cursor.ts'

/* Columns of Automerge's format, read one row after the other: nothing of them is gathered. */

/** The lowest three bits of a column's number, when it holds differences. */
const deltaType = 3
const typeBits = 7

/** Reads a column of numbers. */
export class NumberColumn {
  readonly #cursor: ChunkCursor
  readonly #isDelta: boolean
  #left = 0
  #isLiteral = false
  #isEmpty = false
  #value = 0
  #sum = 0

  /** @param column - Its number, which tells whether it holds differences. */
  constructor(column: number, bytes: Uint8Array = new Uint8Array()) {
    this.#cursor = new ChunkCursor(bytes)
    this.#isDelta = (column & typeBits) === deltaType
  }

  get isAtEnd(): boolean {
    return this.#left === 0 && this.#cursor.isAtEnd
  }

  /** The number of the next row; -1 for a row without one, and behind the end. @throws `SyncError` `ERR_SYNC_PROTOCOL`. */
  next(): number {
    if (this.isAtEnd) return -1
    if (this.#left === 0) this.#begin()
    this.#left -= 1
    if (this.#isEmpty) return -1
    if (this.#isLiteral) this.#value = this.#read()
    if (!this.#isDelta) return this.#value
    this.#sum += this.#value
    if (this.#sum < 0) throw damaged('a number below 0')
    return this.#sum
  }

  #begin(): void {
    const length = this.#cursor.signed()
    this.#isEmpty = length === 0
    this.#isLiteral = length < 0
    this.#left = this.#isEmpty ? this.#cursor.unsigned() : Math.abs(length)
    if (this.#left === 0) throw damaged('a run of nothing')
    if (length > 0) this.#value = this.#read()
  }

  #read(): number {
    return this.#isDelta ? this.#cursor.signed() : this.#cursor.unsigned()
  }
}

/** Reads a column of texts as their bytes: in a run, the same view for each row. */
export class TextColumn {
  readonly #cursor: ChunkCursor
  #left = 0
  #isLiteral = false
  #value: Uint8Array | undefined

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#cursor = new ChunkCursor(bytes)
  }

  /** The text of the next row; `undefined` for a row without one, and behind the end. @throws `SyncError` `ERR_SYNC_PROTOCOL`. */
  next(): Uint8Array | undefined {
    if (this.#left === 0 && this.#cursor.isAtEnd) return undefined
    if (this.#left === 0) this.#begin()
    this.#left -= 1
    if (this.#isLiteral) this.#value = this.#read()
    return this.#value
  }

  #begin(): void {
    const length = this.#cursor.signed()
    this.#isLiteral = length < 0
    this.#left = length === 0 ? this.#cursor.unsigned() : Math.abs(length)
    if (this.#left === 0) throw damaged('a run of nothing')
    this.#value = length > 0 ? this.#read() : undefined
  }

  #read(): Uint8Array {
    return this.#cursor.take(this.#cursor.unsigned())
  }
}

/** Reads a column that holds how many rows in turn are false and true. */
export class FlagColumn {
  readonly #cursor: ChunkCursor
  #left = 0
  #flag = true

  constructor(bytes: Uint8Array = new Uint8Array()) {
    this.#cursor = new ChunkCursor(bytes)
  }

  /** The flag of the next row; `false` behind the end. @throws `SyncError` `ERR_SYNC_PROTOCOL`. */
  next(): boolean {
    while (this.#left === 0) {
      if (this.#cursor.isAtEnd) return false
      this.#left = this.#cursor.unsigned()
      this.#flag = !this.#flag
    }
    this.#left -= 1
    return this.#flag
  }
}
