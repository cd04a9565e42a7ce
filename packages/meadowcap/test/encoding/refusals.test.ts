/** Codes that are wrong by one rule each; the public vectors have more, where they are at hand. */
import { describe, expect, it } from 'vitest'
import {
  createArea,
  createCursor,
  createEntry,
  createPath,
  decodeWhole,
  defaultEntry,
  defaultToken,
  encodeWith,
  emptyPath,
  full3dRange,
  fullArea,
  LEAST_ID,
  MeadowcapError,
  read3dRangeRelative,
  readAreaInArea,
  readEntryInRange,
  readEntryRelative,
  readPrivateArea,
  readPrivatePath,
  readTokenRelative,
  subspaceArea,
  timeRanges,
  writeTokenRelative,
  type AuthorisationToken,
  type McCapability,
  type Path,
  type Range3d,
  type Reader,
} from '@vudo/meadowcap'
import { idOf } from '../arbitraries.ts'

/** The place and reason of the refusal; the value when there is none. */
function refusal(read: Reader<unknown>, ...parts: readonly (number | Uint8Array)[]): unknown {
  const bytes = parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part]))
  try {
    return decodeWhole(Uint8Array.from(bytes), read)
  } catch (error) {
    if (!(error instanceof MeadowcapError)) throw error
    return [error.code, error.byteOffset, error.reason]
  }
}

function wrong(byteOffset: number, reason: string): unknown {
  return ['ERR_WILLOW_ENCODING', byteOffset, reason]
}

const digest = idOf(9)
const entry = createEntry({
  namespaceId: idOf(2),
  subspaceId: idOf(3),
  path: createPath(['a', 'b']),
  timestamp: 10n,
  payloadLength: 0n,
  payloadDigest: digest,
})
/** No shared component and the empty path. */
const noPath = Uint8Array.of(0, 0)

const relativeEntry: Reader<unknown> = (cursor) => readEntryRelative(cursor, entry)

describe('an entry relative to another', () => {
  it('may not repeat what is the same', () => {
    expect(refusal(relativeEntry, 0x80, entry.namespaceId)).toEqual(
      wrong(1, 'an id is written out and the same'),
    )
    expect(refusal(relativeEntry, 0x40, entry.subspaceId)).toEqual(
      wrong(1, 'an id is written out and the same'),
    )
    expect(refusal(relativeEntry, 0x20, 0, noPath, digest)).toEqual(
      wrong(2, 'a later entry has the same timestamp'),
    )
  })

  it('has a timestamp of 64 bits', () => {
    expect(refusal(relativeEntry, 0x00, 11, noPath, digest)).toEqual(
      wrong(4, 'a timestamp is less than 0'),
    )
    const late = [0x38, new Uint8Array(8).fill(0xff), noPath, digest]
    expect(refusal(relativeEntry, ...late)).toEqual(
      wrong(11, 'a timestamp is greater than 2^64 - 1'),
    )
  })
})

function entryIn(range: Range3d): Reader<unknown> {
  return (cursor) => readEntryInRange(cursor, { namespaceId: idOf(2), range })
}

describe('an entry in a range', () => {
  const range: Range3d = { ...full3dRange, times: timeRanges.create(10n, 20n) }
  it('is in it', () => {
    // 9 and 10 after the start: 19 and 20.
    expect(refusal(entryIn(range), 0x60, noPath, 9, digest)).toMatchObject({ timestamp: 19n })
    expect(refusal(entryIn(range), 0x60, noPath, 10, digest)).toEqual(
      wrong(0, 'the entry is not in the range'),
    )
    expect(refusal(entryIn(range), 0x40, noPath, 11, digest)).toEqual(
      wrong(0, 'the entry is not in the range'),
    )
  })

  it('is relative to bounds that there are', () => {
    const reason = 'relative to the end of an open range'
    expect(refusal(entryIn(range), 0x20)).toEqual(wrong(0, reason))
    expect(refusal(entryIn(full3dRange), 0x40)).toEqual(wrong(0, reason))
  })
})

const inFull: Reader<unknown> = (cursor) => readAreaInArea(cursor, fullArea)

describe('an area in another', () => {
  const closed = createArea({ subspaceId: idOf(3), times: timeRanges.create(10n, 20n) })
  const inClosed: Reader<unknown> = (cursor) => readAreaInArea(cursor, closed)

  it('counts from the start where the reference is open', () => {
    const fromEnd = 'times counted from an end that is open'
    const flag = 'the flag of the end contradicts the times'
    expect(refusal(inFull, 0x00, 1, 2, 0)).toEqual(wrong(0, fromEnd))
    expect(refusal(inFull, 0x20, 1, 2, 0)).toEqual(wrong(0, flag))
    expect(refusal(inFull, 0x70, 1, 0)).toEqual(wrong(0, flag))
    expect(refusal(inFull, 0x30, 1, 2, 0)).toMatchObject({ times: { start: 1n, end: 2n } })
  })

  it('is inside, and not empty', () => {
    expect(refusal(inFull, 0x30, 2, 2, 0)).toEqual(wrong(1, 'the times are empty'))
    expect(refusal(inClosed, 0x60, 1, 0)).toEqual(wrong(0, 'open times in a closed reference'))
    expect(refusal(inClosed, 0x80, idOf(4))).toEqual(
      wrong(0, 'another subspace than the reference'),
    )
    const outside = 'the times are not inside those of the reference'
    expect(refusal(inClosed, 0x30, 1, 11, 0)).toEqual(wrong(1, outside))
    expect(refusal(inClosed, 0x00, 11, 1, 0)).toEqual(wrong(1, outside))
  })
})

const rangeInFull: Reader<unknown> = (cursor) => read3dRangeRelative(cursor, full3dRange)

describe('a 3d range', () => {
  it('has a start, and is relative to bounds that there are', () => {
    expect(refusal(rangeInFull, 0x0d, 0xc0)).toEqual(wrong(0, 'a range has no start'))
    expect(refusal(rangeInFull, 0x8d, 0xc0)).toEqual(wrong(2, 'the reference has no last subspace'))
    expect(refusal(rangeInFull, 0x6d, 0xc0)).toEqual(wrong(2, 'the reference has no last subspace'))
    expect(refusal(rangeInFull, 0x45, 0xc0)).toEqual(wrong(2, 'relative to the end of open paths'))
    expect(refusal(rangeInFull, 0x4d, 0x40, noPath)).toEqual(
      wrong(4, 'relative to the end of open times'),
    )
  })

  it('is not empty in any dimension', () => {
    const empty = wrong(0, 'a range is empty')
    expect(refusal(rangeInFull, 0x5d, 0xc0, noPath, 0)).toEqual(empty)
    expect(refusal(rangeInFull, 0x7d, 0xc0, LEAST_ID, noPath, 0)).toEqual(empty)
    expect(refusal(rangeInFull, 0x4b, 0xc0, noPath, noPath, 0)).toEqual(empty)
    expect(refusal(rangeInFull, 0x4c, 0xcc, noPath, 5, 5)).toEqual(empty)
    expect(refusal(rangeInFull, 0x4c, 0xcc, noPath, 5, 6)).toMatchObject({
      times: { start: 5n, end: 6n },
    })
    expect(refusal(rangeInFull, 0x4d, 0x80, noPath, 5)).toEqual(
      wrong(5, 'a timestamp is less than 0'),
    )
  })
})

function privatePathAfter(reference: Path): Reader<Path> {
  return (cursor) => readPrivatePath(cursor, { privatePath: entry.path, reference })
}

function privateAreaIn(subspaceId: Uint8Array | undefined): Reader<unknown> {
  const context = { privatePath: emptyPath, reference: createArea({ subspaceId }) }
  return (cursor) => readPrivateArea(cursor, context)
}

describe('private codes', () => {
  const [a, c] = [createPath(['a']), createPath(['c'])]

  it('extend their reference', () => {
    const read = privatePathAfter(a)
    expect(refusal(read, 0)).toEqual(wrong(0, 'the path does not extend its reference'))
    expect(refusal(read, 3)).toEqual(
      wrong(1, '3 components of the private path, at most 2 are allowed'),
    )
    expect(String(refusal(read, 1))).toBe('/a')
    // A reference that is not related is the caller's mistake, or a token made up of others.
    expect(refusal(privatePathAfter(c), 1)).toEqual(wrong(0, 'the reference is not related'))
  })

  it('say once whether the subspace is any', () => {
    const flags = wrong(0, 'the flags of the subspace contradict it')
    expect(refusal(privateAreaIn(idOf(3)), 0x60)).toEqual(flags)
    expect(refusal(privateAreaIn(undefined), 0xe0)).toEqual(flags)
    expect(refusal(privateAreaIn(undefined), 0x20)).toEqual(flags)
    expect(refusal(privateAreaIn(idOf(3)), 0xa0, idOf(3))).toEqual(flags)
    expect(refusal(privateAreaIn(idOf(3)), 0xe0, 0, 0)).toMatchObject({ subspaceId: undefined })
    expect(refusal(privateAreaIn(idOf(3)), 0xa0, idOf(4), 0, 0)).toMatchObject({
      subspaceId: idOf(4),
    })
  })
})

function tokenAfter(prior: AuthorisationToken): Reader<unknown> {
  return (cursor) => readTokenRelative(cursor, { entry, prior })
}

describe('a relative token', () => {
  const step = { area: subspaceArea(idOf(3)), userKey: idOf(4), signature: new Uint8Array(64) }
  const once: AuthorisationToken = {
    ...defaultToken,
    capability: { ...defaultToken.capability, delegations: [step] },
  }
  const owned: AuthorisationToken = {
    signature: new Uint8Array(64),
    capability: {
      ...defaultToken.capability,
      kind: 'owned',
      initialAuthorisation: new Uint8Array(64),
      delegations: [step],
    },
  }

  it('shares no more than there is, of the same kind', () => {
    expect(refusal(tokenAfter(once), 0x31)).toEqual(
      wrong(1, '3 for the shared delegations plus 1, at most 2 are allowed'),
    )
    expect(refusal(tokenAfter(defaultToken), 0x20)).toEqual(
      wrong(1, '2 for the shared delegations plus 1, at most 1 are allowed'),
    )
    expect(refusal(tokenAfter(once), 0x20)).toEqual(wrong(0, 'shares 1 of 0 delegations'))
    expect(refusal(tokenAfter(owned), 0x10)).toEqual(wrong(0, 'shares steps with another kind'))
    expect(refusal(tokenAfter(once), 0x90)).toEqual(wrong(0, 'shares steps with another kind'))
    expect(refusal(tokenAfter(once), 0x00)).toEqual(
      wrong(0, 'a communal token after another shares its beginning'),
    )
    expect(refusal(tokenAfter(once), 0x21, new Uint8Array(64))).toMatchObject({
      capability: { delegations: [step], namespaceKey: entry.namespaceId },
    })
  })

  it('has no code for an entry that it does not allow', () => {
    const { capability, signature } = defaultToken
    const path = createArea({ subspaceId: capability.userKey, path: createPath(['z']) })
    const inZ = { area: path, userKey: idOf(4), signature }
    const denied: readonly McCapability[] = [
      { ...capability, delegations: [inZ] },
      { ...capability, accessMode: 'read' },
      { ...capability, userKey: idOf(4) },
      { ...capability, namespaceKey: idOf(4) },
    ]
    for (const other of denied) {
      const token = { capability: other, signature }
      const context = { entry: defaultEntry, prior: defaultToken }
      expect(() => encodeWith((sink) => writeTokenRelative(sink, token, context))).toThrow(
        expect.objectContaining({ code: 'ERR_WRITE_DENIED' }),
      )
    }
  })

  it('has at most 128 delegations', () => {
    expect(refusal(tokenAfter(once), 0x1c, 129)).toEqual(
      wrong(1, '129 delegations, at most 128 are allowed'),
    )
  })
})

it('starts where it is told', () => {
  const cursor = createCursor(Uint8Array.of(1, 2, 3), 1)
  expect([cursor.byte(), cursor.remaining, cursor.take(1)]).toEqual([2, 1, Uint8Array.of(3)])
  expect(() => cursor.byte()).toThrow(
    expect.objectContaining({ code: 'ERR_WILLOW_INCOMPLETE', byteOffset: 3 }),
  )
  expect(cursor.error('odd').message).toBe('odd, at byte 3')
})
