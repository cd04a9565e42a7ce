/** What comes in while nobody waits for it, for one who reads at her own pace. */
export interface News<T> extends AsyncIterable<T> {
  /** Adds one; at the limit the oldest goes. Ignored after {@link end}. */
  put(item: T): void
  /** Ends the iteration, when what is kept has been read. */
  end(): void
}

/** Makes an empty one that keeps at most `limit`. */
export function createNews<T>(limit: number): News<T> {
  const items: T[] = []
  let isEnded = false
  let wake = Promise.withResolvers<void>()
  const stir = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  return {
    put(item) {
      if (isEnded) return
      items.push(item)
      if (items.length > limit) items.shift()
      stir()
    },
    end() {
      isEnded = true
      stir()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        // Taken one by one, because more may come while the reader is busy.
        const next = items.shift()
        if (next !== undefined) yield next
        else if (isEnded) return
        // oxlint-disable-next-line no-await-in-loop
        else await wake.promise
      }
    },
  }
}
