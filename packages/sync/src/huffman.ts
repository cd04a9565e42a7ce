/** Lengths of codes for symbols that come so often: short ones for frequent ones (Huffman 1952), and none beyond a limit. */

/** @param counts - How often each symbol comes. Symbols that never come get no code; at least two get one, so that the set is full. */
export function codeLengths(counts: Uint32Array, maxBits: number): Uint8Array {
  const weights = Uint32Array.from(counts)
  // A set of one code would be no full one.
  for (let symbol = 0; weights.filter((weight) => weight > 0).length < 2; symbol++) {
    weights[symbol] ||= 1
  }
  for (;;) {
    const lengths = lengthsOf(weights)
    if (Math.max(...lengths) <= maxBits) return lengths
    // Flatter, until no code is too long.
    for (const [symbol, weight] of weights.entries()) {
      if (weight > 0) weights[symbol] = (weight >>> 2) + 1
    }
  }
}

/** Two rows, each in order: symbols, and pairs that were made of the two lightest. */
function lengthsOf(weights: Uint32Array): Uint8Array {
  const symbols = Array.from(weights.keys())
    .filter((symbol) => weights[symbol])
    .toSorted((a, b) => (weights[a] ?? 0) - (weights[b] ?? 0))
  const leaves = symbols.length
  const weightOf = symbols.map((symbol) => weights[symbol] ?? 0)
  const parents = new Uint16Array(2 * leaves - 1)
  let [leaf, pair] = [0, leaves]
  const lightest = (made: number): number => {
    const isLeaf = leaf < leaves && (pair >= made || (weightOf[leaf] ?? 0) <= (weightOf[pair] ?? 0))
    return isLeaf ? leaf++ : pair++
  }
  for (let made = leaves; made < 2 * leaves - 1; made++) {
    const [one, other] = [lightest(made), lightest(made)]
    weightOf[made] = (weightOf[one] ?? 0) + (weightOf[other] ?? 0)
    parents[one] = parents[other] = made
  }
  const depths = new Uint8Array(2 * leaves - 1)
  for (let at = 2 * leaves - 3; at >= 0; at--) depths[at] = (depths[parents[at] ?? 0] ?? 0) + 1
  const lengths = new Uint8Array(weights.length)
  for (const [at, symbol] of symbols.entries()) lengths[symbol] = depths[at] ?? 0
  return lengths
}
