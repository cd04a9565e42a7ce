import { compareBytes } from '@vudo/wire'
import type { Columns } from './change-table.ts'
import { damaged } from './chunk-cursor.ts'
import { FlagColumn, NumberColumn, TextColumn } from './column-values.ts'

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
 *
 * Nor do they cover operations that belong to no change. An operation belongs to the first change
 * of its actor whose last number is not below its own, so none may be beyond the last of them:
 * neither those that are listed, nor those that are said to have replaced or deleted others.
 */

/** Columns of the changes of a saved document. */
const changeColumn = { actor: 0x01, lastOperation: 0x13 } as const

/** Columns of its operations. */
const columnOf = {
  object: { actor: 0x01, counter: 0x02 },
  element: { actor: 0x11, counter: 0x13 },
  own: { actor: 0x21, counter: 0x23 },
  successor: { actor: 0x81, counter: 0x83 },
  keyText: 0x15,
  isInsert: 0x34,
} as const

/** Stands for the root, and for the place before the first element: before every operation. */
const nothing = -1

/**
 * Refuses a saved document whose operations are not in the order in which Automerge keeps them,
 * or are of no change.
 *
 * @param actors - As the document names them, in hex.
 * @param changes - The columns of its changes, vetted as those of its operations: their runs stand
 *   for no more rows than a batch may have.
 * @throws `SyncError` `ERR_SYNC_PROTOCOL`.
 */
export function assertOrdered(
  actors: readonly string[],
  changes: Columns,
  { columns, rows }: { readonly columns: Columns; readonly rows: number },
): void {
  const areSorted = actors.every((actor, at) => at === 0 || (actors[at - 1] ?? '') < actor)
  if (!areSorted) throw disordered()
  const newest = newestNumbers(actors, changes)
  const objects = new IdColumns(columns, columnOf.object, newest)
  const elements = new IdColumns(columns, columnOf.element, newest)
  const own = new IdColumns(columns, columnOf.own, newest)
  const keys = new TextColumn(columns.get(columnOf.keyText))
  const inserts = new FlagColumn(columns.get(columnOf.isInsert))
  let object = nothing
  let place = new Place()
  for (let row = 0; row < rows; row++) {
    const next = objects.next()
    if (next < object) throw disordered()
    if (next > object) {
      object = next
      place = new Place()
    }
    const id = own.next()
    const element = elements.next()
    const isInsert = inserts.next()
    const key = keys.next()
    if (key) place.goToKey(key)
    else if (isInsert) place.insert(element, id)
    else place.stayAt(element)
    place.take(id)
  }
  const successors = new IdColumns(columns, columnOf.successor, newest)
  while (!successors.isAtEnd) {
    if (successors.next() === nothing) throw damaged('a successor without a number')
  }
}

/** The number of the last operation of each actor's changes; -1 without any. */
function newestNumbers(actors: readonly string[], changes: Columns): number[] {
  const { actor, lastOperation } = changeColumn
  const authors = new NumberColumn(actor, changes.get(actor))
  const last = new NumberColumn(lastOperation, changes.get(lastOperation))
  const newest = actors.map(() => -1)
  while (!authors.isAtEnd) {
    const author = authors.next()
    const before = newest[author]
    if (before === undefined) throw damaged('a change of nobody')
    newest[author] = Math.max(before, last.next())
  }
  return newest
}

/**
 * Reads the numbers of operations, each as one number, so that they compare as they are ordered:
 * by their counters, and those of one counter by their actors.
 */
class IdColumns {
  readonly #actors: NumberColumn
  readonly #counters: NumberColumn
  readonly #newest: readonly number[]

  /** @param newest - The highest counter of each actor. */
  constructor(
    columns: Columns,
    { actor, counter }: { readonly actor: number; readonly counter: number },
    newest: readonly number[],
  ) {
    this.#actors = new NumberColumn(actor, columns.get(actor))
    this.#counters = new NumberColumn(counter, columns.get(counter))
    this.#newest = newest
  }

  get isAtEnd(): boolean {
    return this.#actors.isAtEnd && this.#counters.isAtEnd
  }

  /** @throws `SyncError` `ERR_SYNC_PROTOCOL` for an operation that belongs to no change. */
  next(): number {
    const actor = this.#actors.next()
    const counter = this.#counters.next()
    if (actor < 0 || counter < 0) return nothing
    const newest = this.#newest[actor] ?? -1
    const id = counter * this.#newest.length + actor
    if (counter > newest || !Number.isSafeInteger(id)) throw damaged('an operation of no change')
    return id
  }
}

/** Where a walk through one object is. */
class Place {
  #key: Uint8Array | undefined
  /** The last operation; for an element or key that has just begun none. */
  #last = nothing
  /** The elements from the first level of the tree down to the current one. */
  readonly #way: number[] = []

  /** Takes the next operation of a key or an element. */
  take(own: number): void {
    if (own <= this.#last) throw disordered()
    this.#last = own
  }

  goToKey(key: Uint8Array): void {
    // In a run of one key it is the same view.
    if (key === this.#key) return
    const order = this.#key ? compareBytes(key, this.#key) : 1
    if (order < 0) throw disordered()
    if (order > 0) this.#last = nothing
    this.#key = key
  }

  stayAt(element: number): void {
    if (element !== this.#element) throw disordered()
  }

  /** Goes to a new element, which was put behind `parent`. */
  insert(parent: number, own: number): void {
    let sibling: number | undefined
    while (this.#element !== parent) {
      sibling = this.#way.pop()
      if (sibling === undefined) throw disordered()
    }
    const isInPlace = own > parent && (sibling === undefined || own < sibling)
    if (!isInPlace) throw disordered()
    this.#way.push(own)
    this.#last = nothing
  }

  get #element(): number {
    return this.#way.at(-1) ?? nothing
  }
}

function disordered(): Error {
  return damaged('operations of a saved document are not in their order')
}
