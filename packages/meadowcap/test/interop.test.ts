/**
 * Our encodings against those of the Rust implementation of Willow'25, which also said of
 * damaged codes whether they are valid. Where the two differ, docs/decisions/0006-willow-interop.md
 * says why; those cases are here too.
 */
import { verifyEd25519 } from '@vudo/identity'
import {
  areasEqual,
  createCursor,
  decodeCapability,
  decodeWhole,
  defaultToken,
  encodeAreaInArea,
  encodeCapability,
  encodeEntry,
  encodePath,
  encodeWith,
  grantedArea,
  isAuthorisedWrite,
  isMeadowcapError,
  isValidCapability,
  prefixSuccessor,
  readAreaInArea,
  readCanonicalAreaInArea,
  readCanonicalCapability,
  readCanonicalEntry,
  readCanonicalPath,
  readCanonicalPathExtends,
  readCanonicalPathRelative,
  readCapability,
  readEntry,
  readPath,
  readPathRelative,
  readPrivateArea,
  readPrivatePath,
  readTokenRelative,
  receiverOf,
  subspaceArea,
  writePathExtends,
  writePathRelative,
  writePrivateArea,
  writePrivatePath,
  writeTokenRelative,
  type Area,
  type AuthorisationToken,
  type Entry,
  type Reader,
} from '@vudo/meadowcap'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  areaOf,
  entryOf,
  fromHex,
  jsonOf,
  pathOf,
  toHex,
  type JsonArea,
  type JsonEntry,
  type JsonPath,
} from './examples.ts'

/** A code that the Rust implementation was given, and the value it read, if any. */
interface Damaged<Value, Reference = undefined> {
  readonly bytes: string
  readonly relativeTo: Reference
  readonly value: Value | null
  readonly canonical: boolean
}

interface Encodings {
  readonly paths: readonly { path: JsonPath; code: string }[]
  readonly pathRelative: readonly { path: JsonPath; relativeTo: JsonPath; code: string }[]
  readonly pathExtends: readonly { path: JsonPath; prefix: JsonPath; code: string }[]
  readonly prefixSuccessor: readonly { path: JsonPath; successor: JsonPath | null }[]
  readonly entries: readonly { entry: JsonEntry; code: string }[]
  readonly areaInArea: readonly { area: JsonArea; relativeTo: JsonArea; code: string }[]
  readonly privatePath: readonly {
    path: JsonPath
    private: JsonPath
    relativeTo: JsonPath
    code: string
  }[]
  readonly privateArea: readonly {
    area: JsonArea
    privatePath: JsonPath
    relativeTo: JsonArea
    code: string
  }[]
  readonly damagedPath: readonly Damaged<JsonPath>[]
  readonly damagedEntry: readonly Damaged<JsonEntry>[]
  readonly damagedAreaInArea: readonly Damaged<JsonArea, JsonArea>[]
  readonly damagedPathRelative: readonly Damaged<JsonPath, JsonPath>[]
}

interface Token {
  readonly entry: JsonEntry
  readonly capability: string
  readonly signature: string
  /** Delegations that the token before has as well. */
  readonly shared: number
  readonly delegations: number
  /** Relative to the token before in the file. */
  readonly code: string
}

interface Capabilities {
  readonly capabilities: readonly { code: string; receiver: string; grantedArea: JsonArea }[]
  readonly damagedCapability: readonly { bytes: string; isValid: boolean }[]
  readonly tokens: readonly Token[]
}

interface Signatures {
  readonly cases: readonly Record<'description' | 'publicKey' | 'message' | 'signature', string>[] &
    readonly { readonly valid: boolean }[]
}

const encodings = load('encodings') as Encodings
const capabilities = load('capabilities') as Capabilities
const signatures = load('signatures') as Signatures

describe('encodings of the Rust implementation', () => {
  it('has the same paths', () => {
    for (const { path, code } of encodings.paths) {
      expect(toHex(encodePath(pathOf(path)))).toBe(code)
      expect(jsonOf(decodeWhole(fromHex(code), readCanonicalPath))).toEqual(path)
    }
  })

  it('has the same paths relative to others', () => {
    for (const { path, relativeTo, code } of encodings.pathRelative) {
      const reference = pathOf(relativeTo)
      const ours = encodeWith((sink) => writePathRelative(sink, pathOf(path), reference))
      expect(toHex(ours)).toBe(code)
      const read = decodeWhole(ours, (cursor) => readCanonicalPathRelative(cursor, reference))
      expect(jsonOf(read)).toEqual(path)
    }
  })

  it('has the same paths relative to their prefixes', () => {
    for (const { path, prefix, code } of encodings.pathExtends) {
      const ours = encodeWith((sink) => writePathExtends(sink, pathOf(path), pathOf(prefix)))
      expect(toHex(ours)).toBe(code)
      const read = decodeWhole(ours, (cursor) => readCanonicalPathExtends(cursor, pathOf(prefix)))
      expect(jsonOf(read)).toEqual(path)
    }
  })

  it('has the same successors of prefixes', () => {
    for (const { path, successor } of encodings.prefixSuccessor) {
      const ours = prefixSuccessor(pathOf(path))
      expect(ours === undefined ? null : jsonOf(ours)).toEqual(successor)
    }
  })

  it('has the same entries', () => {
    for (const { entry, code } of encodings.entries) {
      expect(toHex(encodeEntry(entryOf(entry)))).toBe(code)
    }
  })

  it('has the same areas inside others', () => {
    for (const { area, relativeTo, code } of encodings.areaInArea) {
      expect(toHex(encodeAreaInArea(areaOf(area), areaOf(relativeTo)))).toBe(code)
    }
  })

  it('has the same private paths', () => {
    for (const { path, private: hidden, relativeTo, code } of encodings.privatePath) {
      const context = { privatePath: pathOf(hidden), reference: pathOf(relativeTo) }
      const ours = encodeWith((sink) => writePrivatePath(sink, pathOf(path), context))
      expect(toHex(ours)).toBe(code)
      const read = decodeWhole(ours, (cursor) => readPrivatePath(cursor, context))
      expect(jsonOf(read)).toEqual(path)
    }
  })

  it('has the same private areas, but for times in the middle, which we count from the end', () => {
    let inTheMiddle = 0
    for (const { area, privatePath, relativeTo, code } of encodings.privateArea) {
      const context = { privatePath: pathOf(privatePath), reference: areaOf(relativeTo) }
      const expected = areaOf(area)
      const read = decodeWhole(fromHex(code), (cursor) => readPrivateArea(cursor, context))
      expect(areasEqual(read, expected)).toBe(true)
      const ours = toHex(encodeWith((sink) => writePrivateArea(sink, expected, context)))
      // Only the flags in the header differ then; the differences are equal.
      const agreed = hasTimeInTheMiddle(expected, context.reference) ? 2 : 0
      inTheMiddle += agreed / 2
      expect(ours.slice(agreed)).toBe(code.slice(agreed))
    }
    expect(inTheMiddle).toBeGreaterThan(0)
  })
})

describe('damaged codes', () => {
  it('are read as the Rust implementation reads them: paths', () => {
    for (const vector of encodings.damagedPath) {
      expectSameVerdict(vector, { read: readPath, readCanonical: readCanonicalPath, show: jsonOf })
    }
  })

  it('are read as the Rust implementation reads them: paths relative to others', () => {
    for (const vector of encodings.damagedPathRelative) {
      const reference = pathOf(vector.relativeTo)
      expectSameVerdict(vector, {
        read: (cursor) => readPathRelative(cursor, reference),
        readCanonical: (cursor) => readCanonicalPathRelative(cursor, reference),
        show: jsonOf,
      })
    }
  })

  it('are read as the Rust implementation reads them: entries', () => {
    for (const vector of encodings.damagedEntry) {
      expectSameVerdict(vector, {
        read: readEntry,
        readCanonical: readCanonicalEntry,
        show: jsonOfEntry,
      })
    }
  })

  it('are read as the Rust implementation reads them: areas', () => {
    for (const vector of encodings.damagedAreaInArea) {
      const reference = areaOf(vector.relativeTo)
      expectSameVerdict(vector, {
        read: (cursor) => readAreaInArea(cursor, reference),
        readCanonical: (cursor) => readCanonicalAreaInArea(cursor, reference),
        show: jsonOfArea,
      })
    }
  })

  it('are valid capabilities where the Rust implementation says so', () => {
    for (const { bytes, isValid } of capabilities.damagedCapability) {
      const capability = readOrUndefined(bytes, readCapability)
      const ours = capability?.accessMode === 'write' && isValidCapability(capability)
      expect(ours, `code ${bytes}`).toBe(isValid)
    }
  })
})

describe('capabilities of the Rust implementation', () => {
  it('are valid and grant the same', () => {
    for (const { code, receiver, grantedArea: granted } of capabilities.capabilities) {
      const capability = decodeWhole(fromHex(code), readCanonicalCapability)
      expect(toHex(encodeCapability(capability))).toBe(code)
      expect(isValidCapability(capability)).toBe(true)
      expect(toHex(receiverOf(capability))).toBe(receiver)
      expect(jsonOfArea(grantedArea(capability))).toEqual(granted)
    }
  })

  it('are written the same relative to the token before when all delegations are its own', () => {
    const same = [...tokens()].filter(({ vector }) => vector.shared === vector.delegations)
    expect(same.length).toBeGreaterThan(0)
    for (const { vector, entry, token, prior } of same) {
      const ours = encodeWith((sink) => writeTokenRelative(sink, token, { entry, prior }))
      expect(toHex(ours)).toBe(vector.code)
    }
  })

  it('authorise the same entries', () => {
    for (const { token, entry } of tokens()) expect(isAuthorisedWrite(entry, token)).toBe(true)
  })

  it('are read relative to the token before, unless they go on from its delegations', () => {
    for (const { vector, entry, token, prior } of tokens()) {
      if (goesOn(vector)) continue
      const context = { entry, prior }
      const read = decodeWhole(fromHex(vector.code), (cursor) => readTokenRelative(cursor, context))
      expect(toHex(encodeCapability(read.capability))).toBe(vector.capability)
      const ours = encodeWith((sink) => writeTokenRelative(sink, token, context))
      // All but the flags of times in the middle (see above), which have the same length.
      expect(ours.length).toBe(vector.code.length / 2)
    }
  })

  it('write the first new delegation relative to the subspace, not to the delegation before', () => {
    let count = 0
    for (const { vector, entry, token } of tokens()) {
      if (!goesOn(vector)) continue
      count++
      const cursor = createCursor(fromHex(vector.code))
      expect(cursor.byte() & 0x7f).toBeLessThan(0x7c)
      if (vector.shared + 1 > 3) cursor.byte()
      const context = {
        privatePath: entry.path,
        reference: subspaceArea(entry.subspaceId),
      }
      const next = token.capability.delegations[vector.shared]
      expect(jsonOfArea(readPrivateArea(cursor, context))).toEqual(
        next === undefined ? undefined : jsonOfArea(next.area),
      )
    }
    expect(count).toBeGreaterThan(0)
  })
})

it('takes the signatures that the Rust implementation takes, and no other', () => {
  for (const { description, publicKey, message, signature, valid } of signatures.cases) {
    const ours = verifyEd25519(fromHex(publicKey), fromHex(message), fromHex(signature))
    expect(ours, `case ${description}`).toBe(valid)
  }
})

function load(name: string): unknown {
  const file = new URL(`vectors/interop-${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8'))
}

interface Reading<Value, Json> {
  readonly read: Reader<Value>
  readonly readCanonical: Reader<Value>
  readonly show: (value: Value) => Json
}

function expectSameVerdict<Value, Json>(
  { bytes, value, canonical }: Damaged<Json, unknown>,
  { read, readCanonical, show }: Reading<Value, Json>,
): void {
  const ours = readOrUndefined(bytes, read)
  expect(ours === undefined ? null : show(ours), `code ${bytes}`).toEqual(value)
  expect(readOrUndefined(bytes, readCanonical) !== undefined, `code ${bytes}`).toBe(canonical)
}

function readOrUndefined<Value>(bytes: string, read: Reader<Value>): Value | undefined {
  try {
    return decodeWhole(fromHex(bytes), read)
  } catch (error) {
    if (isMeadowcapError(error)) return undefined
    throw error
  }
}

/**
 * Each token and what stands before it: the default token before the first.
 *
 * @yields one vector, decoded
 */
function* tokens(): Generator<{
  readonly vector: Token
  readonly entry: Entry
  readonly token: AuthorisationToken
  readonly prior: AuthorisationToken
}> {
  let prior = defaultToken
  for (const vector of capabilities.tokens) {
    const capability = decodeCapability(fromHex(vector.capability))
    const token = { capability, signature: fromHex(vector.signature) }
    yield { vector, entry: entryOf(vector.entry), token, prior }
    prior = token
  }
}

/** Some delegations are those of the token before, and more follow. */
function goesOn({ shared, delegations }: Token): boolean {
  return shared > 0 && delegations > shared
}

function hasTimeInTheMiddle({ times }: Area, { times: reference }: Area): boolean {
  const { start, end } = reference
  if (end === undefined) return false
  return [times.start, times.end].some((time) => time !== undefined && time - start === end - time)
}

function jsonOfArea({ subspaceId, path, times }: Area): JsonArea {
  return {
    subspace: subspaceId === undefined ? null : toHex(subspaceId),
    path: jsonOf(path),
    times: [times.start.toString(), times.end?.toString() ?? null],
  }
}

function jsonOfEntry(entry: Entry): JsonEntry {
  return {
    namespace: toHex(entry.namespaceId),
    subspace: toHex(entry.subspaceId),
    path: jsonOf(entry.path),
    timestamp: entry.timestamp.toString(),
    payloadLength: entry.payloadLength.toString(),
    payloadDigest: toHex(entry.payloadDigest),
  }
}
