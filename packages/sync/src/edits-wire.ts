import { createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import type { ByteReader, ByteWriter } from '@vudo/wire'
import { readDocumentId, readProof, writeProof, type ActorProof } from './authorship.ts'
import { MAX_ACTORS } from './limits.ts'
import type { ChangeBatch } from './batch-wire.ts'
import type { SyncMessage } from './wire.ts'

/* The messages of live edits; see docs/wire-formats/sync.md, "Live edits". */

type Edits = SyncMessage & { type: 'edits' }
type Progress = SyncMessage & { type: 'progress' }

/** Writes what follows the kind. */
export function writeEdits(writer: ByteWriter, { id, isUrgent, bytes }: Edits): void {
  writer
    .bytes(hexToBytes(id))
    .u8(isUrgent ? 1 : 0)
    .bytes(bytes)
}

/** Reads what follows the kind; `bytes` shares its memory. @throws `WireError` `ERR_DECODE`. */
export function readEdits(reader: ByteReader): Edits {
  const id = readDocumentId(reader)
  const isUrgent = reader.u8() === 1
  return { type: 'edits', id, isUrgent, bytes: reader.rest() }
}

/** Writes what follows the kind. */
export function writeProgress(writer: ByteWriter, { received, stored, saved }: Progress): void {
  writer.varint(received).varint(stored).varint(saved)
}

/** Reads what follows the kind. @throws `WireError` `ERR_DECODE`. */
export function readProgress(reader: ByteReader): Progress {
  const [received, stored] = [reader.varint(), reader.varint()]
  return { type: 'progress', received, stored, saved: reader.varint() }
}

const flags = { deflated: 1, saved: 2 } as const

/** Writes the content of a message of live edits. */
export function encodeEdits({
  isDeflated,
  isSaved = false,
  proofs,
  payload,
}: Pick<ChangeBatch, 'isDeflated' | 'proofs' | 'payload'> & {
  readonly isSaved?: boolean | undefined
}): Uint8Array {
  const writer = createByteWriter(payload.length + 256)
  const kind = (isDeflated ? flags.deflated : 0) + (isSaved ? flags.saved : 0)
  writer.u8(kind).varint(proofs.length)
  for (const proof of proofs) writeProof(writer, proof)
  return writer.bytes(payload).finish()
}

/** Reads the content of a message of live edits; `payload` shares its memory. @throws `WireError` `ERR_DECODE`. */
export function decodeEdits(bytes: Uint8Array): ChangeBatch {
  const reader = createByteReader(bytes)
  const kind = reader.u8()
  // More than there is: the reader's own error for what is none.
  if (kind > flags.saved) reader.bytes(reader.remaining + 1)
  const count = reader.varint(MAX_ACTORS)
  const proofs: ActorProof[] = []
  for (let index = 0; index < count; index++) proofs.push(readProof(reader))
  const [isDeflated, isSaved] = [kind === flags.deflated, kind === flags.saved]
  return { isAnswer: false, isSaved, isDeflated, heads: [], proofs, payload: reader.rest() }
}
