import { hexToBytes } from '@vudo/wire'
import { leafOfProof, type ActorProof } from './authorship.ts'
import { encodeRecord, type CatalogueRecord } from './catalogue-record.ts'
import { MAX_SIGNED_ALONE, SIGNED_TOGETHER } from './limits.ts'
import { putProof } from './stored-puts.ts'
import type { Replica } from './replica.ts'
import { encodeStoredRecord, recordKey } from './stored-keys.ts'
import { signTree, type TreeSignature } from './tree-signature.ts'

/**
 * What this device's author has signed alone in this run, to be signed once more, together, when
 * there is enough of it. The new signatures take the place of those that are stored.
 *
 * That is done only while nothing else waits to be written or is being written: then all of it
 * is durable, none of it is older than what is stored, and the write begins before anything else
 * can. A crash leaves the old signatures or the new ones; each of them proves the same.
 */
export class SignedAlone {
  readonly #replica: Replica
  readonly #recordByHash = new Map<string, CatalogueRecord>()
  /** The newest of each actor in each document. */
  readonly #proofByKey = new Map<string, DocumentProof>()

  constructor(replica: Replica) {
    this.#replica = replica
  }

  /** A record of anybody is to be written. */
  addRecord(record: CatalogueRecord): void {
    if (this.#isOwn(record)) remember(this.#recordByHash, record.hash, record)
  }

  /** Proofs of anybody are to be written. */
  addProofs(documentId: string, proofs: readonly ActorProof[]): void {
    for (const proof of proofs) {
      const key = documentId + proof.actor
      this.#proofByKey.delete(key)
      if (this.#isOwn(proof)) remember(this.#proofByKey, key, { documentId, proof })
    }
  }

  #isOwn({ author, signature }: CatalogueRecord | ActorProof): boolean {
    return author === this.#replica.init.author.authorId && signature.leaves === 1
  }

  /** Nothing of the document is stored any more. */
  forgetDocument(id: string): void {
    for (const [key, { documentId }] of this.#proofByKey) {
      if (documentId === id) this.#proofByKey.delete(key)
    }
  }

  /** Signs what there is together: records, and proofs, if there are so many of them. */
  signTogether(atLeast: number): void {
    const replica = this.#replica
    if (replica.hasUnwritten) return
    const { author, database } = replica.init
    for (const records of takeGroups(this.#recordByHash, atLeast)) {
      const statements = records.map((record) => ({ record, leaf: hexToBytes(record.hash) }))
      for (const { record, signature } of signTree(author, statements)) {
        this.#replaceRecord(record, signature)
      }
    }
    for (const proofs of takeGroups(this.#proofByKey, atLeast)) {
      const statements = proofs.map(({ documentId, proof }) => {
        return { documentId, proof, leaf: leafOfProof(proof, { database, documentId }) }
      })
      for (const { documentId, proof, signature } of signTree(author, statements)) {
        replica.write(putProof(documentId, { ...proof, signature }))
      }
    }
    replica.urgeWrites()
  }

  /** Under its old arrival number: it is no news. */
  #replaceRecord(former: CatalogueRecord, signature: TreeSignature): void {
    const { recordsByHash, arrivals, catalogue } = this.#replica
    const arrival = arrivals.get(`r${former.hash}`)
    // Another author may stand for it now.
    if (recordsByHash.get(former.hash) !== former || arrival === undefined) return
    const record = { ...former, signature }
    recordsByHash.set(record.hash, record)
    catalogue.replace(record)
    const value = encodeStoredRecord(arrival, encodeRecord(record))
    this.#replica.write({ type: 'put', key: recordKey(record.hash), value })
  }
}

interface DocumentProof {
  readonly documentId: string
  readonly proof: ActorProof
}

/** What stays signed alone is right all the same. */
function remember<Value>(values: Map<string, Value>, key: string, value: Value): void {
  values.set(key, value)
  const [oldest] = values.keys()
  if (values.size > MAX_SIGNED_ALONE && oldest !== undefined) values.delete(oldest)
}

/** Takes out what is signed together, in the order in which it came. */
function takeGroups<Value>(values: Map<string, Value>, atLeast: number): Value[][] {
  const groups: Value[][] = []
  while (values.size >= Math.max(1, atLeast)) {
    const group = [...values].slice(0, SIGNED_TOGETHER)
    for (const [key] of group) values.delete(key)
    groups.push(group.map(([, value]) => value))
  }
  return groups
}
