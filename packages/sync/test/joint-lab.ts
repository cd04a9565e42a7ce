import { createByteReader, createByteWriter } from '@vudo/wire'
import { readJointSignatures, writeJointSignatures } from '../src/joint-signatures.ts'
import type { SignedStatement } from '../src/tree-signature.ts'

/** The signatures that statements share, as one text of bytes. */
export function encodeJoint(statements: readonly SignedStatement[]): Uint8Array {
  const writer = createByteWriter()
  writeJointSignatures(
    writer,
    statements.map(({ signature }) => signature),
  )
  return writer.finish()
}

/** The statements again, each with its signature. */
export function decodeJoint(
  bytes: Uint8Array,
  statements: readonly { readonly leaf: Uint8Array }[],
): SignedStatement[] {
  const reader = createByteReader(bytes)
  const leaves = statements.map(({ leaf }) => ({ leaf }))
  const signed = readJointSignatures(reader, leaves)
  reader.end()
  return signed
}
