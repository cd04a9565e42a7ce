import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  createArea,
  createPath,
  decodePart,
  decodeWhole,
  encodeWith,
  fullArea,
  grantedArea,
  intersectAreas,
  isMeadowcapError,
  pathPrefix,
  range3dIncludesEntry,
  read3dRangeRelative,
  readAreaInArea,
  readCanonical,
  readCapability,
  readCompactU64,
  readEntry,
  readEntryInRange,
  readEntryRelative,
  readEnumerationCapability,
  readPath,
  readPathExtends,
  readPathRelative,
  readPrivateArea,
  readPrivatePath,
  readToken,
  readTokenRelative,
  subspaceArea,
  write3dRangeRelative,
  writeAreaInArea,
  writeCapability,
  writeCompactU64,
  writeEntry,
  writeEntryInRange,
  writeEntryRelative,
  writeEnumerationCapability,
  writePath,
  writePathExtends,
  writePathRelative,
  writePrivateArea,
  writePrivatePath,
  writeToken,
  writeTokenRelative,
  type Area,
  type Codec,
  type Cursor,
  type Delegation,
  type Entry,
  type EnumerationCapability,
  type McCapability,
  type Sink,
} from '@vudo/meadowcap'
import {
  anyArea,
  anyEntry,
  anyPath,
  anyRange3d,
  idOf,
  tinyId,
  tinyPath,
  u64,
} from '../arbitraries.ts'

/** A value with the codec for it: its reference, if any, is inside. */
interface Sample {
  readonly value: unknown
  readonly codec: Codec<unknown>
}

function sample<Value>(
  value: Value,
  read: (cursor: Cursor) => Value,
  write: (sink: Sink, value: Value) => void,
): Sample {
  return { value, codec: { read, write } as Codec<unknown> }
}

const somePath = fc.oneof(tinyPath, anyPath)
const signature = fc.uint8Array({ minLength: 64, maxLength: 64 })

/** Areas, each inside the one before; the first inside `first`. */
function narrowing(first: Area): fc.Arbitrary<readonly Delegation[]> {
  const step = fc.record({ area: anyArea, userKey: tinyId, signature })
  return fc.array(step, { maxLength: 5 }).map((steps) => {
    let held = first
    return steps.map(({ area, ...rest }) => {
      held = intersectAreas(held, area) ?? held
      return { area: held, ...rest }
    })
  })
}

const capability: fc.Arbitrary<McCapability> = fc
  .record({
    accessMode: fc.constantFrom('read' as const, 'write' as const),
    namespaceKey: tinyId,
    userKey: tinyId,
    initialAuthorisation: signature,
    isOwned: fc.boolean(),
  })
  .chain(({ isOwned, initialAuthorisation, ...fields }) => {
    const root: McCapability = isOwned
      ? { kind: 'owned', initialAuthorisation, ...fields, delegations: [] }
      : { kind: 'communal', ...fields, delegations: [] }
    return narrowing(grantedArea(root)).map((delegations) => ({ ...root, delegations }))
  })

const enumeration: fc.Arbitrary<EnumerationCapability> = fc.record({
  namespaceKey: tinyId,
  userKey: tinyId,
  initialAuthorisation: signature,
  delegations: fc.array(fc.record({ userKey: tinyId, signature }), { maxLength: 3 }),
})

const token = fc.record({ capability, signature })

/** One step of a chain that includes an entry, in terms of the entry. */
const stepAround = fc.record({
  depth: fc.nat(3),
  isAny: fc.boolean(),
  earlier: u64,
  later: fc.option(u64, { nil: undefined }),
  userKey: tinyId,
  signature,
})

type StepAround = typeof stepAround extends fc.Arbitrary<infer Step> ? Step : never

/** Delegations, each inside the one before, all of which include `entry`. */
function around(
  entry: Entry,
  init: { readonly isOwned: boolean; readonly steps: readonly StepAround[] },
): readonly Delegation[] {
  let held = init.isOwned ? fullArea : subspaceArea(entry.subspaceId)
  return init.steps.map(({ depth, isAny, earlier, later, userKey, signature: signed }) => {
    const end = later === undefined || later <= entry.timestamp ? undefined : later
    const start = earlier < entry.timestamp ? earlier : entry.timestamp
    const wanted = createArea({
      subspaceId: isAny ? undefined : entry.subspaceId,
      path: pathPrefix(entry.path, Math.min(depth, entry.path.length)),
      times: { start, end },
    })
    held = intersectAreas(held, wanted) ?? held
    return { area: held, userKey, signature: signed }
  })
}

/** A token for an entry, and one before it that begins in the same way or is of the other kind. */
const tokenInContext = fc
  .record({
    entry: anyEntry,
    isOwned: fc.boolean(),
    isSameKind: fc.boolean(),
    steps: fc.array(stepAround, { maxLength: 12 }),
    shared: fc.nat(12),
    signature,
  })
  .map(({ entry, isOwned, isSameKind, steps, shared, signature: signed }) => {
    const delegations = around(entry, { isOwned, steps })
    const fields = {
      accessMode: 'write',
      namespaceKey: entry.namespaceId,
      userKey: isOwned ? idOf(3) : entry.subspaceId,
    } as const
    const ofKind = (owned: boolean, count: number): McCapability => {
      const some = { ...fields, delegations: delegations.slice(0, count) }
      return owned
        ? { kind: 'owned', initialAuthorisation: signed, ...some }
        : { kind: 'communal', ...some }
    }
    const prior = ofKind(isOwned === isSameKind, shared)
    const context = { entry, prior: { capability: prior, signature: signed } }
    return sample(
      { capability: ofKind(isOwned, steps.length), signature: signed },
      (cursor) => readTokenRelative(cursor, context),
      (sink, value) => writeTokenRelative(sink, value, context),
    )
  })

const samples: Readonly<Record<string, fc.Arbitrary<Sample>>> = {
  'compact integers': u64.map((value) => sample(value, readCompactU64, writeCompactU64)),
  paths: somePath.map((value) => sample(value, readPath, writePath)),
  'paths relative to paths': fc.tuple(somePath, somePath).map(([value, reference]) =>
    sample(
      value,
      (cursor) => readPathRelative(cursor, reference),
      (sink, path) => writePathRelative(sink, path, reference),
    ),
  ),
  'paths that extend paths': fc.tuple(somePath, fc.nat(3)).map(([value, count]) => {
    const prefix = pathPrefix(value, Math.min(count, value.length))
    return sample(
      value,
      (cursor) => readPathExtends(cursor, prefix),
      (sink, path) => writePathExtends(sink, path, prefix),
    )
  }),
  'private paths': fc.tuple(somePath, fc.nat(4), fc.nat(4)).map(([longer, a, b]) => {
    const [short, value] = [pathPrefix(longer, Math.min(a, longer.length)), longer]
    const reference = pathPrefix(short, Math.min(b, short.length))
    const context = { privatePath: a % 2 === 0 ? short : longer, reference }
    return sample(
      a % 2 === 0 ? value : short,
      (cursor) => readPrivatePath(cursor, context),
      (sink, path) => writePrivatePath(sink, path, context),
    )
  }),
  entries: anyEntry.map((value) => sample(value, readEntry, writeEntry)),
  'entries relative to entries': fc.tuple(anyEntry, anyEntry).map(([value, reference]) =>
    sample(
      value,
      (cursor) => readEntryRelative(cursor, reference),
      (sink, entry) => writeEntryRelative(sink, entry, reference),
    ),
  ),
  'entries in ranges': fc
    .tuple(anyEntry, anyRange3d)
    .filter(([entry, range]) => range3dIncludesEntry(range, entry))
    .map(([value, range]) => {
      const reference = { namespaceId: value.namespaceId, range }
      return sample(
        value,
        (cursor) => readEntryInRange(cursor, reference),
        (sink, entry) => writeEntryInRange(sink, entry, reference),
      )
    }),
  '3d ranges': fc.tuple(anyRange3d, anyRange3d).map(([value, reference]) =>
    sample(
      value,
      (cursor) => read3dRangeRelative(cursor, reference),
      (sink, range) => write3dRangeRelative(sink, range, reference),
    ),
  ),
  'areas in areas': fc.tuple(anyArea, anyArea).map(([a, reference]) =>
    sample(
      intersectAreas(a, reference) ?? reference,
      (cursor) => readAreaInArea(cursor, reference),
      (sink, area) => writeAreaInArea(sink, area, reference),
    ),
  ),
  'private areas': fc.tuple(anyArea, anyArea, fc.boolean()).map(([a, reference, isAny]) => {
    const inside = intersectAreas(a, reference) ?? reference
    const value = isAny ? { ...inside, subspaceId: undefined } : inside
    const context = { privatePath: value.path, reference }
    return sample(
      value,
      (cursor) => readPrivateArea(cursor, context),
      (sink, area) => writePrivateArea(sink, area, context),
    )
  }),
  capabilities: capability.map((value) => sample(value, readCapability, writeCapability)),
  'enumeration capabilities': enumeration.map((value) =>
    sample(value, readEnumerationCapability, writeEnumerationCapability),
  ),
  tokens: token.map((value) => sample(value, readToken, writeToken)),
  'relative tokens': tokenInContext,
}

/** What a reader makes of bytes: a value's canonical code, `more`, `wrong`, or `denied`. Any other error is thrown. */
function outcome(bytes: Uint8Array, codec: Codec<unknown>): string {
  try {
    const part = decodePart(bytes, codec.read)
    if (part === undefined) return 'more'
    if (part.bytesRead > bytes.length) return `${part.bytesRead} bytes are read`
    return Buffer.from(encodeWith((sink) => codec.write(sink, part.value))).toString('hex')
  } catch (error) {
    if (isMeadowcapError(error) && error.code === 'ERR_WILLOW_ENCODING') {
      const { byteOffset = Infinity } = error
      return byteOffset <= bytes.length ? 'wrong' : `byte ${byteOffset} is named`
    }
    // A token that was read may be for another entry, and then has no code to be compared.
    if (isMeadowcapError(error) && error.code === 'ERR_WRITE_DENIED') return 'denied'
    throw error
  }
}

const damage = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.integer({ min: 0, max: 255 }),
  cut: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})

describe.each(Object.entries(samples))('%s', (_, samplesOfKind) => {
  it('come back, and every beginning of their code asks for more', () => {
    fc.assert(
      fc.property(samplesOfKind, damage, ({ value, codec }, { cut }) => {
        const code = encodeWith((sink) => codec.write(sink, value))
        const hex = Buffer.from(code).toString('hex')
        expect(outcome(code, codec)).toBe(hex)
        expect(outcome(Uint8Array.from([...code, 7, 7]), codec)).toBe(hex)
        expect(outcome(code.subarray(0, Math.floor(cut * code.length)), codec)).toBe('more')
      }),
      { numRuns: 150 },
    )
  })

  it('are read as something else or refused when a byte is changed, and canonically in one form', () => {
    fc.assert(
      fc.property(samplesOfKind, damage, ({ value, codec }, { at, byte }) => {
        const code = encodeWith((sink) => codec.write(sink, value))
        const changed = code.with(Math.floor(at * code.length), byte)
        const read = outcome(changed, codec)
        const canonical = outcome(changed, {
          ...codec,
          read: (cursor) => readCanonical(cursor, codec),
        })
        const consumed = Buffer.from(changed).toString('hex').slice(0, read.length)
        // Exactly the code that a writer writes is canonical.
        const isSame = read === 'more' || read === 'denied' || read === consumed
        expect(canonical).toBe(isSame ? read : 'wrong')
      }),
      { numRuns: 150 },
    )
  })

  it('are never anything but read, unfinished or wrong, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 400 }),
      fc
        .array(fc.constantFrom(0, 1, 0x11, 0x41, 0x7f, 0xfc, 0xff), { maxLength: 250 })
        .map((each) => Uint8Array.from(each)),
    )
    fc.assert(
      fc.property(samplesOfKind, bytes, ({ codec }, input) => {
        expect(outcome(input, codec)).toMatch(/^(?:more|wrong|denied|[0-9a-f]*)$/)
      }),
      { numRuns: 150 },
    )
  })
})

describe('limits', () => {
  const reference = createPath([new Uint8Array(4000)])
  const capabilityHead = [0x3f, ...idOf(2), ...idOf(3)]
  const huge = Array.from({ length: 8 }, () => 0xff)

  it.each<readonly [string, readonly number[], Codec<unknown>['read']]>([
    ['a path of 4097 bytes', [0xd1, 0x10, 0x01], readPath],
    ['a path of 2^64 - 1 bytes', [0xf1, ...huge], readPath],
    ['a path of 4097 components', [0x0d, 0x10, 0x01], readPath],
    ['a path of 2^64 - 1 components', [0x0f, ...huge], readPath],
    ['97 bytes after 4000', [1, 0xc1, 97], (cursor) => readPathRelative(cursor, reference)],
    ['2 shared components of 1', [2], (cursor) => readPathRelative(cursor, reference)],
    ['129 delegations', [...capabilityHead.with(0, 0x3c), 129], readCapability],
    ['2^64 - 1 delegations', [...capabilityHead, ...huge], readCapability],
    [
      '129 enumerating delegations',
      [...idOf(1), ...idOf(1), ...new Uint8Array(64), 129],
      readEnumerationCapability,
    ],
  ])('refuse %s before there are bytes for them', (_, bytes, read) => {
    expect(() => decodeWhole(Uint8Array.from(bytes), read)).toThrow(
      expect.objectContaining({ code: 'ERR_WILLOW_ENCODING' }),
    )
  })

  it.each<readonly [string, readonly number[], Codec<unknown>['read']]>([
    ['a path of 4096 bytes', [0xd1, 0x10, 0x00], readPath],
    ['a path of 4096 components', [0x0d, 0x10, 0x00], readPath],
    ['96 bytes after 4000', [1, 0xc1, 96], (cursor) => readPathRelative(cursor, reference)],
    ['128 delegations', [...capabilityHead, 0, 0, 0, 0, 0, 0, 0, 128], readCapability],
  ])('let %s wait for their bytes, and allocate nothing', (_, bytes, read) => {
    const input = Uint8Array.from(bytes)
    const before = process.memoryUsage().arrayBuffers
    for (let count = 0; count < 2000; count++) expect(decodePart(input, read)).toBeUndefined()
    // 2000 paths of 4096 bytes would be 8 MB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000)
  })

  it('allow a path of 4096 components, and of one of 4096 bytes', () => {
    const many = createPath(Array.from({ length: 4096 }, () => ''))
    const long = createPath([new Uint8Array(4096)])
    for (const path of [many, long]) {
      const code = encodeWith((sink) => writePath(sink, path))
      expect(decodeWhole(code, readPath).sortKey).toEqual(path.sortKey)
    }
  })

  it('do not let writers widen', () => {
    const inner = { ...fullArea, path: createPath(['a']) }
    expect(() => encodeWith((sink) => writeAreaInArea(sink, fullArea, inner))).toThrow(RangeError)
    expect(() => encodeWith((sink) => writePathExtends(sink, createPath([]), inner.path))).toThrow(
      RangeError,
    )
    const context = {
      privatePath: inner.path,
      reference: { ...fullArea, times: { start: 1n, end: 2n } },
    }
    expect(() => encodeWith((sink) => writePrivateArea(sink, inner, context))).toThrow(RangeError)
  })
})
