/** How ranges are cut: the more parts, the fewer legs and the more bytes. */
import {
  DEFAULT_SPLIT_PARTS,
  DEFAULT_SPLIT_THRESHOLD,
  MAX_RANGE_IDS,
  MAX_RECONCILE_DEPTH,
  MAX_ROOT_ENTRIES,
  MAX_SPLIT_PARTS,
} from '../limits.ts'

/** How ranges are cut. Both ends may choose differently. */
export interface SplitSettings {
  /**
   * Parts into which a range that differs is cut, 2 to `MAX_SPLIT_PARTS`. More of them need
   * fewer legs and more bytes.
   *
   * @defaultValue 16
   */
  readonly parts?: number | undefined
  /**
   * Entries of a range, 0 to `MAX_RANGE_IDS`, up to which they are named one by one instead.
   *
   * @defaultValue 32
   */
  readonly threshold?: number | undefined
}

/** The choice of one end. */
export class SplitPolicy {
  /** The most parts into which a range is cut. */
  readonly parts: number
  readonly #threshold: number

  /** @throws `RangeError` when parts or threshold are out of range. */
  constructor({ parts = DEFAULT_SPLIT_PARTS, threshold = DEFAULT_SPLIT_THRESHOLD }: SplitSettings) {
    if (!Number.isInteger(parts) || parts < 2 || parts > MAX_SPLIT_PARTS) {
      throw new RangeError(`parts is ${parts}, expected 2 to ${MAX_SPLIT_PARTS}`)
    }
    if (!Number.isInteger(threshold) || threshold < 0 || threshold > MAX_RANGE_IDS) {
      throw new RangeError(`threshold is ${threshold}, expected 0 to ${MAX_RANGE_IDS}`)
    }
    this.parts = parts
    this.#threshold = threshold
  }

  /** True when the entries of a range are named, because they are few or it was cut too often. */
  isNamed(count: number, depth: number): boolean {
    return count <= this.#threshold || depth >= MAX_RECONCILE_DEPTH
  }

  /** As few as bring the parts below the threshold: each costs a fingerprint. */
  partsFor(count: number): number {
    const needed = Math.ceil((2 * count) / Math.max(1, this.#threshold))
    return Math.max(2, Math.min(this.parts, needed))
  }
}

/** How many pieces of a store are compared, one after the other. */
export function piecesOf(count: number): number {
  return Math.min(Math.ceil(count / MAX_ROOT_ENTRIES), MAX_SPLIT_PARTS)
}
