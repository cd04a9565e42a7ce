import * as Automerge from '@automerge/automerge'
import { applyBatch } from './apply-batch.ts'
import { decodeCatalogueRecord, encodeRecord, type CatalogueRecord } from './catalogue-record.ts'
import { isWireError } from '@vudo/wire'
import { isSyncError, SyncError } from './errors.ts'
import { isUnder } from './paths.ts'
import type { Replica } from './replica.ts'
import type { SavedDocument, SpaceFile } from './space-file.ts'

/* Parts of a database go out as a file, and come in as if a peer had brought them. */

/** The records under a prefix, each after its predecessor. */
export function recordsUnder(replica: Replica, prefix: string): readonly CatalogueRecord[] {
  return replica.catalogue
    .winners()
    .filter(({ path }) => isUnder(path, prefix))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap(({ path }) => replica.catalogue.records(path))
}

/** Encodes records for a file. */
export function recordBytes(records: readonly CatalogueRecord[]): Uint8Array[] {
  return records.map((record) => encodeRecord(record))
}

/** The documents of records of which anything is here. */
export function documentsOf(replica: Replica, records: readonly CatalogueRecord[]): string[] {
  const ids = [...new Set(records.map(({ documentId }) => documentId))]
  return ids.filter((id) => (replica.knownDocument(id)?.heads.length ?? 0) > 0)
}

/** Opens a document, and gives it as it goes into a file. */
export function saveDocument(
  replica: Replica,
  id: string,
  task: (saved: SavedDocument) => void,
): void {
  const state = replica.document(id)
  replica.withDocument(state, () => {
    const actors = Automerge.getChangesMetaSince(state.open, []).map(({ actor }) => actor)
    const proofs = state.proofsOf(actors)
    task({ id, heads: state.heads, proofs, bytes: Automerge.save(state.open) })
  })
}

/** Takes the records of a file; what the policy does not allow is left out. @throws `SyncError` `ERR_SPACE_FILE_INVALID`, `ERR_SYNC_LIMIT`, `ERR_STORAGE_FULL`. */
export function takeRecords(replica: Replica, { database, records }: SpaceFile): number {
  replica.assertWorking()
  replica.assertRoom()
  const { init } = replica
  if (database !== init.database) {
    const message = `the file is of database ${JSON.stringify(database.slice(0, 64))}`
    throw new SyncError('ERR_SPACE_FILE_INVALID', message, {
      hint: 'what was signed for one database counts in no other',
    })
  }
  // All are looked at before any is taken.
  const decoded = records.map((bytes) => decodeSigned(database, bytes))
  let taken = 0
  for (const record of decoded) {
    const needsDelete = record.state === 'deleted' || record.covered !== undefined
    if (!replica.may(record.author, needsDelete ? 'delete' : 'write', record.path)) continue
    replica.addRecord(record, 'local')
    taken += 1
  }
  return taken
}

function decodeSigned(database: string, bytes: Uint8Array): CatalogueRecord {
  try {
    return decodeCatalogueRecord(database, bytes)
  } catch (cause) {
    if (!isSyncError(cause) && !isWireError(cause)) throw cause
    const message = `the file holds a record that nobody has signed: ${cause.message}`
    throw new SyncError('ERR_SPACE_FILE_INVALID', message, { cause })
  }
}

/** Takes a document of a file, vetted and proven as one of a peer. Told whether it brought anything. */
export function takeDocument(
  replica: Replica,
  saved: SavedDocument,
  answers: {
    readonly onTaken: (isNew: boolean) => void
    readonly onRefused: (error: unknown) => void
  },
): void {
  const { id, heads, proofs, bytes } = saved
  if (!replica.catalogue.knows(id) || replica.retired.isGone({ id, heads })) {
    return answers.onTaken(false)
  }
  const state = replica.document(id)
  replica.withDocument(state, () => {
    try {
      const flags = { isAnswer: true, isSaved: true, isDeflated: false }
      const outcome = applyBatch(
        state,
        { ...flags, heads, proofs, payload: bytes },
        {
          database: replica.init.database,
          mayWrite: (author) => replica.mayWith(author, 'write', id),
        },
      )
      if (outcome === 'applied') replica.changed(state, 'local')
      answers.onTaken(outcome === 'applied')
    } catch (error) {
      answers.onRefused(error)
    }
  })
}
