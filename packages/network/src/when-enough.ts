/** Waiting for several things of which some may be slow. */

/**
 * Settles when all have, or so many milliseconds after the first one has succeeded: what is
 * slow then goes on by itself, and its owner hears how it ends.
 *
 * @throws what the first of them rejects with, when it does so in that time.
 */
export async function whenEnough(
  work: readonly Promise<unknown>[],
  graceMs: number,
): Promise<void> {
  const grace = Promise.withResolvers<void>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let isOver = false
  const begin = (): void => {
    if (!isOver) timer ??= setTimeout(grace.resolve, graceMs)
  }
  // Whether one fails is told by the race below.
  for (const one of work) one.then(begin, () => undefined)
  try {
    await Promise.race([Promise.all(work), grace.promise])
  } finally {
    isOver = true
    clearTimeout(timer)
  }
}
