/**
 * The public encoding vectors (worm-blossom/willow_test_vectors). Their licence is
 * unclear, so they are no part of this repository: the tests run where the folder
 * `shared/vectors/willow` lies beside the checkout, or in the folder that the
 * environment variable VUDO_SHARED names.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import process from 'node:process'
import { describe, expect, it } from 'vitest'
import {
  createCursor,
  decodeWhole,
  emptyPath,
  encodeCapability,
  encodeEntry,
  encodePath,
  encodeWith,
  fullArea,
  isMeadowcapError,
  read3dRangeRelative,
  readAreaInArea,
  readCanonicalAreaInArea,
  readCanonicalEntry,
  readCanonicalPath,
  readCanonicalPathExtends,
  readCanonicalPathRelative,
  readCapability,
  readEntry,
  readEntryInRange,
  readEntryRelative,
  readEnumerationCapability,
  readPath,
  readPathExtends,
  readPathRelative,
  write3dRangeRelative,
  writeAreaInArea,
  writeEntry,
  writeEntryRelative,
  writePath,
  writePathExtends,
  writePathRelative,
  type Area,
  type Cursor,
  type Entry,
  type McCapability,
  type Path,
  type Range3d,
  type Sink,
} from '@vudo/meadowcap'
import { fromHex, jsonOf, toHex } from '../examples.ts'

const beside = path.resolve(import.meta.dirname, '../../../..', '..', 'shared')
const folder = path.join(process.env['VUDO_SHARED'] ?? beside, 'vectors', 'willow')
const isThere = existsSync(folder)
if (!isThere) console.log('skipped: the public Willow vectors are not beside the checkout')

interface YayCase {
  readonly id: number
  readonly bytes: string
  readonly relativeTo?: string
  readonly consumed: number
  readonly value: unknown
  readonly absoluteReencoded?: string
  readonly relativeReencoding?: string
  readonly quirk?: string
}

interface VectorSet {
  readonly yay: readonly YayCase[]
  readonly nay: readonly {
    readonly id: number
    readonly bytes: string
    readonly relativeTo?: string
  }[]
}

/** How one set is read, compared and written again. */
interface SetCodec<Value, Reference> {
  readonly name: string
  readonly reference: (bytes: Uint8Array) => Reference
  readonly read: (cursor: Cursor, reference: Reference) => Value
  readonly toJson: (value: Value) => unknown
  readonly write?: (sink: Sink, value: Value, reference: Reference) => void
  readonly absolute?: (value: Value) => Uint8Array
}

const none = (): undefined => undefined
const pathReference = (bytes: Uint8Array): Path => decodeWhole(bytes, readPath)
const entryReference = (bytes: Uint8Array): Entry => decodeWhole(bytes, readEntry)
const pathJson = (value: Path): unknown => jsonOf(value)

/** The sets' own absolute form of an area; it is in no specification. */
function absoluteArea(bytes: Uint8Array): Area {
  const cursor = createCursor(bytes)
  const header = cursor.byte()
  const subspaceId = (header & 0x80) === 0 ? cursor.take(32) : undefined
  const at = readPath(cursor)
  const start = u64(cursor)
  const end = (header & 0x40) === 0 ? u64(cursor) : undefined
  return { subspaceId, path: at, times: { start, end } }
}

/** The sets' own absolute form of a 3d range. */
function absoluteRange(cursor: Cursor): Range3d {
  const header = cursor.byte()
  const first = cursor.take(32)
  const last = (header & 0x80) === 0 ? cursor.take(32) : undefined
  const from = readPath(cursor)
  const to = (header & 0x40) === 0 ? readPath(cursor) : undefined
  const start = u64(cursor)
  const end = (header & 0x20) === 0 ? u64(cursor) : undefined
  return {
    subspaces: { start: first, end: last },
    paths: { start: from, end: to },
    times: { start, end },
  }
}

function u64(cursor: Cursor): bigint {
  return BigInt(`0x${toHex(cursor.take(8))}`)
}

function areaJson({ subspaceId, path: at, times }: Area): unknown {
  return {
    subspace: subspaceId === undefined ? null : toHex(subspaceId),
    path: jsonOf(at),
    timeStart: String(times.start),
    timeEnd: times.end === undefined ? null : String(times.end),
  }
}

function rangeJson({ subspaces, paths, times }: Range3d): unknown {
  return {
    subspaceStart: toHex(subspaces.start),
    subspaceEnd: subspaces.end === undefined ? null : toHex(subspaces.end),
    pathStart: jsonOf(paths.start),
    pathEnd: paths.end === undefined ? null : jsonOf(paths.end),
    timeStart: String(times.start),
    timeEnd: times.end === undefined ? null : String(times.end),
  }
}

function entryJson(entry: Entry): unknown {
  return {
    namespace: toHex(entry.namespaceId),
    subspace: toHex(entry.subspaceId),
    path: jsonOf(entry.path),
    timestamp: String(entry.timestamp),
    payloadLength: String(entry.payloadLength),
    payloadDigest: toHex(entry.payloadDigest),
  }
}

function capabilityJson(capability: McCapability): unknown {
  return {
    kind: capability.kind,
    mode: capability.accessMode,
    namespace: toHex(capability.namespaceKey),
    user: toHex(capability.userKey),
    initialAuthorisation:
      capability.kind === 'owned' ? toHex(capability.initialAuthorisation) : null,
    delegations: capability.delegations.map(({ area, userKey, signature }) => ({
      area: areaJson(area),
      user: toHex(userKey),
      signature: toHex(signature),
    })),
  }
}

function capabilityOfKind(cursor: Cursor, kind: 'communal' | 'owned'): McCapability {
  const capability = readCapability(cursor)
  if (capability.kind !== kind) throw cursor.error(`not a capability of the ${kind} kind`, 0)
  return capability
}

function define<Value, Reference>(codec: SetCodec<Value, Reference>): SetCodec<unknown, unknown> {
  return codec as unknown as SetCodec<unknown, unknown>
}

const paths = { toJson: pathJson, absolute: encodePath }
const relativePaths = { ...paths, reference: pathReference, write: writePathRelative }
const extendingPaths = { ...paths, reference: pathReference, write: writePathExtends }
const entries = { toJson: entryJson, absolute: encodeEntry }
const areas = { reference: absoluteArea, toJson: areaJson, write: writeAreaInArea }
const capabilities = { reference: none, toJson: capabilityJson, absolute: encodeCapability }

const sets = [
  define({ name: 'EncodePath', ...paths, reference: none, read: readPath, write: writePath }),
  define({ name: 'encode_path', ...paths, reference: none, read: readCanonicalPath }),
  define({ name: 'EncodePathRelativePath', ...relativePaths, read: readPathRelative }),
  define({ name: 'path_rel_path', ...relativePaths, read: readCanonicalPathRelative }),
  define({ name: 'EncodePathExtendsPath', ...extendingPaths, read: readPathExtends }),
  define({ name: 'path_extends_path', ...extendingPaths, read: readCanonicalPathExtends }),
  define({ name: 'EncodeEntry', ...entries, reference: none, read: readEntry, write: writeEntry }),
  define({ name: 'encode_entry', ...entries, reference: none, read: readCanonicalEntry }),
  define({
    name: 'EncodeEntryRelativeEntry',
    ...entries,
    reference: entryReference,
    read: readEntryRelative,
    write: writeEntryRelative,
  }),
  define({
    name: 'EncodeEntryInNamespace3dRange',
    ...entries,
    reference: (bytes) => ({
      namespaceId: bytes.slice(0, 32),
      range: absoluteRange(createCursor(bytes, 32)),
    }),
    read: readEntryInRange,
  }),
  define({ name: 'EncodeAreaInArea', ...areas, read: readAreaInArea }),
  define({ name: 'area_in_area', ...areas, read: readCanonicalAreaInArea }),
  define({
    name: 'Encode3dRangeRelative3dRange',
    reference: (bytes) => absoluteRange(createCursor(bytes)),
    toJson: rangeJson,
    read: read3dRangeRelative,
    write: write3dRangeRelative,
  }),
  define({
    name: 'EncodeCommunalCapability',
    ...capabilities,
    read: (cursor) => capabilityOfKind(cursor, 'communal'),
  }),
  define({
    name: 'EncodeOwnedCapability',
    ...capabilities,
    read: (cursor) => capabilityOfKind(cursor, 'owned'),
  }),
  define({ name: 'EncodeMcCapability', ...capabilities, read: readCapability }),
  define({
    name: 'EncodeMcEnumerationCapability',
    reference: none,
    toJson: (value) => value,
    read: readEnumerationCapability,
  }),
]

describe.skipIf(!isThere)('the public vectors', () => {
  it.each(sets)('agree on $name', (codec) => {
    const file = path.join(folder, codec.name, 'vectors.json')
    const { yay, nay } = JSON.parse(readFileSync(file, 'utf8')) as VectorSet
    expect(yay.length + nay.length).toBeGreaterThan(0)
    const older = yay.filter((vector) => isByOlderRules(codec.name, vector))
    for (const vector of yay.filter((each) => !older.includes(each))) {
      const { found, expected } = compare(codec, vector)
      expect(found).toEqual(expected)
    }
    expect(older.filter((vector) => refusal(codec, vector) !== 'ERR_WILLOW_ENCODING')).toEqual([])
    expect(nay.filter((vector) => refusal(codec, vector) === undefined)).toEqual([])
    console.log(
      `${codec.name}: ${yay.length - older.length} values, ${older.length} by older rules, ${nay.length} refused`,
    )
  })
})

/**
 * Older rules that the vectors do not mark: an end counted back from 2^64 - 1 where the
 * reference is open. The text of 2026-08 wants it counted from the start.
 */
const unmarked: Readonly<Record<string, readonly number[]>> = {
  EncodeMcCapability: [81, 87, 146, 245],
}

function isByOlderRules(set: string, { id, quirk = '' }: YayCase): boolean {
  return /time range|open end/.test(quirk) || (unmarked[set] ?? []).includes(id)
}

/** What is read and written again for one vector, beside what it says. */
function compare(
  codec: SetCodec<unknown, unknown>,
  vector: YayCase,
): { readonly found: readonly unknown[]; readonly expected: readonly unknown[] } {
  const reference = codec.reference(fromHex(vector.relativeTo ?? ''))
  const cursor = createCursor(fromHex(vector.bytes))
  const value = codec.read(cursor, reference)
  const { write, absolute } = codec
  return {
    found: [
      codec.toJson(value),
      cursor.offset,
      again(vector.absoluteReencoded, absolute && (() => absolute(value))),
      again(
        vector.relativeReencoding,
        write && (() => encodeWith((sink) => write(sink, value, reference))),
      ),
    ],
    expected: [vector.value, vector.consumed, vector.absoluteReencoded, vector.relativeReencoding],
  }
}

/** What `encode` writes where the vector has a code; otherwise what the vector has. */
function again(code: string | undefined, encode: (() => Uint8Array) | undefined): unknown {
  return code === undefined || encode === undefined ? code : toHex(encode())
}

function refusal(
  codec: SetCodec<unknown, unknown>,
  vector: { readonly bytes: string; readonly relativeTo?: string },
): string | undefined {
  const reference = codec.reference(fromHex(vector.relativeTo ?? ''))
  try {
    codec.read(createCursor(fromHex(vector.bytes)), reference)
    return undefined
  } catch (error) {
    if (!isMeadowcapError(error)) throw error
    return error.byteOffset === undefined ? 'no byte is named' : error.code
  }
}

it('has a full area and an empty path to be relative to', () => {
  const code = encodeWith((sink) => writeAreaInArea(sink, fullArea, fullArea))
  expect(decodeWhole(code, (from) => readAreaInArea(from, fullArea)).path).toBe(emptyPath)
})
