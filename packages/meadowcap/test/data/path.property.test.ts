import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  arePathsRelated,
  commonPrefixLength,
  comparePaths,
  createPath,
  emptyPath,
  isPathPrefix,
  parsePath,
  pathFromSortKey,
  pathsEqual,
  prefixSuccessor,
  type Path,
} from '@vudo/meadowcap'
import { anyPath, tinyPath } from '../arbitraries.ts'
import { jsonOf } from '../examples.ts'

/** The order of the specification, component by component, without a sort key. */
function compareByComponents(a: Path, b: Path): number {
  for (const [index, component] of a.components.entries()) {
    const other = b.components[index]
    if (other === undefined) return 1
    const order = Buffer.compare(component, other)
    if (order !== 0) return order
  }
  return a.length - b.length
}

function sharedComponents(a: Path, b: Path): number {
  const [x, y] = [jsonOf(a), jsonOf(b)]
  const at = x.findIndex((component, index) => component !== y[index])
  return at === -1 ? x.length : at
}

it('orders paths as their components, and finds prefixes', () => {
  const pair = fc.oneof(fc.tuple(tinyPath, tinyPath), fc.tuple(anyPath, anyPath))
  fc.assert(
    fc.property(pair, ([a, b]) => {
      const shared = sharedComponents(a, b)
      expect(Math.sign(comparePaths(a, b))).toBe(Math.sign(compareByComponents(a, b)))
      expect(commonPrefixLength(a, b)).toBe(shared)
      expect(isPathPrefix(a, b)).toBe(shared === a.length)
      expect(arePathsRelated(a, b)).toBe(shared === Math.min(a.length, b.length))
      expect(pathsEqual(a, b)).toBe(compareByComponents(a, b) === 0)
    }),
    { numRuns: 2000 },
  )
})

it('comes back from the sort key and from text', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      for (const copy of [pathFromSortKey(path.sortKey), parsePath(path.toString())]) {
        expect(jsonOf(copy)).toEqual(jsonOf(path))
        expect([copy.length, copy.totalBytes]).toEqual([path.length, path.totalBytes])
      }
    }),
  )
})

it('finds nothing between the extensions of a path and its successor', () => {
  // Every path over two symbols with up to three components of up to two symbols.
  const components = ['', 'a', '\xff', 'aa'].map((text) =>
    Uint8Array.from(Buffer.from(text, 'latin1')),
  )
  const all: Path[] = [createPath([])]
  for (let from = 0, depth = 0; depth < 3; depth++) {
    const to = all.length
    for (; from < to; from++) {
      const path = all[from] ?? emptyPath
      for (const component of components) all.push(createPath([...path.components, component]))
    }
  }
  for (const path of all) {
    const end = prefixSuccessor(path)
    for (const other of all) {
      const isBelow =
        comparePaths(path, other) <= 0 && (end === undefined || comparePaths(other, end) < 0)
      expect(isBelow).toBe(isPathPrefix(path, other))
    }
  }
})
