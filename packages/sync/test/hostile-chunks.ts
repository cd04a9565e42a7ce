/** Builds chunks of Automerge's format that no honest program writes: for the tests of this package. */
import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { createRandom } from '@vudo/testing'
import { concatBytes, createByteWriter } from '@vudo/wire'

/** A column: its number, and its bytes as they stand in the chunk. */
export type ForgedColumn = readonly [kind: number, bytes: Uint8Array]

const kinds = { document: 0, change: 1, deflated: 2, bundle: 3 }
/** The bit of a column's number that says that it is deflated. */
const deflatedBit = 8

/** A column of raw values that inflates to nearly 90 times its bytes, and is not to be squeezed further. */
export function denseBytes(bytes: number, seed = 1): Uint8Array {
  const noise = createRandom(seed).bytes(Math.ceil(bytes / 95))
  return deflateRawSync(concatBytes(noise, new Uint8Array(bytes - noise.length)), { level: 9 })
}

/** Columns of one table, all with the same bytes. */
export function manyColumns(count: number, bytes: Uint8Array, type = 7): ForgedColumn[] {
  return Array.from({ length: count }, (_, at) => [at * 16 + type + deflatedBit, bytes] as const)
}

/** The body of a change without dependencies. */
export function changeBody(columns: readonly ForgedColumn[], seq = 1): Uint8Array {
  const writer = createByteWriter().u8(0).u8(1).u8(7).varint(seq).u8(1).u8(0).u8(0).u8(0)
  return writeColumns(writer, [columns])
}

/** The body of a saved document without heads. */
export function documentBody(
  changes: readonly ForgedColumn[],
  operations: readonly ForgedColumn[],
  actors: readonly Uint8Array[] = [],
): Uint8Array {
  const writer = createByteWriter().varint(actors.length)
  for (const actor of actors) writer.prefixed(actor)
  return writeColumns(writer.u8(0), [changes, operations])
}

/** The body of a bundle of one actor that builds on nothing. */
export function bundleBody(
  changes: readonly ForgedColumn[],
  operations: readonly ForgedColumn[],
): Uint8Array {
  const tables = [changes, operations].map((columns) => writeColumns(createByteWriter(), [columns]))
  return concatBytes(Uint8Array.of(0, 1, 1, 7), ...tables)
}

function writeColumns(
  writer: ReturnType<typeof createByteWriter>,
  tables: readonly (readonly ForgedColumn[])[],
): Uint8Array {
  for (const columns of tables) {
    writer.varint(columns.length)
    for (const [kind, bytes] of columns) writer.varint(kind).varint(bytes.length)
  }
  for (const [, bytes] of tables.flat()) writer.bytes(bytes)
  return writer.finish()
}

/** A chunk with the right checksum. */
export function chunk(kind: keyof typeof kinds, body: Uint8Array): Uint8Array {
  const hashedKind = kind === 'deflated' ? kinds.change : kinds[kind]
  const hashed = createByteWriter().u8(hashedKind).prefixed(body).finish()
  const checksum = createHash('sha256').update(hashed).digest().subarray(0, 4)
  const written = kind === 'deflated' ? deflateRawSync(body, { level: 9 }) : body
  const magic = Uint8Array.of(0x85, 0x6f, 0x4a, 0x83)
  return createByteWriter().bytes(magic).bytes(checksum).u8(kinds[kind]).prefixed(written).finish()
}

/** A column of runs in which one value stands `times` times. */
export function oneRun(times: number, value: Uint8Array): Uint8Array {
  const length: number[] = []
  let rest = times
  // Signed LEB128: the bit 64 of the last byte would say "negative".
  for (; rest > 63; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128)
  return concatBytes(Uint8Array.from([...length, rest]), value)
}

/** A column of one positive number, as a difference from 0. */
export function signedRun(value: number): Uint8Array {
  return concatBytes(Uint8Array.of(1), oneRun(value, new Uint8Array()))
}
