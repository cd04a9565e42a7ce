import { readFileSync } from 'node:fs'
import {
  createArea,
  createEntry,
  createPath,
  isMeadowcapError,
  pathRanges,
  subspaceRanges,
  timeRanges,
  type Area,
  type Entry,
  type Path,
  type Range3d,
  type TimeRange,
} from '@vudo/meadowcap'

/** A path in the vectors: hex of its components. */
export type JsonPath = readonly string[]
/** A range of timestamps in the vectors; `null` is an open end. */
export type JsonTimes = readonly [string, string | null]

export interface JsonArea {
  readonly subspace: string | null
  readonly path: JsonPath
  readonly times: JsonTimes
}

export interface JsonRange3d {
  readonly subspaces: readonly [string, string | null]
  readonly paths: readonly [JsonPath, JsonPath | null]
  readonly times: JsonTimes
}

export interface JsonEntry {
  readonly namespace: string
  readonly subspace: string
  readonly path: JsonPath
  readonly timestamp: string
  readonly payloadLength: string
  readonly payloadDigest: string
}

/** One key of the worked examples. */
export function example(key: string): unknown {
  return all[key]
}

const file = new URL('vectors/willow-examples.json', import.meta.url)
const all = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function pathOf(json: JsonPath): Path {
  return createPath(json.map(fromHex))
}

export function jsonOf(path: Path): JsonPath {
  return path.components.map(toHex)
}

export function timesOf([start, end]: JsonTimes): TimeRange {
  return timeRanges.create(BigInt(start), end === null ? undefined : BigInt(end))
}

export function areaOf(json: JsonArea): Area {
  return createArea({
    subspaceId: json.subspace === null ? undefined : fromHex(json.subspace),
    path: pathOf(json.path),
    times: timesOf(json.times),
  })
}

export function rangeOf(json: JsonRange3d): Range3d {
  const [first, last] = json.subspaces
  const [from, to] = json.paths
  return {
    subspaces: subspaceRanges.create(fromHex(first), last === null ? undefined : fromHex(last)),
    paths: pathRanges.create(pathOf(from), to === null ? undefined : pathOf(to)),
    times: timesOf(json.times),
  }
}

export function entryOf(json: JsonEntry): Entry {
  return createEntry({
    namespaceId: fromHex(json.namespace),
    subspaceId: fromHex(json.subspace),
    path: pathOf(json.path),
    timestamp: BigInt(json.timestamp),
    payloadLength: BigInt(json.payloadLength),
    payloadDigest: fromHex(json.payloadDigest),
  })
}

/** What the examples call the entries. */
export function namedEntry(name: string): Entry {
  const found = (example('entries') as (JsonEntry & { name: string })[]).find(
    (entry) => entry.name === name,
  )
  if (found === undefined) throw new Error(`the examples have no entry ${name}`)
  return entryOf(found)
}

/** What `decode` gives; `undefined` when it refuses the bytes, and any other error as it is. */
export function decodeOrRefuse<Value>(decode: () => Value): Value | undefined {
  try {
    return decode()
  } catch (error) {
    if (!isMeadowcapError(error)) throw error
    return undefined
  }
}
