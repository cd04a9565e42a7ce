import { sha256, verifySignature, type AuthorKey } from '@vudo/identity'
import type { PeerId } from '@vudo/transport'
import {
  bytesToHex,
  concatBytes,
  createByteReader,
  createByteWriter,
  hexToBytes,
  type ByteReader,
  type ByteWriter,
} from '@vudo/wire'
import { DOCUMENT_ID_BYTES } from './document-id.ts'
import {
  isSigned,
  leafOf,
  readTreeSignature,
  signLeaf,
  writeTreeSignature,
  type TreeSignature,
} from './tree-signature.ts'

/** The tag of what authors say of their changes. */
export const CHANGE_TAG = 'vudo/author-change/1'

/** The tag of what authors say of changes that another program made, and that they admit. */
export const ADMIT_TAG = 'vudo/author-admit/1'

/** The domain of signatures with which an author names its nodes. */
export const NODE_TAG = 'vudo/author-node/1'

/** Bytes of an actor id, and of the nonce from which it derives. */
export const ACTOR_BYTES = 16

const HASH_BYTES = 32
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const utf8 = new TextEncoder()
const actorTag = utf8.encode('vudo/actor/1\0')
const imageTag = utf8.encode('vudo/image/1\0')

/**
 * Says who made the newest change of an actor, and with it all earlier ones of that
 * actor, which the change's hash covers. Travels with the changes and is stored, so
 * that whoever forwards them cannot put a stranger's work under another name.
 */
export interface ActorProof {
  /** 32 characters of hex. */
  readonly actor: string
  /** The author's public key as hex. */
  readonly author: string
  /** 16 bytes from which the actor derives; `undefined` for a change of an initial value, whose actor derives from that value. */
  readonly nonce: Uint8Array | undefined
  /** The changes are images of those of an earlier epoch (docs/wire-formats/authorship.md): `nonce` is the actor there, and the author is whoever made the images. */
  readonly isImage?: boolean | undefined
  /** True when the author did not make the changes and answers for them: those of programs that sign nothing. Without a nonce. */
  readonly isAdmitted?: true | undefined
  /** The newest change's hash, as hex. */
  readonly hash: string
  readonly signature: TreeSignature
}

/** A proof of which it is not known yet what proves it. */
export type UnsignedProof = Omit<ActorProof, 'signature'>

/** Whose an actor is, and how that is known. */
export type ActorOrigin = Pick<ActorProof, 'author' | 'nonce' | 'isImage' | 'isAdmitted'>

/** What of a proof is not told by the changes that come with it. */
export interface LeanProof {
  /** Left out when the receiver has it of earlier changes of the actor. */
  readonly by?: ActorOrigin | undefined
  readonly signature: TreeSignature
}

/** An author's word that a node acts for it, for a time. */
export interface NodeCertificate {
  readonly author: string
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number
  readonly signature: Uint8Array
}

/** The actor id of an author in a document, for one run of a program. Hex. */
export function deriveActor(author: string, documentId: string, nonce: Uint8Array): string {
  const input = concatBytes(actorTag, hexToBytes(author), hexToBytes(documentId), nonce)
  return bytesToHex(sha256(input).subarray(0, ACTOR_BYTES))
}

/** The actor of the images, in a document, of what another actor (hex) did in an earlier epoch: the same whoever makes them. Hex. */
export function deriveImageActor(documentId: string, actor: Uint8Array): string {
  const input = concatBytes(imageTag, hexToBytes(documentId), actor)
  return bytesToHex(sha256(input).subarray(0, ACTOR_BYTES))
}

/** The actor that a proof with a nonce can speak for. Hex. */
export function actorOf(
  { author, nonce, isImage }: Pick<ActorProof, 'author' | 'isImage'> & { nonce: Uint8Array },
  documentId: string,
): string {
  return isImage ? deriveImageActor(documentId, nonce) : deriveActor(author, documentId, nonce)
}

/**
 * The nonce of this run, in all documents: an actor derives from its document as well. The
 * run's id is random and new at each start, so an actor is never used again after a crash
 * that lost its last changes.
 *
 * @param life - How often the document has gone from this device in this run, and with it the
 *   numbers that the actor has used.
 */
export function deriveNonce(runId: Uint8Array, life = 0): Uint8Array {
  const writer = createByteWriter()
  writer.bytes(utf8.encode('vudo/nonce/1\0'))
  writer.bytes(runId)
  if (life > 0) writer.varint(life)
  return sha256(writer.finish()).slice(0, ACTOR_BYTES)
}

/** What a proof stands for. */
export interface ProvenChange {
  readonly database: string
  readonly documentId: string
  readonly actor: string
  readonly hash: string
}

/** Signs the newest change of an actor. */
export function signProof(
  { database, documentId, actor, hash }: ProvenChange,
  author: AuthorKey,
  nonce: Uint8Array | undefined,
): ActorProof {
  const proof = { actor, author: author.authorId, nonce, hash }
  return signAlone(proof, { database, documentId }, author)
}

/** Answers for the changes of an actor that is nobody's here, up to the one named. */
export function signAdmission(
  { database, documentId, actor, hash }: ProvenChange,
  author: AuthorKey,
): ActorProof {
  const { authorId } = author
  const proof = { actor, author: authorId, nonce: undefined, isAdmitted: true, hash } as const
  return signAlone(proof, { database, documentId }, author)
}

function signAlone(proof: UnsignedProof, document: ProvenDocument, author: AuthorKey): ActorProof {
  return { ...proof, signature: signLeaf(author, leafOfProof(proof, document)) }
}

/** Tells whether a proof is signed by its author, and the actor the author's own. The actor of an initial value is checked by who has the change. */
export function isProven(proof: ActorProof, database: string, documentId: string): boolean {
  const { author, nonce, isImage, actor } = proof
  if (nonce && actorOf({ author, nonce, isImage }, documentId) !== actor) return false
  return isSignedByAuthor(proof, { database, documentId })
}

/** As {@link isProven}, of an actor that is known to be the author's own. */
export function isSignedByAuthor(proof: ActorProof, document: ProvenDocument): boolean {
  return isSigned(proof.author, leafOfProof(proof, document), proof.signature)
}

/** Where the changes of a proof are. */
export type ProvenDocument = Pick<ProvenChange, 'database' | 'documentId'>

/** What the author of a proof signs. */
export function leafOfProof(proof: UnsignedProof, document: ProvenDocument): Uint8Array {
  const { author, actor, hash, isAdmitted } = proof
  const message = changeMessage({ ...document, actor, hash }, author)
  return leafOf(isAdmitted ? ADMIT_TAG : CHANGE_TAG, message)
}

function changeMessage(
  { database, documentId, actor, hash }: ProvenChange,
  author: string,
): Uint8Array {
  return createByteWriter()
    .text(database)
    .bytes(hexToBytes(documentId))
    .bytes(hexToBytes(author))
    .bytes(hexToBytes(actor))
    .bytes(hexToBytes(hash))
    .finish()
}

const proofKinds = { own: 0, initial: 1, image: 2, admitted: 3, known: 4 } as const

function kindOf({ nonce, isImage, isAdmitted }: ActorOrigin): number {
  if (nonce) return isImage ? proofKinds.image : proofKinds.own
  return isAdmitted ? proofKinds.admitted : proofKinds.initial
}

/** Writes a proof with its signature: 146 or 162 bytes when it was signed alone. */
export function writeProof(writer: ByteWriter, proof: ActorProof): void {
  writeUnsignedProof(writer, proof)
  writeTreeSignature(writer, proof.signature)
}

/** Writes a proof whose signature is written elsewhere: 81 or 97 bytes. */
export function writeUnsignedProof(writer: ByteWriter, proof: UnsignedProof): void {
  writer.u8(kindOf(proof)).bytes(hexToBytes(proof.actor)).bytes(hexToBytes(proof.author))
  if (proof.nonce) writer.bytes(proof.nonce)
  writer.bytes(hexToBytes(proof.hash))
}

/** A proof as it is stored. */
export function encodeProof(proof: ActorProof): Uint8Array {
  const writer = createByteWriter()
  writeProof(writer, proof)
  return writer.finish()
}

/** Reads a proof; nothing in it is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readProof(reader: ByteReader): ActorProof {
  return { ...readUnsignedProof(reader), signature: readTreeSignature(reader) }
}

/** Reads what {@link writeUnsignedProof} writes. @throws `WireError` `ERR_DECODE`. */
export function readUnsignedProof(reader: ByteReader): UnsignedProof {
  const kind = reader.u8()
  // More than there is: the reader's own error for bytes that are no proof.
  if (kind > proofKinds.admitted) reader.bytes(reader.remaining + 1)
  const actor = bytesToHex(reader.bytes(ACTOR_BYTES))
  const author = bytesToHex(reader.bytes(KEY_BYTES))
  const origin = originOf(kind, author, readNonce(reader, kind))
  return { ...origin, actor, hash: bytesToHex(reader.bytes(HASH_BYTES)) }
}

function readNonce(reader: ByteReader, kind: number): Uint8Array | undefined {
  const hasNonce = kind === proofKinds.own || kind === proofKinds.image
  return hasNonce ? reader.bytes(ACTOR_BYTES).slice() : undefined
}

function originOf(kind: number, author: string, nonce: Uint8Array | undefined): ActorOrigin {
  if (kind === proofKinds.image) return { author, nonce, isImage: true }
  return kind === proofKinds.admitted ? { author, nonce, isAdmitted: true } : { author, nonce }
}

/** Writes a lean proof: 66, 98 or 114 bytes when it was signed alone. */
export function writeLeanProof(writer: ByteWriter, { by, signature }: LeanProof): void {
  writer.u8(by ? kindOf(by) : proofKinds.known)
  if (by) writer.bytes(hexToBytes(by.author))
  if (by?.nonce) writer.bytes(by.nonce)
  writeTreeSignature(writer, signature)
}

/** Reads a lean proof; nothing in it is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readLeanProof(reader: ByteReader): LeanProof {
  const kind = reader.u8()
  if (kind > proofKinds.known) reader.bytes(reader.remaining + 1)
  if (kind === proofKinds.known) return { signature: readTreeSignature(reader) }
  const author = bytesToHex(reader.bytes(KEY_BYTES))
  const by = originOf(kind, author, readNonce(reader, kind))
  return { by, signature: readTreeSignature(reader) }
}

/** Lets a node act for an author until `expiresAtMs`. */
export function signCertificate(
  node: { readonly database: string; readonly peerId: PeerId; readonly expiresAtMs: number },
  author: AuthorKey,
): NodeCertificate {
  const signature = author.sign(NODE_TAG, certificateMessage(node, author.authorId))
  return { author: author.authorId, expiresAtMs: node.expiresAtMs, signature }
}

/** Tells whether a certificate was signed by the author it names, for this node, and is still good. */
export function isCertified(
  certificate: NodeCertificate,
  node: { readonly database: string; readonly peerId: PeerId; readonly nowMs: number },
): boolean {
  const { author, expiresAtMs, signature } = certificate
  if (expiresAtMs <= node.nowMs) return false
  const message = certificateMessage({ ...node, expiresAtMs }, author)
  return verifySignature(author, NODE_TAG, message, signature)
}

function certificateMessage(
  node: { readonly database: string; readonly peerId: PeerId; readonly expiresAtMs: number },
  author: string,
): Uint8Array {
  return createByteWriter()
    .text(node.database)
    .bytes(hexToBytes(node.peerId))
    .bytes(hexToBytes(author))
    .varint(node.expiresAtMs)
    .finish()
}

/** Writes a certificate. */
export function writeCertificate(writer: ByteWriter, certificate: NodeCertificate): void {
  writer
    .bytes(hexToBytes(certificate.author))
    .varint(certificate.expiresAtMs)
    .bytes(certificate.signature)
}

/** Reads a certificate; nothing in it is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readCertificate(reader: ByteReader): NodeCertificate {
  const author = bytesToHex(reader.bytes(KEY_BYTES))
  const expiresAtMs = reader.varint()
  return { author, expiresAtMs, signature: reader.bytes(SIGNATURE_BYTES).slice() }
}

/** Bytes of a document id, read as hex. */
export function readDocumentId(reader: ByteReader): string {
  return bytesToHex(reader.bytes(DOCUMENT_ID_BYTES))
}

/** The proof in these bytes of our own store; none when they are damaged: that proves nothing. */
export function readStoredProof(bytes: Uint8Array): ActorProof[] {
  try {
    return [readProof(createByteReader(bytes))]
  } catch {
    return []
  }
}
