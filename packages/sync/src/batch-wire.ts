import { createByteReader, createByteWriter } from '@vudo/wire'
import { readProof, writeProof, type ActorProof, type LeanProof } from './authorship.ts'
import { MAX_ACTORS, MAX_HEADS } from './limits.ts'
import { readHashes, refuse, writeHashes } from './wire-fields.ts'

/** Changes of a document with the proofs of their authors: the content of the parts. */
export interface ChangeBatch {
  /** Answers a `want`, and is not a live edit. */
  readonly isAnswer: boolean
  /** `payload` is a saved document, else single changes one after the other. */
  readonly isSaved: boolean
  /** `payload` is deflated (RFC 1951). */
  readonly isDeflated: boolean
  /** What the sender's heads are with these changes. */
  readonly heads: readonly string[]
  readonly proofs: readonly ActorProof[]
  /** In the place of {@link proofs}, only with single changes. */
  readonly leanProofs?: readonly LeanProof[] | undefined
  readonly payload: Uint8Array
  /** Tells whether those proofs are right that were signed together with others, when that can be told with less work than of each. */
  readonly isSignedTogether?: (() => boolean) | undefined
}

/** Writes the content of the parts. */
export function encodeBatch(batch: ChangeBatch): Uint8Array {
  const writer = createByteWriter(batch.payload.length + 512)
  const flags = (batch.isAnswer ? 1 : 0) + (batch.isSaved ? 2 : 0) + (batch.isDeflated ? 4 : 0)
  writer.u8(flags)
  writeHashes(writer, batch.heads)
  writer.varint(batch.proofs.length)
  for (const proof of batch.proofs) writeProof(writer, proof)
  return writer.bytes(batch.payload).finish()
}

/** Reads the content of the parts; `payload` shares its memory. @throws `WireError` `ERR_DECODE`. */
export function decodeBatch(bytes: Uint8Array): ChangeBatch {
  const reader = createByteReader(bytes)
  const flags = reader.u8()
  if (flags > 7) return refuse(reader)
  const heads = readHashes(reader, MAX_HEADS)
  const count = reader.varint(MAX_ACTORS)
  const proofs: ActorProof[] = []
  // Grows with what is really there: a count alone reserves nothing.
  for (let index = 0; index < count; index++) proofs.push(readProof(reader))
  const [isAnswer, isSaved, isDeflated] = [(flags & 1) > 0, (flags & 2) > 0, (flags & 4) > 0]
  return { isAnswer, isSaved, isDeflated, heads, proofs, payload: reader.rest() }
}
