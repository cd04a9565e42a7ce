import { createByteReader, createByteWriter } from '@vudo/wire'
import type { ByteReader } from '@vudo/wire'
import {
  leafOfProof,
  readUnsignedProof,
  writeUnsignedProof,
  type ActorProof,
  type UnsignedProof,
} from './authorship.ts'
import { readJointSignatures, writeJointSignatures } from './joint-signatures.ts'
import { MAX_BUNDLED_DOCUMENT_BYTES, MAX_BUNDLED_PROOFS, MAX_PAGE_ENTRIES } from './limits.ts'
import type { AnnouncedDocument } from './peer-state.ts'
import { isTreeSigned } from './tree-signature.ts'

/* Many saved documents in one message; see docs/wire-formats/sync.md, "Whole documents". */

/** The page that a message answers. */
export interface AnsweredPage {
  readonly database: string
  /** What the page announced; `undefined` where a record stands. */
  readonly entries: readonly (AnnouncedDocument | undefined)[]
}

/** A document of a page, as it is stored. */
export interface WholeDocument<Proof extends UnsignedProof = ActorProof> {
  readonly entry: AnnouncedDocument
  readonly proofs: readonly Proof[]
  /** As Automerge saves it. */
  readonly saved: Uint8Array
}

/** Writes documents of a page. */
export function encodeDocuments(
  entries: AnsweredPage['entries'],
  documents: readonly WholeDocument[],
): Uint8Array {
  const writer = createByteWriter().varint(documents.length)
  for (const { entry, proofs, saved } of documents) {
    writer.varint(entries.indexOf(entry)).varint(proofs.length)
    for (const proof of proofs) writeUnsignedProof(writer, proof)
    writer.prefixed(saved)
  }
  const signatures = documents.flatMap(({ proofs }) => proofs.map(({ signature }) => signature))
  writeJointSignatures(writer, signatures)
  return writer.finish()
}

/** A document that has come. */
export interface SentDocument extends WholeDocument {
  /** Tells whether those of its proofs are right that were signed together with others. Only who wants the document asks: a signature costs much. */
  readonly isSignedTogether: () => boolean
}

/**
 * Reads documents of a page. Nothing in them is checked yet.
 * They share the memory of `bytes`.
 *
 * @throws `WireError` `ERR_DECODE`.
 */
export function decodeDocuments(page: AnsweredPage, bytes: Uint8Array): SentDocument[] {
  const reader = createByteReader(bytes)
  const documents: WholeDocument<UnsignedProof>[] = []
  // Grows with what is really there: a count alone reserves nothing.
  for (let left = reader.varint(MAX_PAGE_ENTRIES); left > 0; left--) {
    documents.push(readDocument(reader, page))
  }
  const signed = readJointSignatures(reader, statementsOf(page.database, documents))
  reader.end()
  let next = 0
  return documents.map((document) => {
    const own = signed.slice(next, (next += document.proofs.length))
    const proofs = own.map(({ proof, signature }) => ({ ...proof, signature }))
    const isSignedTogether = (): boolean => {
      return own.every(({ proof, signature, root }) => {
        return signature.leaves === 1 || isTreeSigned(proof.author, root, signature)
      })
    }
    return { ...document, proofs, isSignedTogether }
  })
}

function readDocument(reader: ByteReader, { entries }: AnsweredPage): WholeDocument<UnsignedProof> {
  const entry = entries[reader.varint(MAX_PAGE_ENTRIES - 1)] ?? malformed(reader)
  const proofs: UnsignedProof[] = []
  for (let left = reader.varint(MAX_BUNDLED_PROOFS); left > 0; left--) {
    proofs.push(readUnsignedProof(reader))
  }
  return { entry, proofs, saved: reader.prefixed(MAX_BUNDLED_DOCUMENT_BYTES) }
}

/** The proofs of all documents, and what their authors sign. */
function statementsOf(
  database: string,
  documents: readonly WholeDocument<UnsignedProof>[],
): { readonly proof: UnsignedProof; readonly leaf: Uint8Array }[] {
  return documents.flatMap(({ entry: { id: documentId }, proofs }) => {
    return proofs.map((proof) => ({ proof, leaf: leafOfProof(proof, { database, documentId }) }))
  })
}

/** Reads more than there is: the reader's own error for what is none. */
function malformed(reader: ByteReader): never {
  reader.bytes(reader.remaining + 1)
  throw new Error('unreachable')
}
