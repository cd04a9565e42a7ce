/** The model of a store in 20 lines, and tiny alphabets that make everything collide. */
import {
  createEntry,
  createPath,
  prunes,
  range3dIncludesEntry,
  pathRanges,
  subspaceRanges,
  timeRanges,
  type AuthorisationToken,
  type AuthorisedEntry,
  type Entry,
  type Path,
  type Range,
  type Range3d,
  type RangeKind,
} from '@vudo/meadowcap'
import fc from 'fast-check'
import type { HeldEntry } from '../../src/store/store.ts'

export const namespaceId: Uint8Array = new Uint8Array(32).fill(0x20)

/** Lets every write through: what is tested here is not the write check. */
export const permissive = {
  denialsOf: (items: readonly unknown[]): Promise<undefined[]> =>
    Promise.resolve(items.map(() => undefined)),
}

/** All entries that no entry prunes: what `join` of everything ever inserted is. */
export class ModelStore {
  entries: Entry[] = []

  insert(entry: Entry): void {
    if (this.entries.some((held) => prunes(held, entry) || isSame(held, entry))) return
    this.entries = [...this.entries.filter((held) => !prunes(entry, held)), entry]
  }

  in(range: Range3d): Entry[] {
    return this.entries.filter((entry) => range3dIncludesEntry(range, entry)).toSorted(byPlace)
  }
}

export function isSame(a: Entry, b: Entry): boolean {
  return textOf(a) === textOf(b)
}

export function byPlace(a: Entry, b: Entry): number {
  return (
    Buffer.compare(a.subspaceId, b.subspaceId) || Buffer.compare(a.path.sortKey, b.path.sortKey)
  )
}

/** An entry in one line, to compare sets of them. */
export function textOf(entry: Entry): string {
  const { subspaceId, path, timestamp, payloadLength, payloadDigest } = entry
  return `${subspaceId[31]} ${path.toString()} ${timestamp} ${payloadDigest[0]} ${payloadLength}`
}

export function textsOf(entries: readonly Entry[]): string[] {
  return entries.toSorted(byPlace).map(textOf)
}

export async function collect(iterable: AsyncIterable<HeldEntry>): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const { entry } of iterable) entries.push(entry)
  return entries
}

export function idOf(number: number): Uint8Array {
  return new Uint8Array(32).fill(number, 31)
}

export function tokenFor(entry: Entry): AuthorisationToken {
  return {
    capability: {
      kind: 'communal',
      accessMode: 'write',
      namespaceKey: entry.namespaceId,
      userKey: entry.subspaceId,
      delegations: [],
    },
    signature: new Uint8Array(64),
  }
}

export function authorised(entry: Entry): AuthorisedEntry {
  return { entry, token: tokenFor(entry) }
}

/** Two subspaces, paths of up to three of these components, three timestamps, three digests. */
export const componentArbitrary: fc.Arbitrary<Uint8Array> = fc.constantFrom(
  Uint8Array.of(),
  Uint8Array.of(0),
  Uint8Array.of(0xff),
)
export const pathArbitrary: fc.Arbitrary<Path> = fc
  .array(componentArbitrary, { maxLength: 3 })
  .map((components) => createPath(components))
export const entryArbitrary: fc.Arbitrary<Entry> = fc
  .record({
    subspace: fc.constantFrom(1, 2),
    path: pathArbitrary,
    timestamp: fc.bigInt({ min: 0n, max: 2n }),
    digest: fc.constantFrom(1, 2, 3),
  })
  .map(({ subspace, path, timestamp, digest }) =>
    createEntry({
      namespaceId,
      subspaceId: idOf(subspace),
      path,
      timestamp,
      payloadLength: BigInt(digest),
      payloadDigest: new Uint8Array(32).fill(digest),
    }),
  )

function rangeArbitrary<Value>(
  kind: RangeKind<Value>,
  values: fc.Arbitrary<Value>,
): fc.Arbitrary<Range<Value>> {
  const bounds = fc.tuple(fc.option(values, { nil: kind.full.start }), fc.option(values))
  return bounds.map(([start, end]) =>
    end !== null && kind.compare(start, end) < 0 ? kind.create(start, end) : kind.create(start),
  )
}

export const rangeArbitrary3d: fc.Arbitrary<Range3d> = fc.record({
  subspaces: rangeArbitrary(subspaceRanges, fc.constantFrom(1, 2, 3).map(idOf)),
  paths: rangeArbitrary(pathRanges, pathArbitrary),
  times: rangeArbitrary(timeRanges, fc.bigInt({ min: 0n, max: 3n })),
})
