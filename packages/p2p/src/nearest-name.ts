/**
 * The known name that a misspelled one was probably meant to be: the one with the fewest
 * letters inserted, left out, changed or swapped with their neighbour (Damerau, 1964),
 * capitals aside.
 *
 * @returns `undefined` when none is near: more than a third of the letters differ.
 */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  // Longer than any name of ours by more than is near, and not worth comparing.
  if (name.length > 64) return undefined
  let nearest: string | undefined
  let least = Infinity
  for (const one of known) {
    const distance = editDistance(name.toLowerCase(), one.toLowerCase())
    if (distance >= least || distance > Math.max(1, Math.floor(one.length / 3))) continue
    least = distance
    nearest = one
  }
  return nearest
}

function editDistance(a: string, b: string): number {
  let before: readonly number[] = []
  let row: readonly number[] = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swap = isSwap && i > 1 && j > 1 ? (before[j - 2] ?? 0) + 1 : Infinity
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[b.length] ?? 0
}
