import * as Automerge from '@automerge/automerge'
import type { Asking } from './asking.ts'
import { applyBatch, vettingPieces, type BatchOutcome } from './apply-batch.ts'
import { overBudget } from './batch-receiver.ts'
import type { ChangeBatch } from './batch-wire.ts'
import { decodeCatalogueRecord, encodeRecord, type CatalogueRecord } from './catalogue-record.ts'
import { isWireError } from '@vudo/wire'
import type { DocumentState } from './document-state.ts'
import { isSyncError, SyncError } from './errors.ts'
import { isUnder } from './paths.ts'
import type { Replica } from './replica.ts'
import {
  decodeSpaceFile,
  encodeSpaceFile,
  type SavedDocument,
  type SpaceFile,
} from './space-file.ts'
import type { ImportReport } from './sync-types.ts'
import { documentIdToUrl } from './document-id.ts'

/* Parts of a database go out as a file, and come in as if a peer had brought them. */

/** The records under a prefix, each after its predecessor. */
function recordsUnder(replica: Replica, prefix: string): readonly CatalogueRecord[] {
  return replica.catalogue
    .winners()
    .filter(({ path }) => isUnder(path, prefix))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .flatMap(({ path }) => replica.catalogue.records(path))
}

/** The documents of records of which anything is here. */
function documentsOf(replica: Replica, records: readonly CatalogueRecord[]): string[] {
  const ids = [...new Set(records.map(({ documentId }) => documentId))]
  return ids.filter((id) => (replica.knownDocument(id)?.heads.length ?? 0) > 0)
}

/** Opens a document, and gives it as it goes into a file. */
function saveDocument(replica: Replica, id: string, task: (saved: SavedDocument) => void): void {
  const state = replica.document(id)
  replica.withDocument(state, () => {
    const actors = Automerge.getChangesMetaSince(state.open, []).map(({ actor }) => actor)
    const proofs = state.proofsOf(actors)
    task({ id, heads: state.heads, proofs, bytes: Automerge.save(state.open) })
  })
}

/** Takes the records of a file; what the policy does not allow is left out. @throws `SyncError` `ERR_SPACE_FILE_INVALID`, `ERR_SYNC_LIMIT`, `ERR_STORAGE_FULL`. */
function takeRecords(replica: Replica, { database, records }: SpaceFile): number {
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

interface TakingAnswers {
  readonly onTaken: (isNew: boolean) => void
  readonly onRefused: (error: unknown) => void
}

interface VettedAnswers extends TakingAnswers {
  /** The vetting thread has opened it, and it took what it may take. */
  readonly isVetted: boolean
}

/** Takes a document of a file, vetted and proven as one of a peer. Told whether it brought anything. */
function takeDocument(replica: Replica, saved: SavedDocument, answers: TakingAnswers): void {
  const { id, heads } = saved
  if (!replica.catalogue.knows(id) || replica.retired.isGone({ id, heads })) {
    return answers.onTaken(false)
  }
  applySaved(replica, saved, { ...answers, isVetted: false })
}

function applySaved(replica: Replica, saved: SavedDocument, answers: VettedAnswers): void {
  const { id, heads, proofs, bytes: payload } = saved
  const state = replica.document(id)
  const batch = { isAnswer: true, isSaved: true, isDeflated: false, heads, proofs, payload }
  replica.withDocument(state, () => {
    try {
      const outcome = applyBatch(state, batch, {
        database: replica.init.database,
        mayWrite: (author) => replica.mayWith(author, 'write', id),
        isVetted: answers.isVetted,
      })
      settleOutcome(replica, { saved, state, batch, answers }, outcome)
    } catch (error) {
      answers.onRefused(error)
    }
  })
}

interface Taken {
  readonly saved: SavedDocument
  readonly state: DocumentState
  readonly batch: ChangeBatch
  readonly answers: VettedAnswers
}

function settleOutcome(replica: Replica, taken: Taken, outcome: BatchOutcome): void {
  const { saved, state, batch, answers } = taken
  switch (outcome) {
    case 'applied':
      replica.changed(state, 'local')
      return answers.onTaken(true)
    case 'nothing-new':
      return answers.onTaken(false)
    case 'costly':
      return replica.vet(vettingPieces(state, batch), (refusal) => {
        if (refusal !== undefined) answers.onRefused(overBudget(refusal))
        else applySaved(replica, saved, { ...answers, isVetted: true })
      })
    case 'too-large':
      return answers.onRefused(overBudget('together with what is here it would be too large'))
    case 'gap':
      return answers.onRefused(
        new SyncError('ERR_SPACE_FILE_INVALID', 'a document of the file lacks its past'),
      )
    default:
      return outcome satisfies never
  }
}

/** Writes everything under a prefix into a file. */
export async function exportSpace(
  asking: Asking,
  database: string,
  prefix: string,
): Promise<Uint8Array> {
  const records = asking.call((replica) => recordsUnder(replica, prefix))
  const documents: SavedDocument[] = []
  for (const id of asking.call((replica) => documentsOf(replica, records))) {
    documents.push(
      await asking.answered<SavedDocument>((replica, resolve) =>
        saveDocument(replica, id, resolve),
      ),
    )
  }
  const encoded = records.map((record) => encodeRecord(record))
  return encodeSpaceFile({ database, records: encoded, documents })
}

/** Takes what a file holds. It is in memory then, and durable with the next write. */
export async function importSpace(asking: Asking, bytes: Uint8Array): Promise<ImportReport> {
  const file = decodeSpaceFile(bytes)
  const records = asking.call((replica) => takeRecords(replica, file))
  const refused: { documentId: string; reason: string }[] = []
  let changed = 0
  for (const saved of file.documents) {
    const outcome = await asking.answered<boolean | Error>((replica, resolve, reject) => {
      const onRefused = (error: unknown): void =>
        isSyncError(error) ? resolve(error) : reject(error)
      takeDocument(replica, saved, { onTaken: resolve, onRefused })
    })
    if (outcome === true) changed += 1
    else if (outcome) {
      refused.push({ documentId: documentIdToUrl(saved.id), reason: outcome.message })
    }
  }
  return { records, changed, refused }
}
