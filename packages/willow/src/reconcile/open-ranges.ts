import type { Path, Range3d } from '@vudo/meadowcap'

/** Questions in the order in which they were asked, with what they cost in memory. */
export class OpenRanges<Question> {
  #items: { readonly question: Question; readonly bytes: number }[] = []
  /** Where the first one is: taking it from an array would move all the others. */
  #head = 0
  bytes = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): Question | undefined {
    return this.#items[this.#head]?.question
  }

  push(question: Question, bytes: number): void {
    this.#items.push({ question, bytes })
    this.bytes += bytes
  }

  shift(): Question | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#head += 1
    this.bytes -= item.bytes
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item.question
  }
}

/** Bytes that a range takes in memory, about: each component is a buffer, and a key for sorting is twice as long as the path. */
export function sizeOfRange({ paths }: Range3d): number {
  return 512 + sizeOfPath(paths.start) + (paths.end === undefined ? 0 : sizeOfPath(paths.end))
}

function sizeOfPath({ totalBytes, length }: Path): number {
  return 4 * totalBytes + 128 * length
}
