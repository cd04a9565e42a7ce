import { describe, expect, it } from 'vitest'
import {
  areasEqual,
  compactTag,
  createPath,
  decodePart,
  decodeWhole,
  encodeCapability,
  encodeEntry,
  encodePath,
  encodeWith,
  entriesEqual,
  isMeadowcapError,
  pathsEqual,
  ranges3dEqual,
  read3dRangeRelative,
  readCanonicalAreaInArea,
  readCanonicalCapability,
  readCanonicalEntry,
  readCanonicalPath,
  readCanonicalPathExtends,
  readCanonicalPathRelative,
  readCapability,
  readCompactBody,
  readCompactU64,
  readEntryInRange,
  readEntryRelative,
  readEnumerationCapability,
  readPath,
  readPrivatePath,
  readTokenRelative,
  write3dRangeRelative,
  writeAreaInArea,
  writeCompactBody,
  writeCompactU64,
  writeEntryInRange,
  writeEntryRelative,
  writeEnumerationCapability,
  writePathExtends,
  writePathRelative,
  writePrivatePath,
  writeTokenRelative,
  type Reader,
  type Sink,
  type TagWidth,
} from '@vudo/meadowcap'
import {
  areaOf,
  entryOf,
  example,
  fromHex,
  jsonOf,
  namedEntry,
  pathOf,
  rangeOf,
  toHex,
  type JsonArea,
  type JsonEntry,
  type JsonPath,
  type JsonRange3d,
} from '../examples.ts'

/** Both directions of one example, and that every piece of its code asks for more. */
function expectBothWays<Value>(init: {
  readonly code: string
  readonly value: Value
  readonly read: Reader<Value>
  readonly write: (sink: Sink, value: Value) => void
  readonly equal: (a: Value, b: Value) => boolean
}): void {
  const { code, value, read, write, equal } = init
  expect(toHex(encodeWith((sink) => write(sink, value)))).toBe(code)
  const bytes = fromHex(code)
  expect(equal(decodeWhole(bytes, read), value)).toBe(true)
  for (let length = 0; length < bytes.length; length++) {
    expect(decodePart(bytes.subarray(0, length), read)).toBeUndefined()
  }
  expect(() => decodeWhole(Uint8Array.from([...bytes, 0]), read)).toThrow('left over')
}

it('codes compact integers in tags and bodies', () => {
  interface Case {
    n: string
    tagAndBody: Record<string, { tag: number; body: string }>
    standalone: string
  }
  for (const { n, tagAndBody, standalone } of example('compactU64') as Case[]) {
    const value = BigInt(n)
    for (const [width, { tag, body }] of Object.entries(tagAndBody)) {
      const bits = Number(width.slice('width'.length)) as TagWidth
      expect(compactTag(value, bits)).toBe(tag)
      expect(toHex(encodeWith((sink) => writeCompactBody(sink, value, bits)))).toBe(body)
      expect(decodeWhole(fromHex(body), (from) => readCompactBody(from, tag, bits))).toBe(value)
    }
    expectBothWays({
      code: standalone,
      value,
      read: readCompactU64,
      write: writeCompactU64,
      equal: Object.is,
    })
  }
})

describe('paths', () => {
  it('codes them by themselves', () => {
    for (const { path, encode_path: code } of example('paths') as {
      path: JsonPath
      encode_path: string
    }[]) {
      expect(toHex(encodePath(pathOf(path)))).toBe(code)
      expect(jsonOf(decodeWhole(fromHex(code), readCanonicalPath))).toEqual(path)
      expect(jsonOf(decodeWhole(fromHex(code), readPath))).toEqual(path)
    }
  })

  it('takes tags that are not minimal as a relation only', () => {
    for (const { code, path } of example('pathNonMinimal') as { code: string; path: JsonPath }[]) {
      expect(jsonOf(decodeWhole(fromHex(code), readPath))).toEqual(path)
      expect(() => decodeWhole(fromHex(code), readCanonicalPath)).toThrow('canonical')
    }
  })

  it('refuses what the examples refuse', () => {
    const codes = example('pathRejects') as { code: string; why: string }[]
    for (const { code, why } of codes) {
      let caught: unknown
      try {
        decodeWhole(fromHex(code), readPath)
      } catch (error) {
        caught = error
      }
      const expected = why.includes('need more') ? 'ERR_WILLOW_INCOMPLETE' : 'ERR_WILLOW_ENCODING'
      expect(isMeadowcapError(caught) && caught.code).toBe(expected)
    }
  })

  it('codes them relative to others', () => {
    interface Relative {
      path: JsonPath
      relativeTo: JsonPath
      path_rel_path: string
    }
    for (const { path, relativeTo, path_rel_path: code } of example('pathRelative') as Relative[]) {
      const reference = pathOf(relativeTo)
      expectBothWays({
        code,
        value: pathOf(path),
        read: (from) => readCanonicalPathRelative(from, reference),
        write: (sink, value) => writePathRelative(sink, value, reference),
        equal: pathsEqual,
      })
    }
    interface Extends {
      path: JsonPath
      prefix: JsonPath
      path_extends_path: string
    }
    for (const { path, prefix, path_extends_path: code } of example('pathExtends') as Extends[]) {
      expectBothWays({
        code,
        value: pathOf(path),
        read: (from) => readCanonicalPathExtends(from, pathOf(prefix)),
        write: (sink, value) => writePathExtends(sink, value, pathOf(prefix)),
        equal: pathsEqual,
      })
    }
  })

  it('codes them relative to private ones', () => {
    interface Private {
      path: JsonPath
      private: JsonPath
      rel: JsonPath
      code: string
    }
    for (const json of example('privatePath') as Private[]) {
      const context = { privatePath: pathOf(json.private), reference: pathOf(json.rel) }
      expectBothWays({
        code: json.code,
        value: pathOf(json.path),
        read: (from) => readPrivatePath(from, context),
        write: (sink, value) => writePrivatePath(sink, value, context),
        equal: pathsEqual,
      })
    }
    const context = { privatePath: createPath(['x']), reference: createPath([]) }
    expect(() => encodeWith((sink) => writePrivatePath(sink, createPath(['y']), context))).toThrow(
      RangeError,
    )
  })
})

describe('entries', () => {
  it('codes them by themselves', () => {
    const entries = example('entries') as (JsonEntry & { encode_entry: string })[]
    expect(entries).toHaveLength(4)
    for (const { encode_entry: code, ...json } of entries) {
      expect(toHex(encodeEntry(entryOf(json)))).toBe(code)
      expect(entriesEqual(decodeWhole(fromHex(code), readCanonicalEntry), entryOf(json))).toBe(true)
    }
  })

  it('codes them relative to entries', () => {
    const cases = example('entryRelativeEntry') as {
      entry: string
      relativeTo: string
      code: string
    }[]
    for (const { entry, relativeTo, code } of cases) {
      const reference = namedEntry(relativeTo)
      expectBothWays({
        code,
        value: namedEntry(entry),
        read: (from) => readEntryRelative(from, reference),
        write: (sink, value) => writeEntryRelative(sink, value, reference),
        equal: entriesEqual,
      })
    }
  })

  it('codes them in ranges', () => {
    interface InRange {
      entry: string
      namespace: string
      range: JsonRange3d
      code: string
    }
    for (const { entry, namespace, range, code } of example('entryInRange') as InRange[]) {
      const reference = { namespaceId: fromHex(namespace), range: rangeOf(range) }
      expectBothWays({
        code,
        value: namedEntry(entry),
        read: (from) => readEntryInRange(from, reference),
        write: (sink, value) => writeEntryInRange(sink, value, reference),
        equal: entriesEqual,
      })
      const elsewhere = { ...reference, namespaceId: new Uint8Array(32) }
      expect(() =>
        encodeWith((sink) => writeEntryInRange(sink, namedEntry(entry), elsewhere)),
      ).toThrow(RangeError)
    }
  })
})

it('codes areas in areas', () => {
  interface InArea {
    area: JsonArea
    relativeTo: JsonArea
    area_in_area: string
  }
  for (const { area, relativeTo, area_in_area: code } of example('areaInArea') as InArea[]) {
    const reference = areaOf(relativeTo)
    expectBothWays({
      code,
      value: areaOf(area),
      read: (from) => readCanonicalAreaInArea(from, reference),
      write: (sink, value) => writeAreaInArea(sink, value, reference),
      equal: areasEqual,
    })
  }
})

it('codes 3d ranges relative to others', () => {
  interface Relative {
    range: JsonRange3d
    relativeTo: JsonRange3d
    code: string
  }
  for (const { range, relativeTo, code } of example('rangeRelativeRange') as Relative[]) {
    const reference = rangeOf(relativeTo)
    expectBothWays({
      code,
      value: rangeOf(range),
      read: (from) => read3dRangeRelative(from, reference),
      write: (sink, value) => write3dRangeRelative(sink, value, reference),
      equal: ranges3dEqual,
    })
  }
})

it('codes capabilities', () => {
  for (const { encode_mc_capability: code } of example('capabilities') as {
    encode_mc_capability: string
  }[]) {
    const capability = decodeWhole(fromHex(code), readCanonicalCapability)
    expect(toHex(encodeCapability(capability))).toBe(code)
    for (let length = 0; length < code.length / 2; length++) {
      expect(decodePart(fromHex(code).subarray(0, length), readCapability)).toBeUndefined()
    }
  }
})

it('codes enumeration capabilities', () => {
  const { encoded } = example('enumerationCapability') as { encoded: string }
  const capability = decodeWhole(fromHex(encoded), readEnumerationCapability)
  expect(toHex(encodeWith((sink) => writeEnumerationCapability(sink, capability)))).toBe(encoded)
})

it('codes tokens relative to the entry and the token before', () => {
  interface Relative {
    entry: string
    capability: string
    signature: string
    priorCapability: string
    code: string
  }
  for (const json of example('relativeTokens') as Relative[]) {
    const context = {
      entry: decodeWhole(fromHex(json.entry), readCanonicalEntry),
      prior: {
        capability: decodeWhole(fromHex(json.priorCapability), readCapability),
        signature: new Uint8Array(64),
      },
    }
    expectBothWays({
      code: json.code,
      value: {
        capability: decodeWhole(fromHex(json.capability), readCapability),
        signature: fromHex(json.signature),
      },
      read: (from) => readTokenRelative(from, context),
      write: (sink, value) => writeTokenRelative(sink, value, context),
      equal: (a, b) =>
        toHex(encodeCapability(a.capability)) === toHex(encodeCapability(b.capability)) &&
        toHex(a.signature) === toHex(b.signature),
    })
  }
})
