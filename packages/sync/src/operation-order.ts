import { compareBytes } from '@vudo/wire'
import type { Columns } from './change-table.ts'
import { ChunkCursor, damaged } from './chunk-cursor.ts'

/*
 * The hashes of changes do not cover the order in which a saved document lists their operations,
 * and Automerge opens it as it stands. So whoever passes a document on, without a right to write
 * it, could put the letters of its texts into another order, choose which of two values wins, or
 * hide a key, under the heads and signatures of others. The order follows from the operations:
 *
 * - objects by the operation that made them, the root first;
 * - in a map by the bytes of the key, then by the number of the operation;
 * - in a list or text as a tree in which each element is the child of the one behind which it
 *   was put, children after their parent and the newest first; values of an element follow it.
 */

/** Columns of the operations of a saved document. */
const columnOf = {
  objectActor: 0x01,
  objectCounter: 0x02,
  keyActor: 0x11,
  keyCounter: 0x13,
  keyText: 0x15,
  ownActor: 0x21,
  ownCounter: 0x23,
  isInsert: 0x34,
} as const

/** The number of an operation: those of one counter are in the order of their actors. */
interface Id {
  readonly counter: number
  readonly actor: number
}

interface Row {
  readonly object: Id
  /** The bytes of a key of a map; `undefined` in a list. */
  readonly key: Uint8Array | undefined
  /** The element of a list. */
  readonly element: Id
  readonly isInsert: boolean
  readonly own: Id
}

/** The root, and the place before the first element. */
const nothing: Id = { counter: 0, actor: -1 }

/**
 * Refuses a saved document whose operations are not in the order in which Automerge keeps them.
 *
 * @param actors - As the document names them, in hex.
 * @param columns - Vetted: their runs stand for no more rows than a batch may have.
 * @throws `SyncError` `ERR_SYNC_PROTOCOL`.
 */
export function assertOrdered(actors: readonly string[], columns: Columns, rows: number): void {
  const areSorted = actors.every((actor, at) => at === 0 || (actors[at - 1] ?? '') < actor)
  if (!areSorted) throw disordered()
  const nextRow = rowsOf(columns)
  let object = nothing
  let place = new Place()
  for (let row = 0; row < rows; row++) {
    const next = nextRow()
    const order = compareIds(next.object, object)
    if (order < 0) throw disordered()
    if (order > 0) {
      object = next.object
      place = new Place()
    }
    place.take(next)
  }
}

/** Where a walk through one object is. */
class Place {
  #key: Uint8Array | undefined
  /** The last operation; for an element or key that has just begun none. */
  #last: Id = nothing
  /** The elements from the first level of the tree down to the current one. */
  readonly #way: Id[] = []

  take(row: Row): void {
    if (row.key) this.#takeKey(row.key)
    else if (row.isInsert) this.#insert(row.element, row.own)
    else if (compareIds(row.element, this.#way.at(-1) ?? nothing) !== 0) throw disordered()
    if (compareIds(row.own, this.#last) <= 0) throw disordered()
    this.#last = row.own
  }

  #takeKey(key: Uint8Array): void {
    const order = this.#key ? compareBytes(key, this.#key) : 1
    if (order < 0) throw disordered()
    if (order > 0) this.#last = nothing
    this.#key = key
  }

  #insert(parent: Id, own: Id): void {
    let sibling: Id | undefined
    while (compareIds(this.#way.at(-1) ?? nothing, parent) !== 0) {
      sibling = this.#way.pop()
      if (!sibling) throw disordered()
    }
    const isInPlace = compareIds(own, parent) > 0 && (!sibling || compareIds(own, sibling) < 0)
    if (!isInPlace) throw disordered()
    this.#way.push(own)
    this.#last = nothing
  }
}

/** Reads one row after the other, so that no column is in memory as numbers. */
function rowsOf(columns: Columns): () => Row {
  const numbers = (column: number): (() => number | undefined) =>
    valuesOf(columns.get(column), (cursor) => cursor.unsigned())
  const objectActor = numbers(columnOf.objectActor)
  const objectCounter = numbers(columnOf.objectCounter)
  const keyActor = numbers(columnOf.keyActor)
  const keyCounter = sumsOf(columns.get(columnOf.keyCounter))
  const keyText = valuesOf(columns.get(columnOf.keyText), (cursor) =>
    cursor.take(cursor.unsigned()),
  )
  const ownActor = numbers(columnOf.ownActor)
  const ownCounter = sumsOf(columns.get(columnOf.ownCounter))
  const isInsert = flagsOf(columns.get(columnOf.isInsert))
  return () => ({
    object: idOf(objectCounter(), objectActor()),
    key: keyText(),
    element: idOf(keyCounter(), keyActor()),
    isInsert: isInsert(),
    own: idOf(ownCounter(), ownActor()),
  })
}

function valuesOf<Value>(
  column: Uint8Array = new Uint8Array(),
  read: (cursor: ChunkCursor) => Value,
): () => Value | undefined {
  const cursor = new ChunkCursor(column)
  let left = 0
  let isLiteral = false
  let value: Value | undefined
  return () => {
    if (left === 0) {
      if (cursor.isAtEnd) return undefined
      const length = cursor.signed()
      isLiteral = length < 0
      left = length === 0 ? cursor.unsigned() : Math.abs(length)
      if (left === 0) throw damaged('a run of nothing')
      if (!isLiteral) value = length === 0 ? undefined : read(cursor)
    }
    left -= 1
    return isLiteral ? read(cursor) : value
  }
}

/** Of a column that holds differences. */
function sumsOf(column: Uint8Array | undefined): () => number | undefined {
  const next = valuesOf(column, (cursor) => cursor.signed())
  let sum = 0
  return () => {
    const difference = next()
    if (difference === undefined) return undefined
    sum += difference
    return sum
  }
}

/** Of a column that holds how many rows in turn are false and true. */
function flagsOf(column: Uint8Array = new Uint8Array()): () => boolean {
  const cursor = new ChunkCursor(column)
  let left = 0
  let flag = true
  return () => {
    while (left === 0) {
      if (cursor.isAtEnd) return false
      left = cursor.unsigned()
      flag = !flag
    }
    left -= 1
    return flag
  }
}

function idOf(counter: number | undefined, actor: number | undefined): Id {
  return counter === undefined || actor === undefined ? nothing : { counter, actor }
}

function compareIds(a: Id, b: Id): number {
  return a.counter - b.counter || a.actor - b.actor
}

function disordered(): Error {
  return damaged('operations of a saved document are not in their order')
}
