import { bytesToHex, concatBytes, type ByteReader, type ByteWriter } from '@vudo/wire'
import {
  foldTree,
  halvesOf,
  readNumber,
  readTree,
  writeNumber,
  writeTree,
  type SignedStatement,
  type Statement,
  type TreeLeaf,
  type TreeRange,
  type TreeSignature,
} from './tree-signature.ts'

/*
 * The signatures of all statements of one message, behind them: each tree once, and of its
 * nodes only those that do not follow from the statements. docs/wire-formats/authorship.md,
 * "Signatures".
 */

const HASH_BYTES = 32

/**
 * Writes the signatures of statements, in their order. Each statement is there once, and is
 * known to be true unless it was signed alone: in one tree a false one would spoil the ways of
 * the others.
 */
export function writeJointSignatures(
  writer: ByteWriter,
  signatures: readonly TreeSignature[],
): void {
  const trees = treesOf(signatures)
  const places = new Map(trees.flatMap((tree, place) => tree.map((one) => [one, place])))
  writer.varint(trees.length)
  for (const [first] of trees) if (first) writeTree(writer, first)
  for (const signature of signatures) {
    if (trees.length > 1) writer.varint(places.get(signature) ?? 0)
    writeNumber(writer, signature)
  }
  for (const [first, ...others] of trees) {
    if (first) writeNodes(writer, [first, ...others], { first: 0, size: first.leaves })
  }
}

function treesOf(signatures: readonly TreeSignature[]): TreeSignature[][] {
  const joint = signatures.filter(({ leaves }) => leaves > 1)
  const alone = signatures.filter(({ leaves }) => leaves === 1)
  const trees = Map.groupBy(joint, ({ signature }) => bytesToHex(signature))
  return [...trees.values(), ...alone.map((one) => [one])]
}

/** Writes the roots above the ranges without a statement, from left to right, out of the paths of others. */
function writeNodes(
  writer: ByteWriter,
  signatures: readonly TreeSignature[],
  range: TreeRange,
  depth = 0,
): void {
  // Of a range of which all statements are there nothing is missing.
  if (range.size === signatures.length) return
  const [left, right] = halvesOf(signatures, range)
  for (const [half, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const [beside] = other.leaves
    if (half.leaves.length > 0) writeNodes(writer, half.leaves, half, depth + 1)
    else if (beside) writer.bytes(nodeBeside(beside, depth))
  }
}

/** The hash beside the way of a leaf, so many steps below the root. */
function nodeBeside({ path }: TreeSignature, depth: number): Uint8Array {
  const end = path.length - HASH_BYTES * depth
  return path.subarray(end - HASH_BYTES, end)
}

/** A statement of a message, and the root of its tree, which is not checked yet. */
export type ReadStatement = SignedStatement & { readonly root: Uint8Array }

/**
 * Reads the signatures of statements, in their order. Nothing in them is checked yet.
 *
 * @throws `WireError` `ERR_DECODE`, also when two statements have one place in a tree, or a tree
 *   has none.
 */
export function readJointSignatures<Unsigned extends Statement>(
  reader: ByteReader,
  statements: readonly Unsigned[],
): (Unsigned & ReadStatement)[] {
  const count = reader.varint(statements.length)
  const trees = Array.from({ length: count }, () => {
    return { ...readTree(reader), known: new Map<number, TreeLeaf>() }
  })
  const placed = statements.map((statement) => {
    const tree = trees[count > 1 ? reader.varint(count - 1) : 0] ?? malformed(reader)
    const number = readNumber(reader, tree.leaves)
    if (tree.known.has(number)) malformed(reader)
    const leaf: TreeLeaf = { number, hash: statement.leaf, path: [] }
    tree.known.set(number, leaf)
    return { statement, tree, leaf }
  })
  const roots = new Map(
    trees.map((tree) => {
      if (tree.known.size === 0) malformed(reader)
      const range = { first: 0, size: tree.leaves }
      return [tree, foldTree([...tree.known.values()], range, () => reader.bytes(HASH_BYTES))]
    }),
  )
  return placed.map(({ statement, tree, leaf: { number, path } }) => {
    const { signature, leaves } = tree
    const root = roots.get(tree) ?? malformed(reader)
    const own = { signature, leaves, number, path: concatBytes(...path) }
    return { ...statement, signature: own, root }
  })
}

/** Reads more than there is: the reader's own error for what is none. */
function malformed(reader: ByteReader): never {
  reader.bytes(reader.remaining + 1)
  throw new Error('unreachable')
}
