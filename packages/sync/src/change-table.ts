import { ChunkCursor, damaged } from './chunk-cursor.ts'

/**
 * Who made which change of a saved document or a bundle, and on what each builds: read
 * from the columns, without making an object of every change. A document of a hundred
 * thousand keystrokes has as many changes and two or three authors.
 *
 * Rows are numbered from 0 in the order of the file, in which each follows its
 * dependencies.
 */
export interface ChangeTable {
  readonly rows: number
  /** Hex. */
  readonly actors: readonly string[]
  /** Index into {@link actors} of each row. */
  readonly actorOf: Uint32Array
  readonly seqOf: Uint32Array
  /** Where the dependencies of each row begin in {@link dependencies}; one more entry at the end. */
  readonly firstDependency: Uint32Array
  /** Rows; numbers from {@link rows} on stand for {@link outside}. */
  readonly dependencies: Uint32Array
  /** Hashes of changes of a bundle's past, as hex. */
  readonly outside: readonly string[]
}

/** The numbers of one actor's changes in a table. */
export interface ActorSpan {
  readonly actor: string
  readonly firstSeq: number
  readonly lastSeq: number
}

/** The columns of a table, by their numbers without the bit that says "deflated". */
export type Columns = ReadonlyMap<number, Uint8Array>

const actorColumn = 0x01
const seqColumn = 0x03
/** Where the two formats keep what a change builds on. */
const dependencyColumns = {
  document: { counts: 0x40, rows: 0x43 },
  bundle: { counts: 0x50, rows: 0x53 },
} as const
const firstOperationColumn = 0x13
const lastOperationColumn = 0x23
const MAX_SEQ = 0xffff_ffff

/** Where a table comes from. */
export interface TableSource {
  readonly format: keyof typeof dependencyColumns
  /** Vetted: their runs stand for no more rows than a batch may have. */
  readonly columns: Columns
  readonly actors: readonly string[]
  readonly outside: readonly string[]
}

/**
 * Reads the table out of vetted columns.
 *
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` for columns that do not belong together.
 */
export function readChangeTable({ format, columns, actors, outside }: TableSource): ChangeTable {
  const { counts, rows: rowColumn } = dependencyColumns[format]
  const actorOf = readNumbers(columns.get(actorColumn))
  const rows = actorOf.length
  const seqOf = readNumbers(columns.get(seqColumn), true)
  const dependencyCounts = readNumbers(columns.get(counts))
  const dependencies = readNumbers(columns.get(rowColumn), true)
  if (seqOf.length !== rows || dependencyCounts.length !== rows) {
    throw damaged(`columns of ${rows}, ${seqOf.length} and ${dependencyCounts.length} changes`)
  }
  const firstDependency = new Uint32Array(rows + 1)
  for (let row = 0; row < rows; row++) {
    firstDependency[row + 1] = (firstDependency[row] ?? 0) + (dependencyCounts[row] ?? 0)
  }
  if (firstDependency[rows] !== dependencies.length) throw damaged('dependencies of no change')
  const isInside = (row: number): boolean => row < rows + outside.length
  if (!actorOf.every((actor) => actor < actors.length) || !dependencies.every(isInside)) {
    throw damaged('a change of nobody, or upon nothing')
  }
  return { rows, actors, actorOf, seqOf, firstDependency, dependencies, outside }
}

/** How many operations the changes of a bundle say they have together. */
export function claimedOperations(columns: Columns): number {
  const first = readNumbers(columns.get(firstOperationColumn), true)
  const last = readNumbers(columns.get(lastOperationColumn), true)
  let sum = 0
  for (const [row, number] of last.entries()) sum += Math.max(0, number - (first[row] ?? 0) + 1)
  return sum
}

/**
 * The changes of each actor in a table, when each of them but the first names the one
 * before it: then whoever signed the last has signed all of them.
 *
 * @returns `undefined` when they do not hang together like that.
 */
export function actorSpans(table: ChangeTable): readonly ActorSpan[] | undefined {
  const { rows, actors, actorOf, seqOf } = table
  const lastRow = new Int32Array(actors.length).fill(-1)
  const firstSeq = new Uint32Array(actors.length)
  for (let row = 0; row < rows; row++) {
    const actor = actorOf[row] ?? 0
    const last = lastRow[actor] ?? -1
    const seq = seqOf[row] ?? 0
    if (last < 0) firstSeq[actor] = seq
    else if (seq !== (seqOf[last] ?? 0) + 1 || !buildsOn(table, row, last)) return undefined
    lastRow[actor] = row
  }
  return actors.flatMap((actor, index) => {
    const row = lastRow[index] ?? -1
    return row < 0 ? [] : [{ actor, firstSeq: firstSeq[index] ?? 0, lastSeq: seqOf[row] ?? 0 }]
  })
}

function buildsOn(
  { firstDependency, dependencies }: ChangeTable,
  row: number,
  earlier: number,
): boolean {
  const end = firstDependency[row + 1] ?? 0
  for (let at = firstDependency[row] ?? 0; at < end; at++) {
    if (dependencies[at] === earlier) return true
  }
  return false
}

/** A change, by who made it. */
export interface ActorChange {
  readonly actor: string
  readonly seq: number
}

/** Actors of the changes that are not in the history of `known`; their number beside. */
export function newSince(
  table: ChangeTable,
  known: readonly ActorChange[],
): { readonly actors: readonly string[]; readonly changes: number } {
  const { rows, actors, actorOf, seqOf, firstDependency, dependencies } = table
  const isKnown = new Uint8Array(rows)
  const heads = known.map(({ actor, seq }) => ({ index: actors.indexOf(actor), seq }))
  const found = new Set<number>()
  let changes = 0
  // Each row follows its dependencies, so one walk from the end sees every descendant first.
  for (let row = rows - 1; row >= 0; row--) {
    const actor = actorOf[row] ?? 0
    if (heads.some(({ index, seq }) => index === actor && seq === seqOf[row])) isKnown[row] = 1
    if (isKnown[row] === 1) {
      const end = firstDependency[row + 1] ?? 0
      for (let at = firstDependency[row] ?? 0; at < end; at++) isKnown[dependencies[at] ?? 0] = 1
    } else {
      changes += 1
      found.add(actor)
    }
  }
  return { actors: [...found].flatMap((index) => actors[index] ?? []), changes }
}

/** The numbers of the last operations of each change of a saved document. */
export function lastOperations({ columns }: TableSource): Uint32Array {
  // In this format the column of the first numbers holds the last ones.
  return readNumbers(columns.get(firstOperationColumn), true)
}

/**
 * The numbers of a column, whose runs were counted before: what is gathered here is bounded.
 *
 * @param isDelta - The column holds differences.
 * @throws `SyncError` `ERR_SYNC_PROTOCOL` when a row has none.
 */
export function readNumbers(column: Uint8Array = new Uint8Array(), isDelta = false): Uint32Array {
  const read = isDelta
    ? (from: ChunkCursor): number => from.signed()
    : (from: ChunkCursor): number => from.unsigned()
  let rows = 0
  new ChunkCursor(column).runs(read, (times) => {
    rows += times
  })
  const numbers = new Uint32Array(rows)
  let at = 0
  let last = 0
  new ChunkCursor(column).runs(read, (times, value) => {
    if (value === undefined) throw damaged('a row without a number')
    for (let count = 0; count < times; count++) {
      last = isDelta ? last + value : value
      if (last < 0 || last > MAX_SEQ) throw damaged(`the number ${last} in a table`)
      numbers[at++] = last
    }
  })
  return numbers
}
