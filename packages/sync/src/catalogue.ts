import type { CatalogueRecord } from './catalogue-record.ts'
import { firstDocumentId, nextDocumentId, successorDocumentId } from './document-id.ts'
import { SyncError } from './errors.ts'
import {
  MAX_PATHS_PER_DOCUMENT,
  MAX_PENDING_RECORDS,
  MAX_RECORDS,
  MAX_RECORDS_PER_PATH,
} from './limits.ts'
import { isUnder } from './paths.ts'

/** The records of one path. */
interface PathRecords {
  winner: CatalogueRecord
  /** In the order in which they came: few, but for a path that is deleted again and again. */
  readonly all: CatalogueRecord[]
}

/** What became of a record. */
export type RecordOutcome = 'added' | 'known' | 'pending'

/**
 * Which document lies under which path: all records of a database, the losers of
 * conflicts included, and which of them wins.
 *
 * A record's predecessor is of the same path and one generation older. The highest
 * generation wins, among equals the lowest hash, so all devices agree without
 * asking. A record whose predecessor is unknown waits, within a bound.
 */
export class Catalogue {
  readonly #recordsByPath = new Map<string, PathRecords>()
  /** Most documents have one path: a set for each would take more memory than everything else here. */
  readonly #pathsByDocument = new Map<string, string | Set<string>>()
  readonly #pendingByPredecessor = new Map<string, CatalogueRecord[]>()
  #pendingCount = 0
  #recordCount = 0

  /**
   * Takes a record in, and with it those that waited for it.
   *
   * @param onAdded - Told each record that counts from now on, in an order in which each follows its predecessor.
   * @throws `SyncError` `ERR_SYNC_PROTOCOL` for a wrong chain, `ERR_SYNC_LIMIT`.
   */
  add(record: CatalogueRecord, onAdded: (record: CatalogueRecord) => void): RecordOutcome {
    const outcome = this.#place(record)
    if (outcome !== 'added') return outcome
    onAdded(record)
    const waiting = this.#pendingByPredecessor.get(record.hash) ?? []
    this.#pendingByPredecessor.delete(record.hash)
    this.#pendingCount -= waiting.length
    for (const next of waiting) this.#addWaiting(next, onAdded)
    return 'added'
  }

  /** A record that waited may turn out to be wrong; whoever sent it is long gone. */
  #addWaiting(record: CatalogueRecord, onAdded: (record: CatalogueRecord) => void): void {
    try {
      this.add(record, onAdded)
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
    }
  }

  #place(record: CatalogueRecord): RecordOutcome {
    const records = this.#recordsByPath.get(record.path)
    const at = records?.all.findIndex(({ hash }) => hash === record.hash) ?? -1
    const same = records?.all[at]
    // The same statement of several authors: the lowest of them stands for it, everywhere.
    if (same && same.author <= record.author) return 'known'
    if (!same) {
      this.#assertRoom(record)
      if (records && records.all.length >= MAX_RECORDS_PER_PATH) {
        throw new SyncError('ERR_SYNC_LIMIT', `path has ${MAX_RECORDS_PER_PATH} records`)
      }
      if (!this.#fitsPredecessor(record)) return this.#wait(record)
      this.#recordCount += 1
    }
    if (!records) this.#recordsByPath.set(record.path, { winner: record, all: [record] })
    else {
      records.all[same ? at : records.all.length] = record
      if (isBetter(record, records.winner)) records.winner = record
    }
    this.#addPath(record)
    return 'added'
  }

  /** Takes another signature of a record that is here. */
  replace(record: CatalogueRecord): void {
    const { hash, author, path } = record
    const records = this.#recordsByPath.get(path)
    const at = records?.all.findIndex((one) => one.hash === hash && one.author === author) ?? -1
    if (!records || at === -1) return
    records.all[at] = record
    if (records.winner.hash === hash) records.winner = record
  }

  #assertRoom({ path, documentId }: CatalogueRecord): void {
    if (this.#recordCount >= MAX_RECORDS) {
      throw new SyncError('ERR_SYNC_LIMIT', `the database has ${MAX_RECORDS} records`)
    }
    const paths = this.#pathsByDocument.get(documentId)
    if (!(paths instanceof Set)) return
    if (paths.size >= MAX_PATHS_PER_DOCUMENT && !paths.has(path)) {
      throw new SyncError('ERR_SYNC_LIMIT', `document has ${MAX_PATHS_PER_DOCUMENT} paths`)
    }
  }

  #fitsPredecessor(record: CatalogueRecord): boolean {
    if (record.predecessor === undefined) return true
    const predecessor = this.record(record.path, record.predecessor)
    if (!predecessor) return false
    assertSuccession(record, predecessor)
    if (predecessor.generation + 1 === record.generation) return true
    throw new SyncError(
      'ERR_SYNC_PROTOCOL',
      `record of generation ${record.generation} names one of generation ${predecessor.generation}, expected one less`,
    )
  }

  #wait(record: CatalogueRecord): 'pending' {
    if (this.#pendingCount >= MAX_PENDING_RECORDS) {
      throw new SyncError('ERR_SYNC_LIMIT', `${MAX_PENDING_RECORDS} records wait for others`)
    }
    const key = record.predecessor ?? ''
    const waiting = this.#pendingByPredecessor.get(key) ?? []
    if (waiting.some(({ hash }) => hash === record.hash)) return 'pending'
    this.#pendingByPredecessor.set(key, [...waiting, record])
    this.#pendingCount += 1
    return 'pending'
  }

  #addPath({ path, documentId }: CatalogueRecord): void {
    const paths = this.#pathsByDocument.get(documentId)
    if (paths === undefined) this.#pathsByDocument.set(documentId, path)
    else if (paths instanceof Set) paths.add(path)
    else if (paths !== path) this.#pathsByDocument.set(documentId, new Set([paths, path]))
  }

  /** The record that counts for a path. */
  winner(path: string): CatalogueRecord | undefined {
    return this.#recordsByPath.get(path)?.winner
  }

  /** The records that count, one for each path, in no order. */
  winners(): readonly CatalogueRecord[] {
    return Array.from(this.#recordsByPath.values(), ({ winner }) => winner)
  }

  /** The record of a path with this hash. */
  record(path: string, hash: string): CatalogueRecord | undefined {
    return this.#recordsByPath.get(path)?.all.find((record) => record.hash === hash)
  }

  /** All records of a path, older generations first. */
  records(path: string): readonly CatalogueRecord[] {
    const { all } = this.#recordsByPath.get(path) ?? { all: [] }
    return all.toSorted((a, b) => a.generation - b.generation)
  }

  /** The winning records under `prefix` that are live, ordered by path. */
  list(prefix: string): readonly CatalogueRecord[] {
    return this.winners()
      .filter(({ path, state }) => state === 'live' && isUnder(path, prefix))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Tells whether the document lies under a path now. */
  isLive(documentId: string): boolean {
    return this.pathsOf(documentId).some((path) => this.#isLiveAt(documentId, path))
  }

  /** The records that count for a path and its past, newest first. */
  chain(path: string): readonly CatalogueRecord[] {
    const chain: CatalogueRecord[] = []
    let record = this.winner(path)
    while (record) {
      chain.push(record)
      record = record.predecessor === undefined ? undefined : this.record(path, record.predecessor)
    }
    return chain
  }

  /** All paths that ever had a record, in UTF-16 code units' order. */
  paths(): readonly string[] {
    return [...this.#recordsByPath.keys()].toSorted()
  }

  /** How many paths ever had a record. */
  get pathCount(): number {
    return this.#recordsByPath.size
  }

  /** Tells whether any record names the document. */
  knows(documentId: string): boolean {
    return this.#pathsByDocument.has(documentId)
  }

  /** Every path that ever named the document. */
  pathsOf(documentId: string): readonly string[] {
    const paths = this.#pathsByDocument.get(documentId)
    if (paths === undefined) return []
    return paths instanceof Set ? [...paths] : [paths]
  }

  /** The path under which the document lies now, and any former one when it lies under none. */
  pathOf(documentId: string): string | undefined {
    const paths = this.pathsOf(documentId).toSorted()
    return paths.find((path) => this.#isLiveAt(documentId, path)) ?? paths[0]
  }

  /** The path under which a document lies now; `undefined` when it lies under none. */
  livePathOf(documentId: string): string | undefined {
    const path = this.pathOf(documentId)
    return path !== undefined && this.#isLiveAt(documentId, path) ? path : undefined
  }

  #isLiveAt(documentId: string, path: string): boolean {
    const winner = this.winner(path)
    return winner?.documentId === documentId && winner.state === 'live'
  }

  /**
   * The paths whose rules hold for a document. Its home, the path from which its id
   * derives, always; another path only when the author who put it there could have
   * taken it away from home, or any author could open a document to herself by
   * giving it a second name. A foreign id has no home: there every path counts.
   */
  governingPaths(
    documentId: string,
    database: string,
    mayMove: (author: string, from: string) => boolean,
  ): readonly string[] {
    const placements = this.pathsOf(documentId).flatMap((path) =>
      this.records(path).filter((record) => record.documentId === documentId),
    )
    const homes = new Set(placements.filter((record) => isHome(record, database)).map(pathOf))
    if (homes.size === 0) return [...new Set(placements.map(pathOf))]
    const moved = placements.filter(
      ({ path, author }) => !homes.has(path) && [...homes].some((home) => mayMove(author, home)),
    )
    return [...homes, ...new Set(moved.map(pathOf))]
  }
}

function pathOf({ path }: CatalogueRecord): string {
  return path
}

function isHome(record: CatalogueRecord, database: string): boolean {
  const { predecessor, path, documentId } = record
  return (
    documentId === firstDocumentId(database, path) ||
    (predecessor !== undefined && documentId === nextDocumentId(predecessor)) ||
    // Whether it really is one was looked at when the record came.
    isSuccession(record)
  )
}

/** Tells whether a record goes on with its predecessor's document under another id, without its history. */
export function isSuccession({ state, covered }: CatalogueRecord): boolean {
  return state === 'live' && covered !== undefined
}

function assertSuccession(record: CatalogueRecord, { documentId }: CatalogueRecord): void {
  if (!isSuccession(record)) return
  if (record.documentId === successorDocumentId(documentId, record.covered ?? [])) return
  throw new SyncError('ERR_SYNC_PROTOCOL', 'a successor has another id than its document gives it')
}

function isBetter(a: CatalogueRecord, b: CatalogueRecord): boolean {
  if (a.generation !== b.generation) return a.generation > b.generation
  return a.hash < b.hash || (a.hash === b.hash && a.author < b.author)
}
