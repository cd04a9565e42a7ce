import { sha256, verifySignature, type AuthorKey } from '@vudo/identity'
import { bytesEqual, bytesToHex, concatBytes, createByteWriter } from '@vudo/wire'
import type { ByteReader, ByteWriter } from '@vudo/wire'
import { MAX_SIGNED_TOGETHER } from './limits.ts'

/*
 * One signature for many statements of an author: over the root of a hash tree whose leaves they
 * are, in the shape of RFC 9162 section 2.1. With the hashes beside its way up to the root each
 * statement is proven without the others. One that is signed alone is the only leaf of its tree.
 *
 * A leaf is the hash of a tag and what is said under it, and a tag begins with a printable
 * character; an inner node is the hash of the byte 01 and both children. So no node can be shown
 * as a leaf, nor a leaf of one kind as one of another. The number of leaves is signed with the
 * root: it gives the tree its shape, and each leaf one way up.
 */

/** The domain of signatures over trees. */
export const TREE_TAG = 'vudo/tree-signature/1'

const HASH_BYTES = 32
const SIGNATURE_BYTES = 64
const nodePrefix = Uint8Array.of(1)
const noPath = new Uint8Array()
const utf8 = new TextEncoder()

/** Proves one statement, by itself. */
export interface TreeSignature {
  /** 64 bytes: Ed25519 over the number of leaves as a varint, and the root. */
  readonly signature: Uint8Array
  /** From 1 to `MAX_SIGNED_TOGETHER`. */
  readonly leaves: number
  /** Of the statement among the leaves, from 0. */
  readonly number: number
  /** The hashes beside the way from the leaf up to the root, 32 bytes each. */
  readonly path: Uint8Array
}

/** Something that an author says. */
export interface Statement {
  /** What the author signs of it: see {@link leafOf}. */
  readonly leaf: Uint8Array
}

/** A statement and what proves it. */
export interface SignedStatement extends Statement {
  readonly signature: TreeSignature
}

/** A leaf of which the way up is sought. */
export interface TreeLeaf {
  readonly number: number
  readonly hash: Uint8Array
  /** The hashes beside its way, from the leaf up. */
  readonly path: Uint8Array[]
}

/** The leaf of a statement: what is said under a tag, which is printable ASCII. 32 bytes. */
export function leafOf(tag: string, message: Uint8Array): Uint8Array {
  return sha256(concatBytes(utf8.encode(`${tag}\0`), message))
}

/** Signs one statement. */
export function signLeaf(author: AuthorKey, leaf: Uint8Array): TreeSignature {
  const signature = author.sign(TREE_TAG, signedBytes(1, leaf))
  return { signature, leaves: 1, number: 0, path: noPath }
}

/**
 * Signs statements together, in their order.
 *
 * @throws `RangeError` unless there are 1 to `MAX_SIGNED_TOGETHER`.
 */
export function signTree<Unsigned extends Statement>(
  author: AuthorKey,
  statements: readonly Unsigned[],
): (Unsigned & SignedStatement)[] {
  const { length: size } = statements
  if (size === 0 || size > MAX_SIGNED_TOGETHER) {
    throw new RangeError(`${size} statements, expected 1 to ${MAX_SIGNED_TOGETHER}`)
  }
  const placed = statements.map((statement, number) => {
    return { statement, leaf: { number, hash: statement.leaf, path: [] } satisfies TreeLeaf }
  })
  const leaves: TreeLeaf[] = placed.map(({ leaf }) => leaf)
  const root = foldTree(leaves, { first: 0, size }, () => noPath)
  const signature = author.sign(TREE_TAG, signedBytes(size, root))
  return placed.map(({ statement, leaf: { number, path } }) => {
    return {
      ...statement,
      signature: { signature, leaves: size, number, path: concatBytes(...path) },
    }
  })
}

/** Tells whether an author has signed the statement with this leaf. */
export function isSigned(author: string, leaf: Uint8Array, tree: TreeSignature): boolean {
  const root = rootAbove(leaf, tree)
  return root !== undefined && isTreeSigned(author, root, tree)
}

/** By the signature, trees that were found to be signed: their statements are looked at one by one. */
const signedTrees = new Map<string, { readonly author: string; readonly signed: Uint8Array }>()
const KNOWN_TREES = 256

/** Tells whether an author has signed the tree with this root. */
export function isTreeSigned(author: string, root: Uint8Array, tree: TreeSignature): boolean {
  const signed = signedBytes(tree.leaves, root)
  if (tree.leaves === 1) return verifySignature(author, TREE_TAG, signed, tree.signature)
  const key = bytesToHex(tree.signature)
  const known = signedTrees.get(key)
  if (known?.author === author && bytesEqual(known.signed, signed)) return true
  if (!verifySignature(author, TREE_TAG, signed, tree.signature)) return false
  if (signedTrees.size >= KNOWN_TREES) signedTrees.clear()
  signedTrees.set(key, { author, signed })
  return true
}

function signedBytes(leaves: number, root: Uint8Array): Uint8Array {
  return createByteWriter().varint(leaves).bytes(root).finish()
}

/** Leaves of a tree that lie beside each other. */
export interface TreeRange {
  readonly first: number
  readonly size: number
}

/**
 * The root above a range of which some leaves are known, in their order; these learn the hashes
 * beside their ways.
 *
 * @param takeNode - Gives the root above the next range without a known leaf, from left to right.
 */
export function foldTree(
  leaves: readonly TreeLeaf[],
  range: TreeRange,
  takeNode: () => Uint8Array,
): Uint8Array {
  const [only] = leaves
  if (!only) return takeNode()
  if (range.size === 1) return only.hash
  const [left, right] = halvesOf(leaves, range)
  const leftRoot = foldTree(left.leaves, left, takeNode)
  const rightRoot = foldTree(right.leaves, right, takeNode)
  for (const { path } of left.leaves) path.push(rightRoot)
  for (const { path } of right.leaves) path.push(leftRoot)
  return nodeAbove(leftRoot, rightRoot)
}

type Half<Leaf> = TreeRange & { readonly leaves: readonly Leaf[] }

/** The ranges below the root of a range of at least 2, and who of `leaves` is in which. */
export function halvesOf<Leaf extends { readonly number: number }>(
  leaves: readonly Leaf[],
  { first, size }: TreeRange,
): readonly [Half<Leaf>, Half<Leaf>] {
  const half = leftSize(size)
  const middle = first + half
  const [left, right] = [
    leaves.filter(({ number }) => number < middle),
    leaves.filter(({ number }) => number >= middle),
  ]
  return [
    { first, size: half, leaves: left },
    { first: middle, size: size - half, leaves: right },
  ]
}

/** The largest power of two below `size`. */
function leftSize(size: number): number {
  return 2 ** (31 - Math.clz32(size - 1))
}

function nodeAbove(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concatBytes(nodePrefix, left, right))
}

/** From the root down to a leaf: true where the way goes to the right. */
function turnsTo(number: number, leaves: number): boolean[] {
  const turns: boolean[] = []
  for (let [at, size] = [number, leaves]; size > 1;) {
    const half = leftSize(size)
    const isRight = at >= half
    turns.push(isRight)
    at -= isRight ? half : 0
    size = isRight ? size - half : half
  }
  return turns
}

/** The root that a statement is below; `undefined` when the path has another length than the way. */
export function rootAbove(
  leaf: Uint8Array,
  { number, leaves, path }: TreeSignature,
): Uint8Array | undefined {
  const turns = turnsTo(number, leaves)
  if (path.length !== HASH_BYTES * turns.length) return undefined
  return turns.reduceRight((hash, isRight, depth) => {
    const at = HASH_BYTES * (turns.length - 1 - depth)
    const beside = path.subarray(at, at + HASH_BYTES)
    return isRight ? nodeAbove(beside, hash) : nodeAbove(hash, beside)
  }, leaf)
}

/** Writes what is the same for all statements of a tree: 65 or 66 bytes. */
export function writeTree(writer: ByteWriter, { signature, leaves }: TreeSignature): void {
  writer.bytes(signature).varint(leaves)
}

/** Reads what {@link writeTree} writes; nothing in it is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readTree(reader: ByteReader): Pick<TreeSignature, 'signature' | 'leaves'> {
  const signature = reader.bytes(SIGNATURE_BYTES).slice()
  const leaves = reader.varint(MAX_SIGNED_TOGETHER)
  // More than there is: the reader's own error for what is none.
  if (leaves === 0) reader.bytes(reader.remaining + 1)
  return { signature, leaves }
}

/** Writes the number of a statement: nothing for one that was signed alone. */
export function writeNumber(writer: ByteWriter, { leaves, number }: TreeSignature): void {
  if (leaves > 1) writer.varint(number)
}

/** Reads what {@link writeNumber} writes, in a tree of `leaves`. @throws `WireError` `ERR_DECODE`. */
export function readNumber(reader: ByteReader, leaves: number): number {
  return leaves > 1 ? reader.varint(leaves - 1) : 0
}

/** Writes the signature of one statement: 65 bytes when it was signed alone. */
export function writeTreeSignature(writer: ByteWriter, tree: TreeSignature): void {
  writeTree(writer, tree)
  writeNumber(writer, tree)
  writer.bytes(tree.path)
}

/** Reads the signature of one statement; nothing in it is checked yet. @throws `WireError` `ERR_DECODE`. */
export function readTreeSignature(reader: ByteReader): TreeSignature {
  const { signature, leaves } = readTree(reader)
  const number = readNumber(reader, leaves)
  const path =
    leaves > 1 ? reader.bytes(HASH_BYTES * turnsTo(number, leaves).length).slice() : noPath
  return { signature, leaves, number, path }
}
