import { createByteReader, createByteWriter, hexToBytes } from '@vudo/wire'
import type { ByteReader, ByteWriter } from '@vudo/wire'
import { readDocumentId, readProof, writeProof, type ActorProof } from './authorship.ts'
import { readLeanProofs, writeLeanProofs } from './lean-proofs.ts'
import { MAX_ACTORS, MAX_BROADCAST_BYTES } from './limits.ts'
import type { ChangeBatch } from './batch-wire.ts'
import type { SyncMessage } from './wire.ts'

/* The messages of live edits and of broadcasts; see docs/wire-formats/sync.md. */

type Edits = SyncMessage & { type: 'edits' }

type Progress = SyncMessage & { type: 'progress' }
type Broadcast = SyncMessage & { type: 'broadcast' }

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

/** Writes what follows the kind. */
export function writeBroadcast(writer: ByteWriter, { id, number, content }: Broadcast): void {
  writer.bytes(hexToBytes(id)).varint(number).bytes(content)
}

/** Reads what follows the kind; `content` shares its memory. `undefined` when it is too long. @throws `WireError` `ERR_DECODE`. */
export function readBroadcast(reader: ByteReader): Broadcast | undefined {
  const [id, number] = [readDocumentId(reader), reader.varint()]
  if (reader.remaining > MAX_BROADCAST_BYTES) return undefined
  return { type: 'broadcast', id, number, content: reader.rest() }
}

/** Deflated and lean go together; a saved document is deflated in itself. */
const flagBits = { deflated: 1, lean: 2, saved: 4 } as const

/** Writes the content of a message of live edits. */
export function encodeEdits({
  isDeflated,
  isSaved = false,
  proofs,
  leanProofs,
  payload,
}: Pick<ChangeBatch, 'isDeflated' | 'proofs' | 'leanProofs' | 'payload'> & {
  readonly isSaved?: boolean | undefined
}): Uint8Array {
  const writer = createByteWriter(payload.length + 256)
  const bits = [
    isDeflated && flagBits.deflated,
    leanProofs && flagBits.lean,
    isSaved && flagBits.saved,
  ]
  writer.u8(bits.reduce<number>((sum, bit) => sum + (bit || 0), 0))
  if (leanProofs) writeLeanProofs(writer, leanProofs)
  else {
    writer.varint(proofs.length)
    for (const proof of proofs) writeProof(writer, proof)
  }
  return writer.bytes(payload).finish()
}

/** Reads the content of a message of live edits; `payload` shares its memory. @throws `WireError` `ERR_DECODE`. */
export function decodeEdits(bytes: Uint8Array): ChangeBatch {
  const reader = createByteReader(bytes)
  const flags = reader.u8()
  // More than there is: the reader's own error for what is none.
  if (flags > flagBits.saved) reader.bytes(reader.remaining + 1)
  const isLean = (flags & flagBits.lean) > 0
  const leanProofs = isLean ? readLeanProofs(reader) : undefined
  const proofs = isLean ? [] : readProofs(reader)
  return {
    isAnswer: false,
    isSaved: flags === flagBits.saved,
    isDeflated: (flags & flagBits.deflated) > 0,
    heads: [],
    proofs,
    leanProofs,
    payload: reader.rest(),
  }
}

function readProofs(reader: ByteReader): ActorProof[] {
  const count = reader.varint(MAX_ACTORS)
  const proofs: ActorProof[] = []
  for (let index = 0; index < count; index++) proofs.push(readProof(reader))
  return proofs
}
