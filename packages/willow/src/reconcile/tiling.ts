import {
  pathRanges,
  subspaceRanges,
  timeRanges,
  type Range,
  type Range3d,
  type RangeKind,
} from '@vudo/meadowcap'

type Dimension = keyof Range3d

/**
 * Follows the parts into which a peer cuts a range: along one dimension, one behind the other,
 * at least two, without gaps. A peer whose parts grew, or overlapped, could split for ever.
 */
export class Tiling {
  readonly #whole: Range3d
  #dimension: Dimension | undefined
  #last: Range3d | undefined

  constructor(whole: Range3d) {
    this.#whole = whole
  }

  /** Takes the next part; tells whether it belongs there. */
  add(part: Range3d, isLast: boolean): boolean {
    this.#dimension ??= dimensions.find((name) => !equalIn(name, part, this.#whole))
    const dimension = this.#dimension
    if (dimension === undefined) return false
    const others = dimensions.filter((name) => name !== dimension)
    if (!others.every((name) => equalIn(name, part, this.#whole))) return false
    const previous = this.#last
    this.#last = part
    return followsIn(dimension, { part, previous, whole: this.#whole, isLast })
  }
}

const dimensions: readonly Dimension[] = ['subspaces', 'paths', 'times']

function equalIn(dimension: Dimension, a: Range3d, b: Range3d): boolean {
  if (dimension === 'subspaces') return subspaceRanges.equal(a.subspaces, b.subspaces)
  if (dimension === 'paths') return pathRanges.equal(a.paths, b.paths)
  return timeRanges.equal(a.times, b.times)
}

interface Step<Value> {
  readonly part: Value
  readonly previous: Value | undefined
  readonly whole: Value
  readonly isLast: boolean
}

function followsIn(dimension: Dimension, step: Step<Range3d>): boolean {
  const { part, previous, whole, isLast } = step
  if (dimension === 'subspaces') {
    return follows(subspaceRanges, {
      part: part.subspaces,
      previous: previous?.subspaces,
      whole: whole.subspaces,
      isLast,
    })
  }
  if (dimension === 'paths') {
    return follows(pathRanges, {
      part: part.paths,
      previous: previous?.paths,
      whole: whole.paths,
      isLast,
    })
  }
  return follows(timeRanges, {
    part: part.times,
    previous: previous?.times,
    whole: whole.times,
    isLast,
  })
}

function follows<Value>(kind: RangeKind<Value>, step: Step<Range<Value>>): boolean {
  const { part, previous, whole, isLast } = step
  const start = previous === undefined ? whole.start : previous.end
  if (start === undefined || kind.compare(part.start, start) !== 0) return false
  if (!kind.contains(whole, part)) return false
  const reachesEnd =
    part.end === undefined || whole.end === undefined
      ? part.end === whole.end
      : kind.compare(part.end, whole.end) === 0
  return reachesEnd === isLast
}
